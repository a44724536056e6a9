"""What a check is, and running one. A check that breaks is one that cannot tell, and stops no other."""

import logging
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from circletel.core.errors import Refused
from circletel.core.secrecy import hide

log = logging.getLogger(__name__)


class State(StrEnum):
    OK = "ok"
    FAILED = "failed"
    UNKNOWN = "cannot tell"


MARKS = {State.OK: "✓", State.FAILED: "✗", State.UNKNOWN: "?"}


@dataclass(frozen=True)
class Check:
    """One line. `why` says what was seen; `mend` is the command or page that puts it right, empty when nothing must."""

    name: str
    state: State
    why: str
    mend: str = ""

    @property
    def mark(self) -> str:
        return MARKS[self.state]


@dataclass(frozen=True)
class Readiness:
    checks: tuple[Check, ...]

    @property
    def ready(self) -> bool:
        """Nothing failed and nothing is unknown: what cannot be told is not known to be right."""
        return all(check.state is State.OK for check in self.checks)

    @property
    def summary(self) -> str:
        """`31 ok, 2 failed, 1 cannot tell`."""
        counts = {state: sum(check.state is state for check in self.checks) for state in State}
        return ", ".join(f"{count} {state}" for state, count in counts.items() if count)

    def as_json(self) -> dict[str, Any]:
        """`{"ready": bool, "checks": [{"name", "state", "why", "mend"}]}`."""
        return {"ready": self.ready, "checks": [asdict(check) for check in self.checks]}


def run(name: str, check: Callable[[], Iterable[Check]]) -> list[Check]:
    """What `check` found; one line named `name` when it could not look."""
    try:
        return list(check())
    except Refused as refusal:
        return [Check(name, State.UNKNOWN, str(refusal))]
    except Exception as trouble:  # whatever it is, the other checks are worth knowing
        log.exception("preflight: %s", name)
        words = hide(f"{type(trouble).__name__}: {trouble}")
        return [Check(name, State.UNKNOWN, f"looking failed ({words})", "see the log of this process")]


def judged(name: str, is_fine: bool | None, why: str, mend: str) -> Check:
    """None is what cannot be told. `mend` is said only where it is needed."""
    state = State.UNKNOWN if is_fine is None else State.OK if is_fine else State.FAILED
    return Check(name, state, why, "" if is_fine else mend)
