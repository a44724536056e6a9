"""The kinds of jobs that this program can do."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

from django.contrib.auth.models import User
from django.utils.module_loading import autodiscover_modules

from circletel.core.jobs.lease import RunningJob
from circletel.core.rights import ensure_may

Runner = Callable[[RunningJob], Any]
_KINDS: dict[str, "JobKind"] = {}


class Failed(Exception):
    """Raised by a runner whose work came to a bad end that is no bug; str() says why, to a person."""


@dataclass(frozen=True)
class Again:
    """What a runner returns that is not done: the job waits, and is run again in so many seconds."""

    seconds: float
    text: str = ""


@dataclass(frozen=True)
class JobKind:
    """One kind of job. Made once, at the top of the module that asks for such jobs; `tasks.py` must import that module.

    `runner` does the work. It gets the `RunningJob` and returns its result, a text or JSON, or `Again`. It may be run
    more than once: after a worker was lost, another one begins it anew, and it goes on with what the database says
    is left. A kind that must not begin twice has `is_resumable=False`, and ends as failed instead.

    `permission` is what the person must hold when asking and when the work begins. `is_cancellable` where the runner
    calls `renew` or `progress`, which raise `Cancelled`.
    """

    name: str
    label: str
    runner: Runner
    permission: str = ""
    is_cancellable: bool = True
    is_resumable: bool = True

    def __post_init__(self) -> None:
        _KINDS[self.name] = self

    def ensure_allowed(self, actor: User) -> None:
        """Raises NotAllowed."""
        ensure_may(actor, self.permission, f"start “{self.label}”")


@cache
def kinds() -> dict[str, JobKind]:
    """Every kind by its name. A web process has not read all modules of tasks yet, so they are read here."""
    autodiscover_modules("tasks")
    return _KINDS


def kind_of(name: str) -> JobKind | None:
    """None for a kind that this version of the program does not have."""
    return kinds().get(name)
