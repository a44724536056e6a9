"""Running a job: its lease, what its runner is handed, and writing down what came of it."""

import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import structlog
from django.contrib.auth.models import User
from django.db import DatabaseError
from django.db.models import Q
from django.db.models.functions import Now
from django.utils import timezone

from circletel.core import audit
from circletel.core.enqueue import send_now
from circletel.core.errors import NotAllowed, Refused
from circletel.core.jobs.kinds import Again, Failed, JobKind, Runner, kind_of
from circletel.core.jobs.lease import (
    LEASED_UNTIL,
    Cancelled,
    LeaseLost,
    RunningJob,
    leased,
    renewed_meanwhile,
)
from circletel.core.models import AuditEntry, Job, JobState
from circletel.core.origin import Origin, acting_from, new_correlation_id
from circletel.core.rights import name_of
from circletel.core.secrecy import hidden, hide
from circletel.core.tokens import UnusableToken, actor_of

log = structlog.get_logger(__name__)

RUN = "circletel.core.tasks.run_job"
# Jobs that wait for longer are woken by the sweep.
SWEPT_SECONDS = 60
FREE = Q(state=JobState.WAITING, due_at__lte=Now()) | Q(state=JobState.RUNNING, leased_until__lt=Now())


def run(
    job_id: Any, *, on_progress: Callable[[Job], None] | None = None, runner: Runner | None = None
) -> bool:
    """Do the job, or go on with it, unless it is not due or another worker has it. Returns whether it did.

    What its runner raises is written down; what is no refusal is raised on. A command that runs a job itself shows
    its progress with `on_progress`, or brings a `runner` of its own in place of the kind's.
    """
    running = _taken(job_id)
    if running is not None:
        running.on_progress = on_progress
        _work(running, runner)
    return running is not None


def run_now(kind: JobKind, *, runner: Runner | None = None) -> bool:
    """Do a job of `kind` here and now, in the system's name. False when one is running already: then it leaves no row."""
    job = Job(kind=kind.name, key=kind.name, correlation_id=new_correlation_id())
    Job.objects.bulk_create([job], ignore_conflicts=True)
    # Either the new one, or one that waits to be run again or lost its worker.
    opened = Job.objects.filter(key=kind.name, state__in=(JobState.WAITING, JobState.RUNNING))
    opened.filter(state=JobState.WAITING).update(due_at=Now())
    key = opened.values_list("pk", flat=True).first()
    return key is not None and run(key, runner=runner)


def _taken(job_id: Any) -> RunningJob | None:
    """The job with a lease for this worker; None when it is not free."""
    free = Job.objects.filter(FREE, pk=job_id)
    job = free.first()
    if job is None:
        return None
    lost, token = job.lease_token, uuid.uuid4()
    started_at = job.started_at or timezone.now()
    if not free.filter(lease_token=lost).update(
        state=JobState.RUNNING,
        lease_token=token,
        leased_until=LEASED_UNTIL,
        started_at=started_at,
        due_at=Now(),
    ):
        return None  # another worker was quicker
    job.state, job.lease_token, job.started_at = JobState.RUNNING, token, started_at
    return RunningJob(job, is_taken_over=lost is not None)


def _work(running: RunningJob, runner: Runner | None) -> None:
    job = running.job
    token = job.token.name if job.token else ""
    origin = Origin(job.correlation_id, job.address, job.user_agent, token)
    with acting_from(origin):
        try:
            with renewed_meanwhile(job):
                kind = _kind_allowed(running)
                if running.is_taken_over:
                    log.warning("job_taken_over", job=str(job.pk), kind=job.kind)
                    running.log("The worker was lost: another one takes over.")
                    if not kind.is_resumable:
                        raise Failed("The worker was lost, and such a job does not begin a second time.")
                result = (runner or kind.runner)(running)
        except Cancelled as cancelled:
            _end(job, JobState.CANCELLED, result=hidden(str(cancelled)) or None)
        except LeaseLost:
            log.warning("job_lease_lost", job=str(job.pk), kind=job.kind)
        except Failed as failure:
            _end(job, JobState.FAILED, error=hide(str(failure)))
        except Refused as refusal:
            _refused(job, refusal)
        except Exception as error:
            _failed(job, error)
            raise
        else:
            _returned(job, result)


def _kind_allowed(running: RunningJob) -> JobKind:
    """The kind of the job, once its `actor` is known to be still allowed to do it."""
    running.renew()
    job = running.job
    kind = kind_of(job.kind)
    if kind is None:
        raise Refused(f"There is no kind of job “{job.kind}” in this version")
    if job.requested_by is not None:
        running.actor = _actor(job, job.requested_by)
        kind.ensure_allowed(running.actor)
    return kind


def _actor(job: Job, person: User) -> User:
    if not (person.is_active and person.is_staff):
        raise NotAllowed(f"{name_of(person)} is not active staff any more")
    if job.token is None:
        return person
    try:
        return actor_of(job.token)
    except UnusableToken as unusable:
        raise NotAllowed(str(unusable)) from None


def _returned(job: Job, result: Any) -> None:
    if not isinstance(result, Again):
        _end(job, JobState.DONE, result=hidden(result))
        return
    due_at = Now() + timedelta(seconds=result.seconds)
    values = {"progress": result.text[:300]} if result.text else {}
    leased(job).update(state=JobState.WAITING, due_at=due_at, lease_token=None, leased_until=None, **values)
    if result.seconds < SWEPT_SECONDS:
        send_now(RUN, str(job.pk), seconds=result.seconds)


def _refused(job: Job, refusal: Refused) -> None:
    _end(job, JobState.FAILED, error=hide(f"Refused: {refusal}"))
    if job.requested_by is not None:
        audit.record(
            "run", job, actor=job.requested_by, result=AuditEntry.Result.REFUSED, detail=hide(str(refusal))
        )


def _failed(job: Job, error: Exception) -> None:
    try:
        _end(job, JobState.FAILED, error=hide(f"{type(error).__name__}: {error}")[:2000])
    except DatabaseError:
        # The job's own error is the one to hear of. The lease ends, and another worker goes on.
        log.exception("job_end_not_written", job=str(job.pk))


def _end(job: Job, state: JobState, **values: Any) -> None:
    values |= {"state": state, "finished_at": timezone.now(), "lease_token": None, "leased_until": None}
    leased(job).update(**values)
