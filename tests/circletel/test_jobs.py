"""Scheduled jobs: every run is written down, two at once run once, and a late one is seen."""

import threading
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
import time_machine
from django.db import connection
from django.db.models.functions import Now
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from django_celery_beat.models import PeriodicTask

from circletel.core import jobs
from circletel.core.errors import NotAllowed
from circletel.core.jobs import job, scheduled
from circletel.core.models import AuditEntry, Job
from circletel.core.origin import current_origin
from tests.factories import live_package, ms_naidoo, person
from zoho_sync import tasks
from zoho_sync.models import DailyFigures, ZohoSyncLog

NOON = datetime(2026, 7, 22, 10, 0, tzinfo=UTC)
RETENTION = "zoho_sync.tasks.retention"
pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("redis_flushed")]


@job
def says_something():
    return current_origin().correlation_id


@job
def waits():
    return jobs.Again(60, "no calls")


@job
def breaks():
    raise ValueError("No")


def test_a_run_is_written_down_with_what_it_said():
    assert says_something()

    [run] = Job.objects.all()
    assert (run.kind, run.state) == ("tests.circletel.test_jobs.says_something", "done")
    assert run.result == run.correlation_id != ""
    assert run.seconds >= 0


def test_a_failure_is_written_down_and_raised():
    with pytest.raises(ValueError, match="No"):
        breaks()

    assert list(Job.objects.values_list("state", "error")) == [("failed", "ValueError: No")]


def test_what_a_lost_worker_left_is_taken_over_by_the_next_run():
    name = "tests.circletel.test_jobs.says_something"
    lost = Job.objects.create(
        kind=name,
        key=name,
        state="running",
        started_at=timezone.now(),
        lease_token=uuid4(),
        leased_until=Now() - timedelta(seconds=1),
    )

    assert says_something()

    [run] = Job.objects.all()
    assert (run.pk, run.state, [text for _at, text in run.log]) == (
        lost.pk,
        "done",
        ["The worker was lost: another one takes over."],
    )


def test_a_run_that_is_not_done_goes_on_in_its_time():
    assert waits()
    assert list(Job.objects.values_list("state", "progress")) == [("waiting", "no calls")]

    assert jobs.run(Job.objects.get().pk) is False  # its time has not come
    assert waits()  # the schedule does not wait for it
    assert Job.objects.count() == 1


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_two_at_once_run_once():
    begun, go_on = threading.Event(), threading.Event()

    @job
    def slow():
        begun.set()
        assert go_on.wait(20)

    def other():
        try:
            slow()
        finally:
            connection.close()

    first = threading.Thread(target=other)
    first.start()
    assert begun.wait(20)

    assert slow() is False
    go_on.set()
    first.join()

    assert Job.objects.count() == 1
    assert slow() is True


def test_every_scheduled_task_of_ours_is_recorded():
    ours = PeriodicTask.objects.exclude(task__startswith="celery.").values_list("task", flat=True)

    assert {task for task in ours if jobs.kind_of(task) is None} == set()


def state_of(name, now=NOON):
    return next(one for one in scheduled.schedule(now) if one.name == name)


def ran(started, finished=None, state="done", task=RETENTION):
    lease = {"lease_token": uuid4(), "leased_until": started} if state == "running" else {}
    ended = finished or (started if state not in ("waiting", "running") else None)
    Job.objects.create(kind=task, started_at=started, finished_at=ended, due_at=started, state=state, **lease)


@pytest.mark.parametrize(
    ("started", "state", "is_late"),
    [
        # It is due at 03:45 in South Africa, 01:45 UTC.
        (datetime(2026, 7, 22, 1, 45, tzinfo=UTC), "done", False),
        (datetime(2026, 7, 21, 1, 45, tzinfo=UTC), "done", True),
        (datetime(2026, 7, 22, 9, 30, tzinfo=UTC), "running", False),
        (datetime(2026, 7, 22, 8, 30, tzinfo=UTC), "running", True),
        (datetime(2026, 7, 22, 10, 9, tzinfo=UTC), "waiting", False),
        (datetime(2026, 7, 22, 9, 54, tzinfo=UTC), "waiting", True),
    ],
)
@time_machine.travel(NOON, tick=False)
def test_a_job_that_did_not_finish_in_time_is_late(started, state, is_late):
    ran(datetime(2026, 7, 20, 1, 45, tzinfo=UTC))
    ran(started, state=state)

    assert state_of("Log retention").is_late is is_late


@time_machine.travel(NOON, tick=False)
def test_a_job_that_keeps_failing_is_late_although_it_runs():
    ran(NOON - timedelta(days=2))
    ran(NOON - timedelta(minutes=1), state="failed")

    late = state_of("Log retention")

    assert (late.is_late, late.needs_a_look, late.shown_state) == (True, True, "Failed")


@time_machine.travel(NOON, tick=False)
def test_a_job_that_is_switched_off_is_never_late():
    ran(NOON - timedelta(days=9))
    PeriodicTask.objects.filter(name="Log retention").update(enabled=False)

    assert not state_of("Log retention").is_late


def test_the_schedule_is_read_in_one_query(django_assert_num_queries):
    with django_assert_num_queries(1):
        scheduled.schedule()


# --- run now


def client_of(*roles):
    client = Client()
    client.force_login(person(f"some.{'-'.join(roles)}".replace(" ", "").lower(), *roles))
    return client


def test_an_operator_runs_a_job_now(redis_flushed):
    line = PeriodicTask.objects.get(name="Log retention")
    client = client_of("Sync operator")

    client.post(
        reverse("admin:django_celery_beat_periodictask_run_now_one", args=[line.pk]),
        {"_form_submitted": "True"},
    )

    assert redis_flushed.llen("celery") == 1
    assert b"zoho_sync.tasks.retention" in redis_flushed.lindex("celery", 0)
    assert AuditEntry.objects.get(action="run now").target_name.startswith("Log retention")
    with pytest.raises(NotAllowed):
        scheduled.run_line(line.pk, actor=ms_naidoo())


def test_the_schedule_shows_last_runs():
    ran(timezone.now(), task="zoho_sync.tasks.sweep")

    page = client_of("Sync operator").get(reverse("admin:django_celery_beat_periodictask_changelist"))

    assert page.status_code == 200
    assert "Done" in page.content.decode()
    assert client_of("Sync operator").get(reverse("admin:core_job_changelist")).status_code == 200


# --- the jobs themselves


def test_retention_deletes_what_is_older_than_ninety_days(monkeypatch):
    monkeypatch.setattr("zoho_sync.operating.upkeep.BATCH", 3)
    now = timezone.now()
    for days in (0, 89, 91, 92, 93, 94, 95, 96, 97):
        one = ZohoSyncLog.objects.create(system="crm", method="GET", path=f"/{days}", duration_ms=1)
        ZohoSyncLog.objects.filter(pk=one.pk).update(at=now - timedelta(days=days))
    ran(now - timedelta(days=8))
    ran(now - timedelta(days=8), state="failed")
    ran(now - timedelta(days=91), state="failed")

    tasks.retention()

    assert sorted(ZohoSyncLog.objects.values_list("path", flat=True)) == ["/0", "/89"]
    assert list(
        Job.objects.filter(started_at__lt=now - timedelta(days=1)).values_list("state", flat=True)
    ) == ["failed"]
    assert Job.objects.get(state="done").result == "deleted 7 calls, 2 jobs, 0 messages"


def test_the_figures_of_a_day_are_counted_again_and_again():
    tasks.count_figures()
    live_package()
    tasks.count_figures()

    today = timezone.localdate()
    assert list(DailyFigures.objects.values_list("day", "system", "in_step", "owed", "failed", "dead")) == [
        (today, "billing", 0, 2, 0, 0),
        (today, "crm", 0, 1, 0, 0),
    ]
