"""The job record: one worker at a time, taken over when that is lost, cancelled, refused; its page."""

import threading
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from django.db import IntegrityError, connection, transaction
from django.db.models.functions import Now
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from circletel.core import jobs, tokens
from circletel.core.errors import NotAllowed, Refused, WrongStatus
from circletel.core.jobs import lease
from circletel.core.models import AuditEntry, Job
from circletel.core.origin import Origin, acting_from, current_origin
from tests.factories import person

pytestmark = pytest.mark.django_db
PERMISSION = "catalogue.publish_product"
# What the runner of COUNT does; each test says it anew.
STEPS = {}


def work(job):
    return STEPS["work"](job)


COUNT = jobs.JobKind("tests.count", "Count", work, permission=PERMISSION)
ONCE = jobs.JobKind("tests.once", "Count once", work, permission=PERMISSION, is_resumable=False)
DEAF = jobs.JobKind("tests.deaf", "Count on", work, permission=PERMISSION, is_cancellable=False)


def publisher(name="lindiwe.zulu"):
    return person(name, "Publisher")


def does(step):
    STEPS["work"] = step


def requested(kind=COUNT, actor=None, **options):
    return jobs.request(kind, actor=actor or publisher(), **options)


def read(job):
    return Job.objects.get(pk=job.pk)


def lose_worker(job):
    """As after a worker was killed and its lease has ended."""
    Job.objects.filter(pk=job.pk).update(
        state="running",
        started_at=timezone.now(),
        lease_token=uuid4(),
        leased_until=Now() - timedelta(seconds=1),
    )


# --- asking and running


def test_a_job_is_done_in_the_name_of_who_asked(sent_tasks, django_capture_on_commit_callbacks):
    seen = []

    def step(job):
        seen.append((job.actor, job.parameters, current_origin()))
        return {"counted": 3}

    does(step)
    with (
        acting_from(Origin("cafe", "192.0.2.7", "Firefox")),
        django_capture_on_commit_callbacks(execute=True),
    ):
        job = requested(what="fibre", total=3)

    assert sent_tasks == [("circletel.core.tasks.run_job", (str(job.pk),), 0)]
    assert (job.state, job.total, read(job).due_at <= timezone.now()) == ("waiting", 3, True)
    assert jobs.run(job.pk) is True

    assert seen == [(publisher(), {"what": "fibre"}, Origin("cafe", "192.0.2.7", "Firefox"))]
    done = read(job)
    assert (done.state, done.result, done.error, done.lease_token) == ("done", {"counted": 3}, "", None)
    assert done.requested_at <= done.started_at <= done.finished_at
    assert jobs.run(job.pk) is False
    [entry] = AuditEntry.objects.filter(target_type="job")
    assert (entry.action, entry.target_id, entry.detail) == ("requested", str(job.pk), "what: fibre")


def test_progress_and_log_are_seen_while_it_runs():
    seen = []

    def step(job):
        job.progress(1, 2, "first")
        job.log("began")
        seen.append(read(job.job))
        job.progress(2)

    does(step)
    job = requested()
    jobs.run(job.pk)

    [halfway] = seen
    assert (halfway.state, halfway.done, halfway.total, halfway.progress) == ("running", 1, 2, "first")
    assert [text for _at, text in halfway.log] == ["began"]
    assert (read(job).done, read(job).total, read(job).progress) == (2, 2, "")


def test_a_long_log_keeps_its_end_and_no_secret(settings):
    settings.ZOHO_CLIENT_SECRET = "shibboleth"
    does(lambda job: [job.log(f"line {number}, shibboleth") for number in range(205)] and None)

    job = requested()
    jobs.run(job.pk)

    assert [text for _at, text in read(job).log] == [f"line {number}, …" for number in range(5, 205)]


def test_an_error_is_written_down_without_secrets_and_raised(settings):
    settings.ZOHO_CLIENT_SECRET = "shibboleth"

    def step(_job):
        raise ValueError("No shibboleth here")

    does(step)
    job = requested()
    with pytest.raises(ValueError, match="No shibboleth"):
        jobs.run(job.pk)

    assert (read(job).state, read(job).error) == ("failed", "ValueError: No … here")


def test_a_refusal_ends_the_job_and_is_audited():
    def step(_job):
        raise Refused("There is nothing to count")

    does(step)
    job = requested()
    assert jobs.run(job.pk) is True

    assert (read(job).state, read(job).error) == ("failed", "Refused: There is nothing to count")
    entry = AuditEntry.objects.get(action="run")
    assert (entry.result, entry.detail) == ("refused", "There is nothing to count")


def test_a_bad_end_is_no_bug():
    def step(job):
        job.remember(made=["one"])
        raise jobs.Failed("The price is 749.00")

    does(step)
    job = requested(what="fibre")
    assert jobs.run(job.pk) is True

    assert (read(job).state, read(job).error) == ("failed", "The price is 749.00")
    assert read(job).parameters == {"what": "fibre", "made": ["one"]}
    assert not AuditEntry.objects.filter(result="refused").exists()


def test_a_job_that_is_not_done_is_run_again_in_its_time(sent_tasks):
    does(lambda _job: jobs.Again(59, "waits for calls"))
    job = requested()

    assert jobs.run(job.pk) is True
    assert sent_tasks == [("circletel.core.tasks.run_job", (str(job.pk),), 59)]
    assert (read(job).state, read(job).progress, read(job).lease_token) == (
        "waiting",
        "waits for calls",
        None,
    )
    started_at = read(job).started_at
    assert jobs.run(job.pk) is False

    does(lambda _job: "counted")
    Job.objects.filter(pk=job.pk).update(due_at=Now())
    assert jobs.run(job.pk) is True
    assert (read(job).state, read(job).result, read(job).started_at) == ("done", "counted", started_at)


def test_a_kind_that_went_with_an_upgrade_ends_its_jobs():
    job = requested()
    Job.objects.filter(pk=job.pk).update(kind="tests.gone")

    jobs.run(job.pk)

    assert read(job).error == "Refused: There is no kind of job “tests.gone” in this version"


def test_of_one_key_one_job_is_open():
    does(lambda _job: None)
    job = requested(key="fibre")
    with pytest.raises(jobs.AlreadyOpen, match="“Count” is waiting already") as refusal:
        requested(key="fibre")
    assert refusal.value.job == job
    requested(key="lte")

    jobs.run(job.pk)

    assert requested(key="fibre") != job


def test_a_planned_job_waits_for_somebody_to_start_it(sent_tasks, django_capture_on_commit_callbacks):
    does(lambda job: job.actor.get_username())
    job = jobs.plan(COUNT, actor=publisher())
    assert (jobs.run(job.pk), jobs.sweep()) == (False, 0)
    with pytest.raises(NotAllowed, match="may not start “Count”"):
        jobs.start(job.pk, actor=person("some.body"))

    with django_capture_on_commit_callbacks(execute=True):
        jobs.start(job.pk, actor=publisher("thabo.nkosi"))
        jobs.start(job.pk, actor=publisher())

    assert sent_tasks == [("circletel.core.tasks.run_job", (str(job.pk),), 0)]
    jobs.run(job.pk)
    assert read(job).result == "thabo.nkosi"
    with pytest.raises(WrongStatus, match="This job is done already: plan a new one"):
        jobs.start(job.pk, actor=publisher())


# --- one worker


def test_two_workers_one_lease():
    tries = []
    does(lambda job: tries.append(jobs.run(job.job.pk)))
    job = requested()

    assert jobs.run(job.pk) is True

    assert tries == [False]


def test_a_lost_worker_is_replaced_and_cannot_write_any_more():
    job = requested()
    does(lambda _job: None)
    lose_worker(job)
    late = jobs.RunningJob(read(job))

    def step(other):
        other.progress(1)
        with pytest.raises(jobs.LeaseLost):
            late.renew()
        with pytest.raises(jobs.LeaseLost):
            late.progress(99)
        return "counted by the second"

    does(step)
    assert jobs.run(job.pk) is True

    assert (read(job).done, read(job).result) == (1, "counted by the second")
    assert [text for _at, text in read(job).log] == ["The worker was lost: another one takes over."]


def test_what_the_late_worker_returns_is_not_taken():
    def taken_over(job):
        Job.objects.filter(pk=job.job.pk).update(lease_token=uuid4())
        return "too late"

    does(taken_over)
    job = requested()
    jobs.run(job.pk)

    assert (read(job).state, read(job).result) == ("running", None)


def test_a_worker_that_learns_of_its_loss_stops_without_an_error():
    def taken_over(job):
        Job.objects.filter(pk=job.job.pk).update(lease_token=uuid4())
        job.renew()

    does(taken_over)
    job = requested()
    assert jobs.run(job.pk) is True

    assert (read(job).state, read(job).error) == ("running", "")


def test_a_kind_that_must_not_begin_twice_ends_with_its_worker():
    job = requested(ONCE)
    lose_worker(job)

    does(lambda _job: pytest.fail("it was begun"))
    jobs.run(job.pk)

    assert (read(job).state, read(job).error) == (
        "failed",
        "The worker was lost, and such a job does not begin a second time.",
    )


def test_the_sweep_wakes_workers_for_lost_messages_and_lost_workers_only(sent_tasks):
    message_lost, worker_lost, at_work, later = (requested() for _ in range(4))
    lose_worker(worker_lost)
    lose_worker(at_work)
    Job.objects.filter(pk=at_work.pk).update(leased_until=Now() + lease.LEASE)
    Job.objects.filter(pk=later.pk).update(due_at=Now() + timedelta(minutes=1))

    assert jobs.sweep() == 2

    assert [task.args for task in sent_tasks] == [(str(message_lost.pk),), (str(worker_lost.pk),)]


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_a_long_step_keeps_its_lease(monkeypatch, redis_flushed):
    monkeypatch.setattr(lease, "RENEW_SECONDS", 0.02)
    renewed = []

    def step(job):
        first = read(job.job).leased_until
        for _ in range(500):
            if read(job.job).leased_until > first:
                renewed.append(True)
                break
            threading.Event().wait(0.02)

    does(step)
    job = requested()
    jobs.run(job.pk)

    assert (renewed, read(job).state) == ([True], "done")


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_nobody_takes_over_while_a_transaction_that_renewed_is_open(redis_flushed):
    """The other worker waits for the row, and then finds a lease that holds."""
    inside, others = threading.Event(), []

    def other(job_id):
        try:
            others.append(jobs.run(job_id))
        finally:
            connection.close()

    def step(job):
        Job.objects.filter(pk=job.job.pk).update(leased_until=Now() - timedelta(seconds=1))
        thread = threading.Thread(target=other, args=(job.job.pk,))
        with transaction.atomic():
            job.renew()
            thread.start()
            inside.wait(0.3)
        thread.join()
        return "mine"

    does(step)
    job = requested()
    jobs.run(job.pk)

    assert (others, read(job).result) == ([False], "mine")


@pytest.mark.parametrize(
    "values",
    [
        {"state": "running", "started_at": timezone.now()},
        {"lease_token": uuid4(), "leased_until": timezone.now()},
        {"state": "done"},
        {"finished_at": timezone.now()},
        {"state": "running", "lease_token": uuid4(), "leased_until": timezone.now()},
    ],
)
def test_the_database_holds_what_a_state_means(values):
    job = requested()
    with pytest.raises(IntegrityError), transaction.atomic():
        Job.objects.filter(pk=job.pk).update(**values)


# --- cancelling


def test_a_waiting_job_is_cancelled_at_once():
    job = jobs.cancel(requested().pk, actor=publisher())

    assert (read(job).state, read(job).finished_at is not None, jobs.run(job.pk)) == (
        "cancelled",
        True,
        False,
    )
    assert AuditEntry.objects.filter(action="cancelled", target_id=str(job.pk)).count() == 1
    with pytest.raises(WrongStatus, match="This job is cancelled already"):
        jobs.cancel(job.pk, actor=publisher())


def test_a_running_job_stops_at_its_next_step():
    steps = []

    def step(job):
        job.progress(1)
        jobs.cancel(job.job.pk, actor=publisher())
        steps.append("after the request")
        job.progress(2)
        steps.append("never")

    does(step)
    job = requested()
    jobs.run(job.pk)

    assert steps == ["after the request"]
    assert (read(job).state, read(job).done, read(job).error) == ("cancelled", 1, "")


def test_a_cancelled_job_whose_worker_is_lost_is_ended_by_the_next_one():
    job = requested()
    lose_worker(job)
    jobs.cancel(job.pk, actor=publisher())

    does(lambda _job: pytest.fail("it was begun"))
    jobs.run(job.pk)

    assert read(job).state == "cancelled"


def test_what_cannot_be_stopped_is_not_asked_to():
    def step(job):
        with pytest.raises(WrongStatus, match="cannot be stopped once it runs"):
            jobs.cancel(job.job.pk, actor=publisher())

    does(step)
    job = requested(DEAF)
    jobs.run(job.pk)

    assert read(job).state == "done"


def test_who_may_cancel():
    job = requested()
    with pytest.raises(NotAllowed, match="may not cancel the jobs of others"):
        jobs.cancel(job.pk, actor=person("sipho.dube", "Approver"))

    assert jobs.may_cancel(job, publisher("thabo.nkosi"))
    jobs.cancel(job.pk, actor=person("lerato.mokoena", "Sync operator"))


# --- authority


def test_a_person_without_the_permission_asks_in_vain():
    with pytest.raises(NotAllowed, match="may not start “Count”"):
        requested(actor=person("sipho.dube", "Approver"))

    assert not Job.objects.exists()


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda user: user.groups.clear(), "Lindiwe Zulu may not start “Count”"),
        (lambda user: type(user).objects.update(is_staff=False), "Lindiwe Zulu is not active staff any more"),
        (
            lambda user: type(user).objects.update(is_active=False),
            "Lindiwe Zulu is not active staff any more",
        ),
    ],
)
def test_who_lost_the_right_meanwhile_is_refused(change, why):
    user = publisher()
    job = requested(actor=user)
    change(user)

    does(lambda _job: pytest.fail("it was begun"))
    jobs.run(job.pk)

    assert (read(job).state, read(job).error) == ("failed", f"Refused: {why}")
    assert AuditEntry.objects.get(result="refused").detail == why


def with_token(scopes):
    owner = person("lindiwe.zulu", "Publisher", "API token holder")
    made = tokens.create(
        name="Price import", scopes=scopes, expires_at=timezone.now() + timedelta(days=9), actor=owner
    )
    actor, token = tokens.authenticate(made.secret)
    return actor, token


def test_a_token_acts_with_its_scopes():
    actor, token = with_token([PERMISSION])
    does(lambda job: [job.actor.has_perm(PERMISSION), job.actor.has_perm("core.add_apitoken")])

    job = requested(actor=actor)
    jobs.run(job.pk)

    assert (read(job).token, read(job).result) == (token, [True, False])
    with pytest.raises(NotAllowed):
        requested(actor=with_token(["catalogue.view_product"])[0])


def test_a_token_that_was_revoked_meanwhile_is_refused():
    actor, token = with_token([PERMISSION])
    job = requested(actor=actor)
    tokens.revoke(token.pk, actor=token.owner)

    does(lambda _job: pytest.fail("it was begun"))
    jobs.run(job.pk)

    assert read(job).error == f"Refused: The token {token} was revoked. Make another one in the admin."


# --- the page


def client_of(user):
    client = Client()
    client.force_login(user)
    return client


LIST = reverse("admin:core_job_changelist")


def page_of(job, name="change"):
    return reverse(f"admin:core_job_{name}", args=[job.pk])


def test_the_list_leaves_out_what_the_schedule_has_done():
    Job.objects.create(kind="tests.swept", state="done", finished_at=timezone.now())
    Job.objects.create(kind="tests.broken", state="failed", error="No", finished_at=timezone.now())
    requested(total=4)
    client = client_of(person("lerato.mokoena", "Sync operator"))

    shown, everything = client.get(LIST).content.decode(), client.get(f"{LIST}?shown=all").content.decode()

    assert ("tests.broken" in shown, "0 of 4" in shown, "tests.swept" in shown) == (True, True, False)
    assert "tests.swept" in everything
    assert client_of(person("sipho.dube", "Cost viewer")).get(LIST).status_code == 403


def test_the_page_shows_progress_and_stops_asking_at_the_end():
    job = requested(what="fibre", total=4)
    client = client_of(publisher())
    pages = []

    def step(running_job):
        running_job.log("Looked at fibre")
        running_job.progress(1, 4, "fibre")
        pages.append(client.get(page_of(job)).content.decode())
        pages.append(client.get(page_of(job, "progress")))
        return {"counted": 4}

    does(step)
    jobs.run(job.pk)

    page, fragment = pages
    assert "1 of 4 · fibre" in page
    assert ("Looked at fibre" in page, "what: fibre" in page, 'hx-trigger="every 2s"' in page) == (
        True,
        True,
        True,
    )
    assert "HX-Refresh" not in fragment.headers
    ended = client.get(page_of(job, "progress"))
    assert (ended.headers["HX-Refresh"], "hx-get" in ended.content.decode()) == ("true", False)
    assert "<dt>counted</dt><dd" in ended.content.decode()


def test_a_job_is_started_and_cancelled_on_its_page():
    job = jobs.plan(COUNT, actor=publisher())
    client = client_of(publisher())
    confirmed = {"_form_submitted": "True"}

    client.post(page_of(job, "start_one"), confirmed)
    assert read(job).state == "waiting"
    client.post(page_of(job, "cancel_one"), confirmed)
    assert read(job).state == "cancelled"
    answer = client.post(page_of(job, "cancel_one"), confirmed, follow=True)

    assert "This job is cancelled already" in answer.content.decode()
    assert AuditEntry.objects.get(result="refused").action == "cancel job"


def test_whoever_asked_sees_their_job_and_nobody_else_without_the_right():
    user = person("sipho.dube", "Publisher")
    job = requested(actor=user)
    user.groups.clear()

    assert client_of(user).get(page_of(job)).status_code == 200
    assert client_of(person("some.body")).get(page_of(job)).status_code == 403
    assert client_of(person("some.body")).get(page_of(job, "progress")).status_code == 403


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("zoho_sync.tasks.watch", "Zoho sync: watch"),
        ("catalogue.tmf620.tasks.sweep", "Catalogue tmf620: sweep"),
        ("circletel.core.tasks.sweep_jobs", "Core: sweep jobs"),
        ("catalogue.read_price_list", "Catalogue: read price list"),
    ],
)
def test_a_job_is_called_by_its_app_and_what_it_does(kind, name):
    requested = datetime(2026, 3, 1, 6, 5, tzinfo=UTC)

    assert str(Job(kind=kind, requested_at=requested)) == f"{name}, 1 Mar 2026, 08:05"
