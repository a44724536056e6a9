"""Moving subscriptions to their new price in Zoho Billing: take what is due, do it, write down what came of it.

Level-triggered, as the sync is: it looks at rows, so it may be started at any time, twice or not at all, and killed
at any point. A change that may have reached Zoho is read back before anything is sent again. A move is claimed
first, so that two workers never act on one subscription.
"""

import random
import time
import uuid
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import structlog
from django.db import DatabaseError, transaction
from django.db.models import Case, Exists, F, IntegerField, OuterRef, Q, QuerySet, Value, When
from django.utils import timezone
from redis.exceptions import RedisError

from circletel.core.origin import Origin, acting_from, new_correlation_id
from pricing import move_steps
from pricing.models import MoveState, PriceChangeStatus, PriceMove, Subscription
from pricing.notice import renewed_until
from pricing.planning import ON_THEIR_WAY
from zoho_sync import timing
from zoho_sync.billing.client import BillingClient
from zoho_sync.claims import RETRY_MINUTES
from zoho_sync.connection.errors import NeedsPerson, OurMistake, RateLimited, Retryable, ZohoError
from zoho_sync.connection.http import ZohoHttp
from zoho_sync.models import System

log = structlog.get_logger(__name__)

GOES_ON = Q(change__status__in=(PriceChangeStatus.PUBLISHED, PriceChangeStatus.EFFECTIVE)) | Q(is_return=True)


@dataclass
class Moved:
    """What one run did; `reasons` say why it ended before all that is due was done."""

    looked_at: int = 0
    calls: int = 0
    reasons: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        said = f"{self.looked_at} moves, {self.calls} calls"
        return "; ".join([said, *self.reasons])


def drain(*, now: datetime | None = None, seconds: float = 240.0, http: ZohoHttp | None = None) -> Moved:
    """Do what is due until nothing is, Zoho rests, the background's share of the budget is used or time is over.

    `now` stands for the whole run when given, so that a rehearsal can live in another month.
    """
    own, outcome = http is None, Moved()
    http = http or ZohoHttp(System.BILLING)
    before, deadline = http.allowance.used, time.monotonic() + seconds
    try:
        with acting_from(Origin(correlation_id=new_correlation_id())):
            while time.monotonic() < deadline:
                moment = now or timezone.now()
                move = _next(http, moment, outcome)
                if move is None or not _is_done(http, move, moment, outcome):
                    break
                outcome.looked_at += 1
    finally:
        outcome.calls = http.allowance.used - before
        if own:
            http.close()
    return outcome


def _next(http: ZohoHttp, now: datetime, outcome: Moved) -> PriceMove | None:
    """The next move; None when none can be made now."""
    if wait := http.budget.seconds_until_free(background=True):
        outcome.reasons.append(f"the budget of calls is used up for {wait:.0f} s")
        return None
    verdict = http.breaker.may_work()
    if verdict == "no":
        outcome.reasons.append(f"Zoho Billing rests: {http.breaker.state().reason}")
        return None
    move = claim(now)
    if move is None and verdict == "probe":
        http.breaker.release_probe()
    return move


def _is_done(http: ZohoHttp, move: PriceMove, now: datetime, outcome: Moved) -> bool:
    """Whatever goes wrong is written down on the move. False when it was given back, for the trouble is not its own."""
    try:
        _act(BillingClient(http), move, now)
    except RateLimited as limited:
        give_back(move, now, seconds=limited.retry_after or 5.0)
        outcome.reasons.append(str(limited))
        return False
    except RedisError as trouble:
        give_back(move, now, seconds=5)
        outcome.reasons.append(f"Redis is away: {trouble}")
        return False
    except ZohoError as error:
        _report_failure(http, move, now, error)
    except DatabaseError:
        raise
    except Exception as mistake:
        log.exception("our_mistake", move=str(move.pk))
        _report_failure(http, move, now, OurMistake(f"{type(mistake).__name__}: {mistake}"))
    return True


def _act(client: BillingClient, move: PriceMove, now: datetime) -> None:
    report(move, now, **move_steps.act(client, move, now, begin=lambda: begin_write(move, now)))


def _report_failure(http: ZohoHttp, move: PriceMove, now: datetime, error: ZohoError) -> None:
    """An outage, or a wrong setting of the connection, burns no attempt: the move stays as it was."""
    counts = not error.about_connection
    if isinstance(error, Retryable) and error.about_connection:
        counts = _worked_since_last_try(http, move)
    log.warning("price_not_moved", move=str(move.pk), error=str(error), counts=counts)
    if not counts:
        give_back(move, now, seconds=60, last_attempt_at=timezone.now())
        return
    attempts = move.attempts + 1
    retryable = isinstance(error, Retryable) or (isinstance(error, NeedsPerson) and error.about_connection)
    again = retryable and attempts <= len(RETRY_MINUTES)
    minutes = RETRY_MINUTES[min(attempts, len(RETRY_MINUTES)) - 1] * random.uniform(1.0, 1.1)
    # What Zoho has scheduled stays scheduled there: only reading it back failed.
    state = MoveState.SCHEDULED if move.state == MoveState.SCHEDULED and again else MoveState.FAILED
    report(
        move,
        now,
        state=state,
        why=str(error),
        attempts=attempts,
        next_attempt_at=now + timedelta(minutes=minutes) if again else None,
    )


def _worked_since_last_try(http: ZohoHttp, move: PriceMove) -> bool:
    """Zoho answered somebody since this one was last tried; if not, the failure says nothing about it."""
    if move.last_attempt_at is None:
        return False
    return http.breaker.state().last_success_at > move.last_attempt_at.timestamp()


# --- claiming moves, and writing down what came of each


def due(now: datetime) -> QuerySet[PriceMove]:
    """Moves that something can be done about at that instant: to undo, to schedule, to confirm; in this order.

    Whatever is to be undone on a subscription goes first, then the moves of its changes one after the other.
    """
    free = Q(leased_until=None) | Q(leased_until__lte=now)
    # A failed one without a next attempt waits for a person.
    its_turn = Q(next_attempt_at__lte=now) | (Q(next_attempt_at=None) & ~Q(state=MoveState.FAILED))
    kinds = Q(to_undo=True) | (_nothing_before() & (_to_start(now) | _to_confirm(now)))
    urgency = Case(
        When(to_undo=True, then=Value(0)),
        When(state=MoveState.SCHEDULED, then=Value(2)),
        default=Value(1),
        output_field=IntegerField(),
    )
    return (
        PriceMove.objects.filter(free, its_turn, kinds)
        .filter(Q(state__in=ON_THEIR_WAY) | Q(to_undo=True))
        .order_by(urgency, F("renewal_on").asc(nulls_first=True), "pk")
    )


def _to_start(now: datetime) -> Q:
    """The next renewal is the first that may bill the new price; or the mirror is behind, and Zoho has to be asked."""
    starting = GOES_ON & Q(state__in=(MoveState.PLANNED, MoveState.FAILED))
    billing = "subscription__next_billing_on"
    free_by_then = Q(subscription__fixed_until=None) | Q(
        subscription__fixed_until__lt=F("subscription__next_billing_on")
    )
    ready = Q(is_return=True) | (Q(**{f"{billing}__gte": F("change__effective_date")}) & free_by_then)
    return starting & (ready | Q(**{f"{billing}__lte": renewed_until(now)}) | Q(**{billing: None}))


def _to_confirm(now: datetime) -> Q:
    return Q(state=MoveState.SCHEDULED, lands_on__lte=renewed_until(now))


def _nothing_before() -> Q:
    """No other move of the same subscription is still to be undone, or was planned before this one."""
    others = PriceMove.objects.filter(subscription=OuterRef("subscription")).exclude(pk=OuterRef("pk"))
    undone_first = Exists(others.filter(to_undo=True))
    planned_before = Exists(
        others.filter(state__in=ON_THEIR_WAY, to_undo=False, created_at__lt=OuterRef("created_at"))
    )
    return ~Q(undone_first) & ~Q(planned_before)


@transaction.atomic
def claim(now: datetime) -> PriceMove | None:
    """The most urgent move that nobody holds, with its change, package and subscription; None when nothing is due.

    It is this worker's until its lease ends; what is written down later asks for its `lease_token`.
    """
    move = due(now).select_for_update(skip_locked=True, of=("self",)).first()
    if move is None:
        return None
    until = now + timedelta(seconds=timing.LEASE_SECONDS)
    PriceMove.objects.filter(pk=move.pk).update(lease_token=uuid.uuid4(), leased_until=until)
    found = PriceMove.objects.select_related("change__package", "change__amends", "subscription")
    return found.get(pk=move.pk)


def _mine(move: PriceMove) -> QuerySet[PriceMove]:
    return PriceMove.objects.filter(pk=move.pk, lease_token=move.lease_token)


def begin_write(move: PriceMove, now: datetime) -> bool:
    """Committed before Zoho is told: from here on it may have taken the change. False when this is not ours to do.

    That is when the lease was lost, or the change was cancelled or decided otherwise since the claim.
    """
    mine = _mine(move).filter(GOES_ON, to_undo=False, state=move.state)
    until = now + timedelta(seconds=timing.LEASE_SECONDS)
    return PriceMove.objects.filter(pk__in=mine.values("pk")).update(sent_at=now, leased_until=until) == 1


def report(move: PriceMove, now: datetime, **values: Any) -> None:
    """Write down what came of it and let go. Nothing when the lease was lost: then somebody else reports.

    A move that was marked to be undone meanwhile keeps that mark, and only that decides what comes next.
    """
    values = {"last_attempt_at": timezone.now(), "changed_at": now, **values}
    with transaction.atomic():
        current = _mine(move).select_for_update().values("to_undo", "state").first()
        if current is None:
            return
        if current["to_undo"] and not move.to_undo:
            values = {name: values[name] for name in ("sent_at", "lands_on") if name in values}
            values |= {"next_attempt_at": now}
        elif current["state"] != move.state:
            values = {}  # a person decided meanwhile
        _mine(move).update(lease_token=None, leased_until=None, **values)
        if values.get("state") == MoveState.CONFIRMED:
            _pass_on(move)


def _pass_on(confirmed: PriceMove) -> None:
    """It pays the new price: so says the mirror before its next pull, and from there a later change begins."""
    price = confirmed.expected_price
    Subscription.objects.filter(pk=confirmed.subscription_id).update(price=price)
    PriceMove.objects.filter(
        subscription=confirmed.subscription_id,
        state=MoveState.PLANNED,
        sent_at=None,
        decided_at=None,
        price_then=confirmed.price_then,
        change__old_price=price,
    ).update(price_then=price)


def give_back(move: PriceMove, now: datetime, *, seconds: float, **values: Any) -> None:
    """Put it back untouched, to be taken again later. Costs it nothing."""
    again_at = now + timedelta(seconds=seconds)
    _mine(move).update(lease_token=None, leased_until=None, next_attempt_at=again_at, **values)
