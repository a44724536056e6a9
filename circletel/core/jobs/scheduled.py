"""Scheduled jobs: each run is a job, a late one is seen, and a job can be run beside its schedule."""

import functools
import inspect
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog
from django.contrib.auth.models import User
from django.db.models import OuterRef, QuerySet, Subquery
from django.utils import timezone
from django_celery_beat.models import PeriodicTask

from circletel.core import audit
from circletel.core.enqueue import send_now
from circletel.core.errors import Refused
from circletel.core.jobs.kinds import JobKind, kind_of
from circletel.core.jobs.running import run_now
from circletel.core.models import Job, JobState
from circletel.core.models.job import shown_kind
from circletel.core.rights import ensure_may

log = structlog.get_logger(__name__)

# How much later than due a job may begin, and how long it may take, before somebody is told.
GRACE = timedelta(minutes=5)
LONGEST_RUN = timedelta(hours=1)


def job(work: Callable[..., Any]) -> Callable[[], bool]:
    """For the function under `@shared_task`: one run at a time, each a row of `jobs` whose kind is the task's name.

    What `work` returns is kept as the result, and what it raises as the error. It may take the `RunningJob`, and
    return `Again`. Returns whether it ran: False when another run is at work, which costs nothing.
    """
    takes_job = bool(inspect.signature(work).parameters)
    name = f"{work.__module__}.{work.__name__}"
    kind = JobKind(
        name=name,
        label=shown_kind(name),
        runner=work if takes_job else lambda _running: work(),
        is_cancellable=takes_job,
    )

    @functools.wraps(work)
    def scheduled() -> bool:
        ran = run_now(kind)
        if not ran:
            log.info("job_is_running_already", job=kind.name)
        return ran

    return scheduled


@dataclass(frozen=True)
class Scheduled:
    """One line of the schedule and its last run. Times are None for what is not known."""

    pk: int
    name: str
    task: str
    is_enabled: bool
    started_at: datetime | None
    state: str
    seconds: float | None
    detail: str
    due_at: datetime | None
    is_late: bool

    @property
    def needs_a_look(self) -> bool:
        return self.is_late or self.state == JobState.FAILED

    @property
    def shown_state(self) -> str:
        return str(JobState(self.state).label) if self.state else "Not run yet"


def schedule(now: datetime | None = None) -> list[Scheduled]:
    """Every line of the schedule with its last run. One query."""
    return [line_of(line, now) for line in with_runs(PeriodicTask.objects.order_by("name"))]


def with_runs(lines: QuerySet[PeriodicTask]) -> QuerySet[Any]:
    """`lines` with what `line_of` reads."""
    runs = Job.objects.filter(kind=OuterRef("task"), started_at__isnull=False).order_by("-started_at")
    last = {
        f"last_{name}": Subquery(runs.values(name)[:1])
        for name in ("started_at", "finished_at", "due_at", "state", "result", "error")
    }
    return lines.select_related("interval", "crontab", "solar", "clocked").annotate(
        done_at=Subquery(runs.filter(state=JobState.DONE).values("started_at")[:1]),
        first_at=Subquery(runs.order_by("started_at").values("started_at")[:1]),
        **last,
    )


def line_of(line: Any, now: datetime | None = None) -> Scheduled:
    """The status of a line that comes from `with_runs`."""
    now = now or timezone.now()
    started, finished = line.last_started_at, line.last_finished_at
    due = _due(line, now)
    return Scheduled(
        pk=line.pk,
        name=line.name,
        task=line.task,
        is_enabled=line.enabled,
        started_at=started,
        state=line.last_state or "",
        seconds=(finished - started).total_seconds() if started and finished else None,
        detail=line.last_error or str(line.last_result or ""),
        due_at=due,
        is_late=due is not None and _is_late(line, due, now),
    )


def _due(line: Any, now: datetime) -> datetime | None:
    """When it ought to have begun (or ought to begin) after its last run that was done."""
    if not line.enabled or kind_of(line.task) is None:
        return None
    # One that was never done counts from its first try, or from when the line was last written.
    since = line.done_at or line.first_at or line.date_changed
    return now + line.schedule.remaining_estimate(since)


def _is_late(line: Any, due: datetime, now: datetime) -> bool:
    if now <= due + GRACE:
        return False
    # What is long may go on for days, a while at a time, and waits for its time between.
    allowed = {JobState.RUNNING: LONGEST_RUN, JobState.WAITING: GRACE}.get(line.last_state)
    return allowed is None or bool(line.last_due_at < now - allowed)


def run_line(line_id: Any, *, actor: User) -> PeriodicTask:
    """Have a worker do this job now, beside its schedule. Raises NotAllowed, Refused or PeriodicTask.DoesNotExist."""
    ensure_may(actor, "django_celery_beat.change_periodictask", "run scheduled jobs")
    line = PeriodicTask.objects.get(pk=line_id)
    if not send_now(line.task):
        raise Refused(f"{line.name}: the broker does not answer, so no worker was told. Try again shortly.")
    audit.record("run now", line, actor=actor)
    return line
