"""One budget per Zoho system, shared by all processes: calls a minute, calls or credits a day, calls at once.

Background work leaves a part of each window (`RESERVE_PERCENT`) to what people wait for.
"""

import random
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from django.conf import settings
from limits import RateLimitItem, RateLimitItemPerDay, RateLimitItemPerSecond
from limits.storage import RedisStorage
from limits.strategies import MovingWindowRateLimiter, SlidingWindowCounterRateLimiter
from redis.exceptions import LockError, RedisError

from zoho_sync.connection.errors import BudgetSpent
from zoho_sync.connection.shared import PREFIX, shared_store
from zoho_sync.models import System

# The part of each window that background work leaves to people's clicks.
RESERVE_PERCENT = 10
CRM_CONCURRENCY = 5
# How long a call may wait for its turn before the record is given back to the queue.
PATIENCE_SECONDS = 10.0
# A second more than Zoho's, because what we space a minute apart may arrive a little closer together.
OUR_MINUTE_SECONDS = 61
# A slot outlives any single call; a killed worker's slot frees itself after this.
SLOT_SECONDS = 60


def reserve(window: RateLimitItem) -> int:
    """How many calls of a window are kept for people."""
    return window.amount * RESERVE_PERCENT // 100


class Allowance:
    """How many calls one run may make; counts them in any case. Raises BudgetSpent when they are used up."""

    def __init__(self, calls: int | None = None) -> None:
        self.calls = calls
        self.used = 0
        self._lock = threading.Lock()

    @property
    def is_spent(self) -> bool:
        return self.calls is not None and self.used >= self.calls

    def take(self) -> None:
        with self._lock:
            if self.is_spent:
                raise BudgetSpent(f"The {self.calls} calls allowed to this run are used up.", retry_after=1)
            self.used += 1


class Budget:
    """What one system still grants us. Raises BudgetSpent with `retry_after` when the wait would be long."""

    def __init__(self, system: System) -> None:
        self.system = system
        storage = RedisStorage(settings.REDIS_URL, key_prefix=f"{PREFIX}:calls")
        # Billing's few calls are remembered one by one; CRM's tens of thousands of credits are counted.
        self._limiter = (
            SlidingWindowCounterRateLimiter(storage)
            if system is System.CRM
            else MovingWindowRateLimiter(storage)
        )

    @property
    def windows(self) -> list[RateLimitItem]:
        """CRM counts credits, a day's alone; Billing counts calls."""
        if self.system is System.CRM:
            return [RateLimitItemPerDay(settings.ZOHO_CRM_CREDITS_PER_DAY)]
        return [
            RateLimitItemPerSecond(settings.ZOHO_BILLING_CALLS_PER_MINUTE, OUR_MINUTE_SECONDS),
            RateLimitItemPerDay(settings.ZOHO_BILLING_CALLS_PER_DAY),
        ]

    @property
    def concurrency(self) -> int:
        return CRM_CONCURRENCY if self.system is System.CRM else settings.ZOHO_BILLING_CONCURRENCY

    def seconds_until_free(self, *, background: bool = False, cost: int = 1) -> float:
        """0 when a call of that cost may go out now, else how long until one may; in the background, beyond the reserve."""
        waits = [
            self._limiter.get_window_stats(window, self.system).reset_time - time.time()
            for window in self.windows
            if not self._limiter.test(window, self.system, cost=cost + (reserve(window) if background else 0))
        ]
        return max([0.0, *waits])

    def left(self) -> list[tuple[RateLimitItem, int]]:
        """How many calls (credits, of CRM) each window still grants at this moment."""
        return [
            (window, self._limiter.get_window_stats(window, self.system).remaining) for window in self.windows
        ]

    @contextmanager
    def one_call(self, cost: int = 1) -> Iterator[None]:
        """Take one call of that cost from the budget and one of the concurrent slots for its duration."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        with self._slot(deadline):
            self._take(deadline, cost)
            yield

    def _take(self, deadline: float, cost: int) -> None:
        while not self._hit(cost):
            wait = self.seconds_until_free(cost=cost)
            if time.monotonic() + wait > deadline:
                raise BudgetSpent(
                    f"Our budget of calls to {self.system.label} is used up for {wait:.0f} s.",
                    retry_after=max(wait, 1.0),
                )
            time.sleep(max(wait, 0.05))

    def _hit(self, cost: int) -> bool:
        # The longer windows are asked first, so that a full day does not use up the minute.
        windows = self.windows
        return all(self._limiter.test(window, self.system, cost=cost) for window in windows[1:]) and all(
            self._limiter.hit(window, self.system, cost=cost) for window in windows
        )

    @contextmanager
    def _slot(self, deadline: float) -> Iterator[None]:
        slots = [f"{PREFIX}:slot:{self.system}:{number}" for number in range(self.concurrency)]
        while True:
            for name in random.sample(slots, len(slots)):
                lock = shared_store().lock(name, timeout=SLOT_SECONDS, thread_local=False)
                if lock.acquire(blocking=False):
                    try:
                        yield
                    finally:
                        # Expired under a very slow call, or Redis went away: it frees itself. Neither is a reason to
                        # forget what Zoho answered.
                        with suppress(LockError, RedisError):
                            lock.release()
                    return
            if time.monotonic() > deadline:
                raise BudgetSpent(
                    f"All {self.concurrency} concurrent calls to {self.system.label} are taken.",
                    retry_after=2.0,
                )
            time.sleep(0.05)
