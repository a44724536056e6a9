"""Moving subscriptions to their new price in Zoho Billing: take what is due, do it, write down what came of it.

Level-triggered, as the sync is: it looks at rows, so it may be started at any time, twice or not at all, and killed
at any point. A change that may have reached Zoho is read back before anything is sent again.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime

import structlog
from django.conf import settings
from django.db import DatabaseError
from django.utils import timezone
from redis.exceptions import RedisError

from circletel.core.origin import Origin, acting_from, new_correlation_id
from pricing import move_claims, move_steps
from pricing.models import MoveState
from pricing.move_claims import Held
from zoho_sync.billing.client import BillingClient
from zoho_sync.connection.errors import NeedsPerson, OurMistake, RateLimited, Retryable, ZohoError
from zoho_sync.connection.http import ZohoHttp
from zoho_sync.models import System

log = structlog.get_logger(__name__)


@dataclass
class Moved:
    """What one run did. `again_in` is set, in seconds, when something is due that has to wait."""

    looked_at: int = 0
    calls: int = 0
    again_in: float | None = None
    reasons: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        said = f"{self.looked_at} moves, {self.calls} calls"
        return "; ".join([said, *self.reasons])

    def postpone(self, seconds: float, reason: str) -> None:
        self.again_in = max(self.again_in or 0.0, seconds)
        self.reasons.append(reason)


class _GaveBack(Exception):
    """Nothing more can be done for `seconds`."""

    def __init__(self, reason: str, seconds: float) -> None:
        super().__init__(reason)
        self.seconds = seconds


def drain(*, now: datetime | None = None, seconds: float = 240.0, http: ZohoHttp | None = None) -> Moved:
    """Do what is due until nothing is, Zoho rests, the background's share of the budget is used or time is over.

    `now` stands for the whole run when given, so that a rehearsal can live in another month.
    """
    own, outcome = http is None, Moved()
    http = http or ZohoHttp(System.BILLING)
    before, deadline = http.allowance.used, time.monotonic() + seconds
    try:
        with acting_from(Origin(correlation_id=new_correlation_id())):
            while time.monotonic() < deadline and _one(http, now or timezone.now(), outcome):
                outcome.looked_at += 1
    finally:
        outcome.calls = http.allowance.used - before
        if own:
            http.close()
    return outcome


def _one(http: ZohoHttp, now: datetime, outcome: Moved) -> bool:
    """The next move; False when none can be made now."""
    if wait := http.budget.seconds_until_free(background=True):
        outcome.postpone(wait, f"the budget of calls is used up for {wait:.0f} s")
        return False
    verdict = http.breaker.may_work()
    if verdict == "no":
        state = http.breaker.state()
        outcome.postpone(state.seconds_left() or 1.0, f"Zoho Billing rests: {state.reason}")
        return False
    held = move_claims.claim(now)
    if held is None:
        if verdict == "probe":
            http.breaker.release_probe()
        return False
    try:
        with _failures_reported(http, held, now):
            _act(BillingClient(http), held, now)
    except _GaveBack as given_back:
        outcome.postpone(given_back.seconds, str(given_back))
        return False
    return True


def _act(client: BillingClient, held: Held, now: datetime) -> None:
    move, include_vat = held.move, settings.ZOHO_PRICES_INCLUDE_VAT
    if move.to_undo:
        values = move_steps.undo(client, move, now, include_vat=include_vat)
    elif move.state == MoveState.SCHEDULED:
        values = move_steps.confirm(client, move, now, include_vat=include_vat)
    else:
        begun = move_steps.start(
            client, move, now, include_vat=include_vat, begin=lambda: move_claims.begin_write(held, now)
        )
        values = begun or {}
    move_claims.report(held, now, **values)


@contextmanager
def _failures_reported(http: ZohoHttp, held: Held, now: datetime) -> Iterator[None]:
    """Whatever goes wrong inside is written down on the move, or it is given back when the trouble is not its own."""
    try:
        yield
    except RateLimited as limited:
        wait = limited.retry_after or 5.0
        move_claims.give_back(held, now, seconds=wait)
        raise _GaveBack(str(limited), wait) from None
    except RedisError as trouble:
        move_claims.give_back(held, now, seconds=5)
        raise _GaveBack(f"Redis is away: {trouble}", 5.0) from None
    except ZohoError as error:
        _report(http, held, now, error)
    except DatabaseError:
        raise
    except Exception as mistake:
        log.exception("our_mistake", move=str(held.move.pk))
        _report(http, held, now, OurMistake(f"{type(mistake).__name__}: {mistake}"))


def _report(http: ZohoHttp, held: Held, now: datetime, error: ZohoError) -> None:
    """An outage, or a wrong setting of the connection, burns no attempt: the move stays as it was."""
    counts = not error.about_connection
    if isinstance(error, Retryable) and error.about_connection:
        counts = _worked_since_last_try(http, held)
    retryable = isinstance(error, Retryable) or (isinstance(error, NeedsPerson) and error.about_connection)
    move_claims.report_failure(held, now, error, retryable=retryable, counts=counts)
    log.warning("price_not_moved", move=str(held.move.pk), error=str(error), counts=counts)


def _worked_since_last_try(http: ZohoHttp, held: Held) -> bool:
    """Zoho answered somebody since this one was last tried; if not, the failure says nothing about it."""
    if held.move.last_attempt_at is None:
        return False
    return http.breaker.state().last_success_at > held.move.last_attempt_at.timestamp()
