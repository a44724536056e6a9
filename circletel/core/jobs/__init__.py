"""Work in the background: each piece of it is one row of `jobs`. How to write a kind of job: docs/jobs.md."""

from circletel.core.jobs.kinds import Again, Failed, JobKind, kind_of
from circletel.core.jobs.lease import Cancelled, LeaseLost, RunningJob
from circletel.core.jobs.requests import (
    AlreadyOpen,
    cancel,
    may_cancel,
    plan,
    request,
    run_here,
    start,
    sweep,
)
from circletel.core.jobs.running import run, run_now
from circletel.core.jobs.scheduled import job

__all__ = [
    "Again",
    "AlreadyOpen",
    "Cancelled",
    "Failed",
    "JobKind",
    "LeaseLost",
    "RunningJob",
    "cancel",
    "job",
    "kind_of",
    "may_cancel",
    "plan",
    "request",
    "run",
    "run_here",
    "run_now",
    "start",
    "sweep",
]
