"""Scheduled jobs: each run is written down, and a job that is at work is not started a second time."""

import functools
from collections.abc import Callable
from typing import Any

import structlog
from django.apps import apps
from django.db import DatabaseError, connection, transaction
from django.utils import timezone

from circletel.core.origin import Origin, acting_from, new_correlation_id
from circletel.core.secrecy import hide

log = structlog.get_logger(__name__)

# The Celery names of the jobs whose runs are written down.
RECORDED: set[str] = set()


def job(work: Callable[..., Any]) -> Callable[..., bool]:
    """For the function under `@shared_task`: one run at a time, each a row of `job_runs`.

    What `work` returns is kept as words; what it raises is written down and raised on. Returns whether it ran:
    False when another run is at work, which costs nothing.
    """
    name = f"{work.__module__}.{work.__name__}"
    RECORDED.add(name)

    @functools.wraps(work)
    def run(*args: Any, **kwargs: Any) -> bool:
        # The lock belongs to the database session: a worker that is killed lets go of it.
        if not _lock("pg_try_advisory_lock", name):
            log.info("job_is_running_already", job=name)
            return False
        try:
            with acting_from(Origin(correlation_id=new_correlation_id())) as origin:
                _recorded(name, origin.correlation_id, lambda: work(*args, **kwargs))
        finally:
            _unlock(name)
        return True

    return run


def _recorded(name: str, correlation_id: str, work: Callable[[], Any]) -> None:
    runs = apps.get_model("zoho_sync", "JobRun")._default_manager
    now = timezone.now()
    # Nobody else holds the lock, so what still says that it runs was broken off.
    runs.filter(job=name, result="running").update(
        result="lost", finished_at=now, detail="The worker went away."
    )
    one = runs.create(job=name, started_at=now, correlation_id=correlation_id)
    try:
        said = work()
    except Exception as trouble:
        _finish(one, "failed", f"{type(trouble).__name__}: {trouble}")
        raise
    _finish(one, "done", "" if said is None else str(said))


def _finish(one: Any, result: str, detail: str) -> None:
    one.result, one.detail, one.finished_at = result, hide(detail)[:2000], timezone.now()
    try:
        with transaction.atomic():
            one.save(update_fields=["result", "detail", "finished_at"])
    except DatabaseError:
        if result == "done":
            raise
        # The job's own failure is the one to hear of; the next run marks this one as broken off.
        log.exception("job_end_not_written_down", job=one.job)


def _lock(function: str, name: str) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {function}(hashtext('circletel.job'), hashtext(%s))", [name])
        return bool(cursor.fetchone()[0])


def _unlock(name: str) -> None:
    try:
        _lock("pg_advisory_unlock", name)
    except DatabaseError:
        # The session is broken, and the lock went with it.
        connection.close()
