"""Calls that take their turn: work in the background leaves the budget's reserve to people and waits for the rest."""

from threading import Event

from zoho_sync.connection.breaker import Breaker
from zoho_sync.connection.errors import BudgetSpent
from zoho_sync.connection.http import Answer, Call, ZohoHttp

# A rest that ends about now is looked at again after this.
SHORT_SECONDS = 0.2


class Stopped(Exception):
    """Somebody asked to stop."""


class BackgroundHttp:
    """A connection that waits up to `patience` seconds in all for the budget and for Zoho to be back.

    `send` raises Stopped once `stop` is set, BudgetSpent when the wait would be longer, and ZohoErrors.
    """

    def __init__(self, http: ZohoHttp, stop: Event, patience: float) -> None:
        self.http, self.stop, self.patience = http, stop, patience

    @property
    def breaker(self) -> Breaker:
        return self.http.breaker

    def send(self, call: Call) -> Answer:
        while wait := self._wait():
            if wait > self.patience:
                raise BudgetSpent(
                    f"{self.http.system.label} grants background work no more calls for {wait:.0f} s.",
                    retry_after=wait,
                )
            self.patience -= wait
            self.stop.wait(wait)
            self._ensure_wanted()
        self._ensure_wanted()
        return self.http.send(call)

    def _wait(self) -> float:
        state = self.http.breaker.state()
        if state.is_open and self.http.breaker.may_work() == "no":
            return max(state.seconds_left(), SHORT_SECONDS)
        return self.http.budget.seconds_until_free(background=True)

    def _ensure_wanted(self) -> None:
        if self.stop.is_set():
            raise Stopped
