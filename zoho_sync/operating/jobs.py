"""What runs by itself: when each job last ran, whether it is late, and running it now."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from django.contrib.auth.models import User
from django.db.models import OuterRef, QuerySet, Subquery
from django.utils import timezone
from django.utils.module_loading import autodiscover_modules
from django_celery_beat.models import PeriodicTask

from circletel.core import audit
from circletel.core.enqueue import send_now
from circletel.core.errors import Refused
from circletel.core.rights import ensure_may
from circletel.jobs import RECORDED
from zoho_sync.operating.models import JobResult, JobRun

# How much later than due a job may begin, and how long it may take, before somebody is told.
GRACE = timedelta(minutes=5)
LONGEST_RUN = timedelta(hours=1)


@cache
def recorded() -> set[str]:
    """The tasks whose runs are written down. A web process has not read all of them yet, so they are read here."""
    autodiscover_modules("tasks")
    return RECORDED


@dataclass(frozen=True)
class Job:
    """One line of the schedule. Times are None for what is not known; `is_late` only for jobs that are recorded."""

    pk: int
    name: str
    task: str
    is_enabled: bool
    started_at: datetime | None
    result: str
    seconds: float | None
    detail: str
    due_at: datetime | None
    is_late: bool

    @property
    def needs_a_look(self) -> bool:
        return self.is_late or self.result in (JobResult.FAILED, JobResult.LOST)

    @property
    def shown_result(self) -> str:
        return str(JobResult(self.result).label) if self.result else "Not run yet"


def jobs(now: datetime | None = None) -> list[Job]:
    """Every line of the schedule with its last run. One query."""
    now = now or timezone.now()
    return [job_of(line, now) for line in with_runs(PeriodicTask.objects.order_by("name"))]


def with_runs(lines: QuerySet[PeriodicTask]) -> QuerySet[Any]:
    """`lines` with what `job_of` asks for."""
    runs = JobRun.objects.filter(job=OuterRef("task")).order_by("-started_at")
    last = {
        f"last_{name}": Subquery(runs.values(name)[:1])
        for name in ("started_at", "finished_at", "result", "detail")
    }
    return lines.select_related("interval", "crontab", "solar", "clocked").annotate(
        done_at=Subquery(runs.filter(result=JobResult.DONE).values("started_at")[:1]),
        first_at=Subquery(runs.order_by("started_at").values("started_at")[:1]),
        **last,
    )


def job_of(line: Any, now: datetime | None = None) -> Job:
    """How a line that comes from `with_runs` stands."""
    now = now or timezone.now()
    started, finished = line.last_started_at, line.last_finished_at
    due = _due(line, now)
    return Job(
        pk=line.pk,
        name=line.name,
        task=line.task,
        is_enabled=line.enabled,
        started_at=started,
        result=line.last_result or "",
        seconds=(finished - started).total_seconds() if started and finished else None,
        detail=line.last_detail or "",
        due_at=due,
        is_late=due is not None and _is_late(line, due, now),
    )


def _due(line: Any, now: datetime) -> datetime | None:
    """When it ought to have begun (or ought to begin) after its last run that was done."""
    if not line.enabled or line.task not in recorded():
        return None
    # One that was never done counts from its first try, or from when the line was last written.
    since = line.done_at or line.first_at or line.date_changed
    return now + line.schedule.remaining_estimate(since)


def _is_late(line: Any, due: datetime, now: datetime) -> bool:
    is_at_work = line.last_result == JobResult.RUNNING and line.last_started_at > now - LONGEST_RUN
    return now > due + GRACE and not is_at_work


def run_now(line_id: Any, *, actor: User) -> PeriodicTask:
    """Have a worker do this job now, beside its schedule. Raises NotAllowed, Refused or PeriodicTask.DoesNotExist."""
    ensure_may(actor, "django_celery_beat.change_periodictask", "run scheduled jobs")
    line = PeriodicTask.objects.get(pk=line_id)
    if not send_now(line.task):
        raise Refused(f"{line.name}: the broker does not answer, so no worker was told. Try again shortly.")
    audit.record("run now", line, actor=actor)
    return line
