"""A connection for work that nobody waits for: it leaves the budget's reserve to people and waits for its turn."""

import time
from collections.abc import Callable
from threading import Event
from typing import Any

from zoho_sync.connection.errors import BudgetSpent, RateLimited
from zoho_sync.connection.http import Answer, Call, ZohoHttp
from zoho_sync.models import System

# A rest that ends about now is looked at again after this.
SHORT_SECONDS = 0.2


class Stopped(Exception):
    """Somebody asked to stop."""


class BackgroundHttp(ZohoHttp):
    """Waits up to `patience` seconds in all for the budget, for Zoho's limits and for Zoho to be back.

    `send` raises Stopped once `stop` is set, BudgetSpent when the wait would be longer, and ZohoErrors.
    """

    def __init__(
        self,
        system: System,
        *,
        patience: float,
        stop: Event | None = None,
        sleep: Callable[[float], Any] | None = None,
        **options: Any,
    ) -> None:
        super().__init__(system, sleep=sleep or time.sleep, **options)
        self.patience = patience
        self._stop = stop or Event()
        self._wait = sleep or self._stop.wait

    def send(self, call: Call) -> Answer:
        self._await_turn()
        while True:
            try:
                return super().send(call)
            except RateLimited as limited:
                if self.allowance.is_spent or not self._waited(limited.retry_after or 5.0):
                    raise

    def _await_turn(self) -> None:
        while wait := self._seconds_until_turn():
            if not self._waited(wait):
                raise BudgetSpent(
                    f"{self.system.label} grants background work no more calls for {wait:.0f} s.",
                    retry_after=wait,
                )
        self._ensure_wanted()

    def _seconds_until_turn(self) -> float:
        state = self.breaker.state()
        if state.is_open and self.breaker.may_work() == "no":
            return max(state.seconds_left(), SHORT_SECONDS)
        return self.budget.seconds_until_free(background=True)

    def _waited(self, seconds: float) -> bool:
        """False when that is longer than may be waited."""
        if seconds > self.patience:
            return False
        self.patience -= seconds
        self._wait(seconds)
        self._ensure_wanted()
        return True

    def _ensure_wanted(self) -> None:
        if self._stop.is_set():
            raise Stopped
