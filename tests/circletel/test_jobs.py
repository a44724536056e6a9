"""Scheduled jobs: every run is written down, two at once run once, and a late one is seen."""

import threading
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from django_celery_beat.models import PeriodicTask

from circletel.core.errors import NotAllowed
from circletel.core.models import AuditEntry
from circletel.core.origin import current_origin
from circletel.jobs import job
from tests.factories import live_package, ms_naidoo, person
from zoho_sync import tasks
from zoho_sync.models import DailyFigures, JobRun, ZohoSyncLog
from zoho_sync.operating import jobs

NOON = datetime(2026, 7, 22, 10, 0, tzinfo=UTC)
RETENTION = "zoho_sync.tasks.retention"
pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("redis_flushed")]


@job
def says_something():
    return current_origin().correlation_id


@job
def breaks():
    raise ValueError("No")


def test_a_run_is_written_down_with_what_it_said():
    assert says_something()

    [run] = JobRun.objects.all()
    assert (run.job, run.result) == ("tests.circletel.test_jobs.says_something", "done")
    assert run.detail == run.correlation_id != ""
    assert run.seconds >= 0


def test_a_failure_is_written_down_and_raised():
    with pytest.raises(ValueError, match="No"):
        breaks()

    assert list(JobRun.objects.values_list("result", "detail")) == [("failed", "ValueError: No")]


def test_what_was_broken_off_is_marked_by_the_next_run():
    JobRun.objects.create(job="tests.circletel.test_jobs.says_something", started_at=timezone.now())

    says_something()

    assert sorted(JobRun.objects.values_list("result", flat=True)) == ["done", "lost"]


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

    assert JobRun.objects.count() == 1
    assert slow() is True


def test_every_scheduled_task_of_ours_is_recorded():
    ours = PeriodicTask.objects.exclude(task__startswith="celery.").values_list("task", flat=True)

    assert {task for task in ours if task not in jobs.recorded()} == set()


def state_of(name, now=NOON):
    return next(one for one in jobs.jobs(now) if one.name == name)


def ran(started, finished=None, result="done", task=RETENTION):
    JobRun.objects.create(
        job=task,
        started_at=started,
        finished_at=finished or (started if result != "running" else None),
        result=result,
    )


@pytest.mark.parametrize(
    ("started", "result", "is_late"),
    [
        # It is due at 03:45 in South Africa, 01:45 UTC.
        (datetime(2026, 7, 22, 1, 45, tzinfo=UTC), "done", False),
        (datetime(2026, 7, 21, 1, 45, tzinfo=UTC), "done", True),
        (datetime(2026, 7, 22, 9, 30, tzinfo=UTC), "running", False),
        (datetime(2026, 7, 22, 8, 30, tzinfo=UTC), "running", True),
    ],
)
@time_machine.travel(NOON, tick=False)
def test_a_job_that_did_not_finish_in_time_is_late(started, result, is_late):
    ran(datetime(2026, 7, 20, 1, 45, tzinfo=UTC))
    ran(started, result=result)

    assert state_of("Log retention").is_late is is_late


@time_machine.travel(NOON, tick=False)
def test_a_job_that_keeps_failing_is_late_although_it_runs():
    ran(NOON - timedelta(days=2))
    ran(NOON - timedelta(minutes=1), result="failed")

    late = state_of("Log retention")

    assert (late.is_late, late.needs_a_look, late.shown_result) == (True, True, "Failed")


@time_machine.travel(NOON, tick=False)
def test_a_job_that_is_switched_off_is_never_late():
    ran(NOON - timedelta(days=9))
    PeriodicTask.objects.filter(name="Log retention").update(enabled=False)

    assert not state_of("Log retention").is_late


def test_the_schedule_is_read_in_one_query(django_assert_num_queries):
    with django_assert_num_queries(1):
        jobs.jobs()


# --- run now


def client_of(*roles):
    client = Client()
    client.force_login(person(f"some.{'-'.join(roles)}".replace(" ", "").lower(), *roles))
    return client


def test_an_operator_runs_a_job_now(redis_flushed):
    line = PeriodicTask.objects.get(name="Log retention")
    client = client_of("Sync operator")

    client.post(
        reverse("admin:django_celery_beat_periodictask_run_one_now", args=[line.pk]),
        {"_form_submitted": "True"},
    )

    assert redis_flushed.llen("celery") == 1
    assert b"zoho_sync.tasks.retention" in redis_flushed.lindex("celery", 0)
    assert AuditEntry.objects.get(action="run now").target_name.startswith("Log retention")
    with pytest.raises(NotAllowed):
        jobs.run_now(line.pk, actor=ms_naidoo())


def test_the_schedule_shows_last_runs():
    ran(timezone.now(), task="zoho_sync.tasks.sweep")

    page = client_of("Sync operator").get(reverse("admin:django_celery_beat_periodictask_changelist"))

    assert page.status_code == 200
    assert "Done" in page.content.decode()
    assert client_of("Sync operator").get(reverse("admin:zoho_sync_jobrun_changelist")).status_code == 200


# --- the jobs themselves


def test_retention_deletes_what_is_older_than_ninety_days(monkeypatch):
    monkeypatch.setattr("zoho_sync.operating.upkeep.BATCH", 3)
    now = timezone.now()
    for days in (0, 89, 91, 92, 93, 94, 95, 96, 97):
        one = ZohoSyncLog.objects.create(system="crm", method="GET", path=f"/{days}", duration_ms=1)
        ZohoSyncLog.objects.filter(pk=one.pk).update(at=now - timedelta(days=days))
    ran(now - timedelta(days=8))
    ran(now - timedelta(days=8), result="failed")
    ran(now - timedelta(days=91), result="failed")

    tasks.retention()

    assert sorted(ZohoSyncLog.objects.values_list("path", flat=True)) == ["/0", "/89"]
    assert list(
        JobRun.objects.filter(started_at__lt=now - timedelta(days=1)).values_list("result", flat=True)
    ) == ["failed"]
    assert JobRun.objects.get(result="done").detail == "deleted 7 calls, 2 job runs, 0 messages"


def test_the_figures_of_a_day_are_counted_again_and_again():
    tasks.count_figures()
    live_package()
    tasks.count_figures()

    today = timezone.localdate()
    assert list(DailyFigures.objects.values_list("day", "system", "in_step", "owed", "failed", "dead")) == [
        (today, "billing", 0, 2, 0, 0),
        (today, "crm", 0, 1, 0, 0),
    ]
