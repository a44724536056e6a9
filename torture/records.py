"""What happened in a run: each request, each deed that somebody was promised, each fault. Safe for threads."""

import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum


class Outcome(StrEnum):
    DONE = "acknowledged"
    REFUSED = "refused"
    UNKNOWN = "unanswered"
    """No answer, or one of 500 and above: it happened once or not at all."""


@dataclass(frozen=True)
class Request:
    """Seconds since the run began. Status 0 is no answer."""

    begun: float
    ended: float
    who: str
    method: str
    path: str
    status: int

    @property
    def seconds(self) -> float:
        return self.ended - self.begun


@dataclass(frozen=True)
class Deed:
    """What somebody asked for, of what, and the answer they got."""

    name: str
    target: str
    outcome: Outcome


@dataclass
class Fault:
    """`ended` is when we stopped breaking it; `recovered` when it did its work again. None: not yet."""

    name: str
    begun: float
    ended: float | None = None
    recovered: float | None = None

    def touches(self, request: Request) -> bool:
        """Whether any part of the request fell between its begin and its recovery."""
        until = self.recovered if self.recovered is not None else float("inf")
        return request.begun <= until and request.ended >= self.begun


@dataclass
class Records:
    started: float = field(default_factory=time.monotonic)
    requests: list[Request] = field(default_factory=list)
    deeds: list[Deed] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def now(self) -> float:
        return time.monotonic() - self.started

    def note(self, entry: Request | Deed) -> None:
        with self._lock:
            if isinstance(entry, Request):
                self.requests.append(entry)
            else:
                self.deeds.append(entry)

    def fault(self, name: str) -> Fault:
        one = Fault(name, self.now())
        with self._lock:
            self.faults.append(one)
        return one


def percentile(values: Iterable[float], percent: float) -> float:
    """The smallest value that `percent` of all do not exceed; 0 of none."""
    ordered = sorted(values)
    if not ordered:
        return 0.0
    return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))]
