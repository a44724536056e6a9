"""A circuit breaker per Zoho system: an outage is not a record's fault.

After a few calls in a row have failed for reasons that are not the record's, the queue of that system rests.
When the rest is over one worker tries one call; success closes the breaker, failure doubles the rest.
"""

import time
from dataclasses import dataclass

from zoho_sync.connection.errors import ZohoError
from zoho_sync.connection.shared import PREFIX, shared_store
from zoho_sync.models import System

FAILURES_TO_OPEN = 3
FIRST_REST_SECONDS = 15.0
LONGEST_REST_SECONDS = 300.0
# A probing worker that dies must not keep the breaker open for ever.
PROBE_SECONDS = 120


@dataclass(frozen=True)
class BreakerState:
    """`open_until` is 0 when closed. Times are seconds since the epoch."""

    failures: int = 0
    open_until: float = 0.0
    opened_at: float = 0.0
    rest_seconds: float = 0.0
    reason: str = ""
    last_success_at: float = 0.0

    @property
    def is_open(self) -> bool:
        return self.open_until > 0

    def seconds_left(self) -> float:
        return max(0.0, self.open_until - time.time()) if self.is_open else 0.0


class Breaker:
    def __init__(self, system: System) -> None:
        self.system = system
        self._key = f"{PREFIX}:breaker:{system}"

    def state(self) -> BreakerState:
        stored = shared_store().hgetall(self._key)
        return BreakerState(
            failures=int(stored.get("failures", 0)),
            open_until=float(stored.get("open_until", 0)),
            opened_at=float(stored.get("opened_at", 0)),
            rest_seconds=float(stored.get("rest_seconds", 0)),
            reason=stored.get("reason", ""),
            last_success_at=float(stored.get("last_success_at", 0)),
        )

    def may_work(self) -> str:
        """Answers "yes", "probe" (one call, to see whether Zoho is back) or "no"."""
        state = self.state()
        if not state.is_open:
            return "yes"
        if state.seconds_left() > 0:
            return "no"
        first = shared_store().set(f"{self._key}:probe", "1", nx=True, ex=PROBE_SECONDS)
        return "probe" if first else "no"

    def succeeded(self) -> None:
        self._close(success=True)

    def failed(self, error: ZohoError) -> None:
        """Count a failure that is not a record's fault; open when there were enough, or at once when Zoho says how long."""
        store, state = shared_store(), self.state()
        failures = int(store.hincrby(self._key, "failures", 1))
        store.delete(f"{self._key}:probe")
        if failures < FAILURES_TO_OPEN and error.retry_after is None and not state.is_open:
            return
        rest = min(state.rest_seconds * 2 or FIRST_REST_SECONDS, LONGEST_REST_SECONDS)
        rest = max(rest, error.retry_after) if error.retry_after is not None else rest
        store.hset(
            self._key,
            mapping={
                "open_until": time.time() + rest,
                "opened_at": state.opened_at or time.time(),
                "rest_seconds": min(rest, LONGEST_REST_SECONDS),
                "reason": str(error)[:500],
            },
        )

    def release_probe(self) -> None:
        """There was nothing to try: let the next worker ask."""
        shared_store().delete(f"{self._key}:probe")

    def reset(self) -> None:
        """Forget the rest, keep when it last worked: try again now."""
        self._close()

    def _close(self, *, success: bool = False) -> None:
        with shared_store().pipeline() as pipe:
            pipe.hdel(self._key, "failures", "open_until", "opened_at", "rest_seconds", "reason")
            if success:
                pipe.hset(self._key, "last_success_at", time.time())
            pipe.delete(f"{self._key}:probe")
            pipe.execute()
