"""Claiming price moves, so that two workers never act on one subscription, and writing down what came of each."""

import random
import uuid
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Case, Exists, F, IntegerField, OuterRef, Q, QuerySet, Value, When
from django.utils import timezone

from pricing.models import MoveState, PriceChangeStatus, PriceMove, Subscription
from pricing.planning import ON_THEIR_WAY
from zoho_sync import timing
from zoho_sync.claims import RETRY_MINUTES
from zoho_sync.connection.errors import ZohoError

# Zoho makes the invoices of a day at about six in the organisation's zone.
RENEWALS_ARE_THROUGH = time(7, 0)


@dataclass(frozen=True)
class Held:
    """A move in the hands of this worker until its lease ends."""

    token: uuid.UUID
    move: PriceMove


def renewed_until(now: datetime) -> date:
    """The last day whose renewals are through: today from seven in the morning on, else yesterday."""
    local = timezone.localtime(now, timezone.get_default_timezone())
    return local.date() if local.time() >= RENEWALS_ARE_THROUGH else local.date() - timedelta(days=1)


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
    starting = Q(state__in=(MoveState.PLANNED, MoveState.FAILED)) & (
        Q(change__status__in=(PriceChangeStatus.PUBLISHED, PriceChangeStatus.EFFECTIVE)) | Q(is_return=True)
    )
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
def claim(now: datetime) -> Held | None:
    """The most urgent move that nobody holds, with its change, package and subscription; None when nothing is due."""
    move = due(now).select_for_update(skip_locked=True, of=("self",)).first()
    if move is None:
        return None
    token, until = uuid.uuid4(), now + timedelta(seconds=timing.LEASE_SECONDS)
    PriceMove.objects.filter(pk=move.pk).update(lease_token=token, leased_until=until)
    found = PriceMove.objects.select_related("change__package", "change__amends", "subscription")
    return Held(token, found.get(pk=move.pk))


def begin_write(held: Held, now: datetime) -> bool:
    """Committed before Zoho is told: from here on it may have taken the change. False when this is not ours to do.

    That is when the lease was lost, or the change was cancelled or decided otherwise since the claim.
    """
    mine = PriceMove.objects.filter(
        pk=held.move.pk, lease_token=held.token, to_undo=False, state=held.move.state
    ).filter(
        Q(change__status__in=(PriceChangeStatus.PUBLISHED, PriceChangeStatus.EFFECTIVE)) | Q(is_return=True)
    )
    until = now + timedelta(seconds=timing.LEASE_SECONDS)
    return PriceMove.objects.filter(pk__in=mine.values("pk")).update(sent_at=now, leased_until=until) == 1


def report(held: Held, now: datetime, **values: Any) -> bool:
    """Write down what came of it and let go. False when the lease was lost: then somebody else reports.

    A move that was marked to be undone meanwhile keeps that mark, and only that decides what comes next.
    """
    values = {"last_attempt_at": timezone.now(), "changed_at": now, **values}
    lease = {"lease_token": None, "leased_until": None}
    mine = PriceMove.objects.filter(pk=held.move.pk, lease_token=held.token)
    with transaction.atomic():
        current = mine.select_for_update().values("to_undo", "state").first()
        if current is None:
            return False
        if current["to_undo"] and not held.move.to_undo:
            values = {name: values[name] for name in ("sent_at", "lands_on") if name in values}
            values |= {"next_attempt_at": now}
        elif current["state"] != held.move.state:
            values = {}  # a person decided meanwhile
        mine.update(**lease, **values)
        if values.get("state") == MoveState.CONFIRMED:
            _pass_on(held.move)
    return True


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


def give_back(held: Held, now: datetime, *, seconds: float) -> None:
    """Put it back untouched, to be taken again later. Costs it nothing."""
    PriceMove.objects.filter(pk=held.move.pk, lease_token=held.token).update(
        lease_token=None, leased_until=None, next_attempt_at=now + timedelta(seconds=seconds)
    )


def report_failure(held: Held, now: datetime, error: ZohoError, *, retryable: bool, counts: bool) -> None:
    """Nothing was done, or not known to be. `counts` says whether the failure is the move's own."""
    if not counts:
        give_back(held, now, seconds=60)
        PriceMove.objects.filter(pk=held.move.pk).update(last_attempt_at=timezone.now())
        return
    attempts = held.move.attempts + 1
    again = retryable and attempts <= len(RETRY_MINUTES)
    minutes = RETRY_MINUTES[min(attempts, len(RETRY_MINUTES)) - 1] * random.uniform(1.0, 1.1)
    # What Zoho has scheduled stays scheduled there: only reading it back failed.
    state = MoveState.SCHEDULED if held.move.state == MoveState.SCHEDULED and again else MoveState.FAILED
    report(
        held,
        now,
        state=state,
        why=str(error),
        attempts=attempts,
        next_attempt_at=now + timedelta(minutes=minutes) if again else None,
    )
