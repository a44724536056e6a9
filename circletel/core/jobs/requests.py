"""Asking for jobs, starting and cancelling them, and finding those that no worker has."""

from typing import Any

from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.utils import timezone

from circletel.core import audit
from circletel.core.enqueue import enqueue, send_now
from circletel.core.errors import NotAllowed, Refused, WrongStatus
from circletel.core.jobs.kinds import JobKind, Runner, kind_of
from circletel.core.jobs.running import FREE, RUN, run
from circletel.core.models import Job, JobState
from circletel.core.origin import current_origin, new_correlation_id
from circletel.core.rights import name_of


class AlreadyOpen(Refused):
    """A job of this key waits or runs: `job`."""

    def __init__(self, job: Job, label: str) -> None:
        super().__init__(f"“{label}” is {job.get_state_display().lower()} already: wait until it has ended")
        self.job = job


def request(kind: JobKind, *, actor: User | None, key: str = "", total: int = 0, **parameters: Any) -> Job:
    """Have a worker do it once the transaction is committed.

    `actor` None is the schedule, or a person at the server's shell. Of one `key` one job is open at a time.
    Raises NotAllowed, or AlreadyOpen with the job that is.
    """
    job = _made(kind, JobState.WAITING, actor, key, total, parameters)
    _enqueue(job, actor)
    return job


def run_here(kind: JobKind, *, key: str = "", runner: Runner | None = None, **parameters: Any) -> Job:
    """Do it in this process, in the system's name: for commands. Returns the job once it has ended.

    A command that shows how far it is brings a `runner` of its own. A refusal is the job's error. Raises AlreadyOpen,
    and what else the runner raises.
    """
    job = _made(kind, JobState.WAITING, None, key, 0, parameters)
    audit.record("requested", job, actor=None, detail=_detail(job))
    run(job.pk, runner=runner)
    job.refresh_from_db()
    return job


def plan(kind: JobKind, *, actor: User, total: int = 0, text: str = "", **parameters: Any) -> Job:
    """A job that does nothing until somebody has looked at it and starts it; `text` says what it would do.

    Raises NotAllowed.
    """
    return _made(kind, JobState.PLANNED, actor, "", total, parameters, progress=text)


@transaction.atomic
def start(job_id: Any, *, actor: User) -> Job:
    """planned → waiting. Starting twice is starting once. Raises NotAllowed, WrongStatus or Job.DoesNotExist.

    It is done in the name of whoever starts it.
    """
    job = Job.objects.select_for_update(of=("self",)).get(pk=job_id)
    if kind := kind_of(job.kind):
        kind.ensure_allowed(actor)
    if job.state in (JobState.WAITING, JobState.RUNNING):
        return job
    if job.state != JobState.PLANNED:
        raise WrongStatus(f"This job is {job.get_state_display().lower()} already: plan a new one")
    job.state, job.progress = JobState.WAITING, ""
    for name, value in _origin_of(actor).items():
        setattr(job, name, value)
    job.save()
    _enqueue(job, actor)
    return job


@transaction.atomic
def cancel(job_id: Any, *, actor: User) -> Job:
    """End what has not begun; ask a running job to stop, which it does at its next step. What is done stays done.

    Allowed to whoever asked for it, who may ask for such jobs, and who may cancel those of others. Raises NotAllowed,
    WrongStatus or Job.DoesNotExist.
    """
    job = Job.objects.select_for_update(of=("self",)).get(pk=job_id)
    if not may_cancel(job, actor):
        raise NotAllowed(f"{name_of(actor)} may not cancel the jobs of others")
    if job.has_ended or job.cancel_requested:
        state = "cancelled" if job.cancel_requested else job.get_state_display().lower()
        raise WrongStatus(f"This job is {state} already")
    kind = kind_of(job.kind)
    if job.state == JobState.RUNNING:
        if kind is not None and not kind.is_cancellable:
            raise WrongStatus("This job cannot be stopped once it runs: wait until it has ended")
        job.cancel_requested = True
    else:
        job.state, job.finished_at = JobState.CANCELLED, timezone.now()
    job.save(update_fields=["state", "finished_at", "cancel_requested"])
    audit.record("cancelled", job, actor=actor)
    return job


def may_cancel(job: Job, actor: User) -> bool:
    """Whether it is theirs, or of a kind they may ask for, or they may cancel those of others."""
    kind = kind_of(job.kind)
    of_that_kind = kind is not None and kind.permission and actor.has_perm(kind.permission)
    return job.requested_by_id == actor.pk or bool(of_that_kind) or actor.has_perm("core.cancel_job")


def sweep() -> int:
    """Wake a worker for each job that none has: its message was lost, or its worker was. Returns for how many."""
    free = Job.objects.filter(FREE).order_by("requested_at")
    return sum(send_now(RUN, str(key)) for key in free.values_list("pk", flat=True))


def _made(
    kind: JobKind,
    state: JobState,
    actor: User | None,
    key: str,
    total: int,
    parameters: dict[str, Any],
    progress: str = "",
) -> Job:
    if actor is not None:
        kind.ensure_allowed(actor)
    numbers = {"total": total, "progress": progress}
    job = Job(kind=kind.name, key=key, state=state, parameters=parameters, **numbers, **_origin_of(actor))
    try:
        with transaction.atomic():
            job.save(force_insert=True)
    except IntegrityError:
        other = Job.objects.filter(key=key, state__in=(JobState.WAITING, JobState.RUNNING)).first()
        if other is None:
            raise
        raise AlreadyOpen(other, kind.label) from None
    return job


def _origin_of(actor: User | None) -> dict[str, Any]:
    origin = current_origin()
    return {
        "requested_by_id": actor.pk if actor else None,
        "token": getattr(actor, "token", None),
        "address": origin.address,
        "user_agent": origin.user_agent,
        "correlation_id": origin.correlation_id or new_correlation_id(),
    }


def _enqueue(job: Job, actor: User | None) -> None:
    audit.record("requested", job, actor=actor, detail=_detail(job))
    enqueue(RUN, str(job.pk))


def _detail(job: Job) -> str:
    return ", ".join(f"{name}: {value}" for name, value in job.parameters_shown)[:1000]
