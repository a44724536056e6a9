"""A job that this worker leases: what its runner is handed, and the lease that is renewed meanwhile."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from threading import Event, Thread
from typing import Any

import structlog
from django.contrib.auth.models import User
from django.db import Error, connection
from django.db.models import QuerySet
from django.db.models.functions import Now
from django.utils import timezone

from circletel.core.models import Job
from circletel.core.secrecy import hide

log = structlog.get_logger(__name__)

LEASE = timedelta(seconds=30)
# A worker that does not renew within a lease is taken for lost.
RENEW_SECONDS = 10
LEASED_UNTIL = Now() + LEASE
LONGEST_LOG = 200  # lines


class Cancelled(Exception):
    """Somebody asked that the job be stopped. str() is what was done until then, where the runner says so."""


class LeaseLost(Exception):
    """Another worker has taken the job over: this one must not go on."""


class RunningJob:
    """A job that this worker leases, as its runner sees it.

    `actor` is in whose name it is done, with their rights or those of their token; None is the system.
    """

    def __init__(self, job: Job, *, is_taken_over: bool = False) -> None:
        self.job = job
        self.is_taken_over = is_taken_over
        self.parameters: dict[str, Any] = job.parameters
        self.actor: User | None = None
        self.on_progress: Callable[[Job], None] | None = None

    def renew(self) -> None:
        """Prolong the lease. Raises Cancelled, or LeaseLost.

        In a transaction it keeps the job from being taken over or cancelled until the transaction ends: what the
        transaction writes is then written by one worker only.
        """
        self._write()

    def progress(self, done: int, total: int | None = None, text: str = "") -> None:
        """Write down how far it is. Raises Cancelled, or LeaseLost."""
        self.job.done, self.job.progress = done, text[:300]
        self.job.total = self.job.total if total is None else total
        self._write(done=self.job.done, total=self.job.total, progress=self.job.progress)
        if self.on_progress is not None:
            self.on_progress(self.job)

    def remember(self, **values: Any) -> None:
        """Keep `values` among the parameters, for the next run of this job. Raises as `renew`."""
        self.parameters.update(values)
        self._write(parameters=self.parameters)

    def log(self, text: str) -> None:
        """Add a line to the log on the job's page; the first ones go when there are many. Raises as `renew`."""
        line = [timezone.now().isoformat(timespec="seconds"), hide(text)[:1000]]
        self.job.log = [*self.job.log, line][-LONGEST_LOG:]
        self._write(log=self.job.log)

    def _write(self, **values: Any) -> None:
        if not leased(self.job).filter(cancel_requested=False).update(leased_until=LEASED_UNTIL, **values):
            raise Cancelled if leased(self.job).exists() else LeaseLost


def leased(job: Job) -> QuerySet[Job]:
    """The job's row as long as the lease of this worker holds."""
    return Job.objects.filter(pk=job.pk, lease_token=job.lease_token)


@contextmanager
def renewed_meanwhile(job: Job) -> Iterator[None]:
    """Renews the lease in a thread, however long a step of the runner takes.

    In a transaction there is nothing to renew: nobody else sees the lease before it is committed.
    """
    if connection.in_atomic_block:
        yield
        return
    ended = Event()
    thread = Thread(target=_renew_until, args=(job, ended), name=f"lease of {job.pk}", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def _renew_until(job: Job, ended: Event) -> None:
    is_leased = True
    while is_leased and not ended.wait(RENEW_SECONDS):
        try:
            is_leased = bool(leased(job).update(leased_until=LEASED_UNTIL))
        except Error as error:
            # With a new connection at the next turn; the lease lasts for some of them.
            log.warning("job_lease_not_renewed", job=str(job.pk), error=str(error))
        finally:
            connection.close()
