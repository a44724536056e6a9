"""The command and the nightly jobs."""

import json
from datetime import timedelta
from io import StringIO
from uuid import uuid4

import pytest
from django.core.cache import cache
from django.core.management import CommandError, call_command
from django.utils import timezone
from django_celery_beat.models import PeriodicTask

from circletel.core import jobs
from circletel.core.models import Job
from pricing import tasks
from pricing.mirror.report import PullReport
from pricing.models import OwedRead, Subscription
from tests.factories import person
from zoho_sync.backfill.report import Ending

pytestmark = pytest.mark.django_db


def command(*arguments):
    """Exit code, standard output."""
    out = StringIO()
    try:
        call_command("pull_subscriptions", *arguments, stdout=out, stderr=StringIO())
    except SystemExit as end:
        return end.code, out.getvalue()
    return 0, out.getvalue()


def test_exit_codes_and_json_tell_how_it_went(shop):
    shop.join()
    shop.join()

    code, said = command("--dry-run", "--json", "-")
    told = json.loads(said)
    assert (code, told["exit_code"], told["ending"]) == (5, 5, "differs")
    assert (told["plan"]["new"], told["plan"]["calls_needed"], told["calls_used"]) == (2, 3, 1)

    code, said = command("--max-calls", "3", "--json", "-")
    told = json.loads(said)
    assert (code, told["read"], told["still_owed"], told["calls_used"]) == (4, 1, 1, 3)

    code, said = command("--resume", "--json", "-")
    told = json.loads(said)
    assert (code, told["read"], told["still_owed"], told["calls_used"], told["ending"]) == (
        0,
        1,
        0,
        1,
        "in_step",
    )
    assert command("--dry-run")[0] == 0


def test_the_plan_is_said_before_anything_is_read(shop):
    shop.join()

    _, said = command()

    lines = [" ".join(line.split()) for line in said.splitlines()]
    assert lines[1] == "Zoho Billing lists 1 subscriptions. The plan:"
    plan, read = (
        next(number for number, line in enumerate(lines) if line.startswith(words))
        for words in ("calls needed 2", "1 of 1 read")
    )
    assert plan < read


@pytest.mark.parametrize("other", ["--dry-run", "--full"])
def test_resume_goes_on_and_begins_nothing(zoho, other):
    with pytest.raises(CommandError, match="goes on with what was begun") as refused:
        call_command("pull_subscriptions", "--resume", other)
    assert refused.value.returncode == 2


def test_without_a_zoho_it_says_what_to_set(settings):
    settings.ZOHO_API_URL = ""

    with pytest.raises(CommandError, match="set ZOHO_API_URL"):
        call_command("pull_subscriptions")


def test_a_zoho_that_refuses_the_connection_ends_it_with_one(shop, settings):
    settings.ZOHO_PRICES_INCLUDE_VAT = False
    cache.clear()

    code, said = command()

    assert code == 1
    assert "ZOHO_PRICES_INCLUDE_VAT" in said


def test_the_nightly_job_pulls_and_writes_down_what_it_did(shop):
    shop.join()

    assert tasks.pull_subscriptions()

    assert Subscription.objects.count() == 1
    run = Job.objects.get(kind="pricing.tasks.pull_subscriptions")
    assert (run.state, run.result) == ("done", "1 read, 0 gone, 0 to be read, 3 calls")


def test_the_nightly_job_goes_on_by_itself_when_calls_are_used_up(zoho, monkeypatch, sent_tasks):
    asked = []
    later = PullReport(ending=Ending.LATER, words="No calls.", owed=7)
    monkeypatch.setattr(tasks, "pull_in_job", lambda _job, order, **_: asked.append(order) or later)

    tasks.pull_subscriptions()

    assert [order.resume for order in asked] == [True]
    job = Job.objects.get()
    assert (job.state, job.progress) == (
        "waiting",
        "0 read, 0 gone, 7 to be read, 0 calls; goes on: No calls.",
    )
    assert 560 < (job.due_at - timezone.now()).total_seconds() <= 570


def test_a_slice_of_the_nightly_job_is_followed_by_the_next(shop, monkeypatch, sent_tasks):
    told = [shop.join() for _ in range(2)]
    monkeypatch.setattr(tasks, "SLICE_SECONDS", 0)

    tasks.pull_subscriptions()

    job = Job.objects.get()
    assert (job.state, job.progress) == ("waiting", "0 read, 0 gone, 0 to be read, 0 calls")
    assert sent_tasks[-1] == ("circletel.core.tasks.run_job", (str(job.pk),), 5)
    monkeypatch.undo()
    tasks.pull_subscriptions()
    assert (Job.objects.get().state, Subscription.objects.count()) == ("done", len(told))


def test_a_pull_is_cancelled_on_its_page(shop, monkeypatch):
    for _ in range(3):
        shop.join()
    operator = person("lerato.mokoena", "Sync operator")
    monkeypatch.setattr("pricing.mirror.pull.PROGRESS_EVERY", 1)
    progress = jobs.RunningJob.progress

    def cancelled_after_one(job, done, *more):
        if done == 1:
            jobs.cancel(job.job.pk, actor=operator)
        progress(job, done, *more)

    monkeypatch.setattr(jobs.RunningJob, "progress", cancelled_after_one)
    tasks.pull_subscriptions()

    assert (Job.objects.get().state, Subscription.objects.count(), OwedRead.objects.count()) == (
        "cancelled",
        1,
        2,
    )


def test_the_command_does_the_job_that_waits_and_none_that_runs(shop, monkeypatch):
    shop.join()
    later = PullReport(ending=Ending.LATER, words="No calls.", owed=7)
    with monkeypatch.context() as patched:
        patched.setattr(tasks, "pull_in_job", lambda *_, **__: later)
        tasks.pull_subscriptions()

    assert command()[0] == 0

    job = Job.objects.get()
    assert (job.state, job.result) == ("done", "1 read, 0 gone, 0 to be read.")
    key = {"kind": "pricing.tasks.pull_subscriptions", "key": "pricing.tasks.pull_subscriptions"}
    lease = {"lease_token": uuid4(), "leased_until": timezone.now() + timedelta(minutes=1)}
    Job.objects.create(state="running", started_at=timezone.now(), **key, **lease)
    with pytest.raises(CommandError, match="pulled already"):
        call_command("pull_subscriptions")


def test_what_needs_a_person_is_a_job_that_failed(zoho, monkeypatch):
    report = PullReport(ending=Ending.NEEDS_PERSON, words="Zoho lists 3 of 6.")
    monkeypatch.setattr(tasks, "pull_in_job", lambda *_, **__: report)

    tasks.pull_subscriptions()

    job = Job.objects.get()
    assert (job.state, job.error) == (
        "failed",
        "Zoho lists 3 of 6. (0 read, 0 gone, 0 to be read, 0 calls)",
    )


def test_both_jobs_are_in_the_schedule():
    found = dict(
        PeriodicTask.objects.filter(task__startswith="pricing.tasks.").values_list("task", "crontab__hour")
    )

    assert found["pricing.tasks.pull_subscriptions"] == "0"
    assert found["pricing.tasks.count_customers"] == "3"
