"""The command and the nightly jobs."""

import json
from io import StringIO

import pytest
from django.core.cache import cache
from django.core.management import CommandError, call_command
from django_celery_beat.models import PeriodicTask

from circletel.core.models import Job
from pricing import tasks
from pricing.mirror.report import PullReport
from pricing.models import Subscription
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
    monkeypatch.setattr(tasks, "pull", lambda order, **_: asked.append(order) or later)

    tasks.pull_subscriptions()

    assert [order.resume for order in asked] == [True]
    assert sent_tasks == [("pricing.tasks.pull_subscriptions", (), 570)]
    assert "7 to be read" in Job.objects.get().result


def test_what_needs_a_person_is_a_job_that_failed(zoho, monkeypatch):
    report = PullReport(ending=Ending.NEEDS_PERSON, words="Zoho lists 3 of 6.")
    monkeypatch.setattr(tasks, "pull", lambda *_, **__: report)

    with pytest.raises(RuntimeError, match="Zoho lists 3 of 6"):
        tasks.pull_subscriptions()

    assert Job.objects.get().state == "failed"


def test_both_jobs_are_in_the_schedule():
    found = dict(
        PeriodicTask.objects.filter(task__startswith="pricing.tasks.").values_list("task", "crontab__hour")
    )

    assert found["pricing.tasks.pull_subscriptions"] == "0"
    assert found["pricing.tasks.count_customers"] == "3"
