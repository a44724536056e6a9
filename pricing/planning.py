"""Which subscriptions a price change moves: frozen when it is published, looked at again daily, taken back when it ends.

A move that Zoho may have heard of is never just forgotten: it is marked `to_undo`, and a worker drops what is
scheduled there before anything else happens to that subscription.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from itertools import islice
from typing import Any
from uuid import UUID

from django.db.models import QuerySet

from circletel.core.amounts import rand
from pricing.cohorts import Judgement, first_billing_day, judge
from pricing.models import Cohort, Hold, MoveState, PriceChange, PriceMove, Subscription
from pricing.notice import civil_day

CHUNK = 2000
# Still on their way to a new price, by themselves.
ON_THEIR_WAY = (MoveState.PLANNED, MoveState.SCHEDULED, MoveState.FAILED)
# Somebody or something has still to act.
OPEN = (*ON_THEIR_WAY, MoveState.HELD, MoveState.CONFLICT)
# What a judgement says of a move.
JUDGED = ("cohort", "price_then", "expected_price", "renewal_on", "state", "hold", "why")
CANCELLED = "The price change was cancelled."
REPLACED = "A later price change reaches the same renewal."


def freeze(change: PriceChange, at: datetime) -> int:
    """Write down every standing subscription's part in `change`, in the transaction that publishes it.

    Returns how many rows. A move of an earlier change that has not landed yet is replaced where both would land on
    the same renewal; else this one begins where that one ends.
    """
    earlier = _still_to_land(change)
    written, replaced = 0, list[UUID]()
    for judgements in pieces(judge(change, at)):
        rows = []
        for judged in judgements:
            row, before = row_of(change, judged), earlier.get(judged.subscription.pk)
            if before is not None and row.state == MoveState.PLANNED:
                if _same_renewal(before, row):
                    replaced.append(before.pk)
                else:
                    row.price_then = before.expected_price
            rows.append(row)
        written += len(PriceMove.objects.bulk_create(rows, ignore_conflicts=True))
    if replaced:
        take_back(PriceMove.objects.filter(pk__in=replaced), REPLACED, at)
    return written


def pieces(judgements: Iterable[Judgement]) -> Iterator[list[Judgement]]:
    """In lists of CHUNK, so that memory does not grow with the number of customers."""
    rest = iter(judgements)
    while some := list(islice(rest, CHUNK)):
        yield some


def row_of(change: PriceChange, judged: Judgement) -> PriceMove:
    """The move that a judgement asks for; not saved."""
    state, hold, why = _state_of(judged)
    return PriceMove(
        change=change,
        subscription=judged.subscription,
        cohort=judged.cohort,
        price_then=judged.price_then,
        expected_price=judged.expected_price,
        renewal_on=judged.renewal_on,
        state=state,
        hold=hold,
        why=why,
    )


def _state_of(judged: Judgement) -> tuple[MoveState, str, str]:
    """Where a move begins, its hold, and why."""
    if judged.cohort == Cohort.CANCELLING:
        return MoveState.NOT_NEEDED, "", judged.why or "It is leaving."
    if judged.cohort == Cohort.JOINED_DURING_NOTICE:
        return MoveState.NOT_NEEDED, "", judged.why or "It joined at the new price."
    if judged.cohort == Cohort.NEGOTIATED:
        return MoveState.HELD, Hold.NEGOTIATED, judged.why or "It pays a price of its own."
    if judged.cohort == Cohort.SINCE_UNKNOWN:
        return MoveState.HELD, Hold.SINCE_UNKNOWN, judged.why
    return MoveState.PLANNED, "", ""


def _still_to_land(change: PriceChange) -> dict[UUID, PriceMove]:
    """Moves of earlier changes of the package, by subscription, that have not reached their renewal."""
    moves = PriceMove.objects.filter(
        change__package=change.package_id, state__in=ON_THEIR_WAY, to_undo=False
    ).exclude(change=change)
    return {move.subscription_id: move for move in moves.order_by("created_at")}


def _same_renewal(before: PriceMove, row: PriceMove) -> bool:
    if before.renewal_on is None or row.renewal_on is None:
        return True
    return before.renewal_on >= row.renewal_on


def withdraw(change: PriceChange, at: datetime) -> None:
    """The change is cancelled: nothing moves for it any more, and what Zoho has scheduled is to be dropped there.

    Who joined at its price is listed as held, for a person to decide: keep that price, or go back with a credit.
    """
    take_back(change.moves.filter(state__in=OPEN), CANCELLED, at)
    list_joiners(change, at)


def take_back(moves: QuerySet[PriceMove], why: str, at: datetime) -> None:
    """End these moves. Two statements: those Zoho never heard of are over, the others are to be undone."""
    same: dict[str, Any] = {"hold": "", "why": why, "changed_at": at}
    ids = list(moves.values_list("pk", flat=True))
    PriceMove.objects.filter(pk__in=ids, sent_at=None).update(state=MoveState.NOT_NEEDED, **same)
    to_undo = PriceMove.objects.filter(pk__in=ids, sent_at__isnull=False).exclude(state=MoveState.CONFIRMED)
    # One that was held or in conflict goes the way of a failed one, so that a worker takes it.
    to_undo.filter(state__in=(MoveState.HELD, MoveState.CONFLICT)).update(state=MoveState.FAILED, hold="")
    to_undo.update(to_undo=True, next_attempt_at=at, attempts=0, **same)


def earliest_day(move: PriceMove) -> date:
    """The first day on which a renewal may bill its new price. Reads the change and the subscription."""
    if move.is_return:
        return civil_day(move.decided_at or move.created_at)
    assert move.change.effective_at is not None  # only published changes have moves
    first, fixed = first_billing_day(move.change, move.change.effective_at), move.subscription.fixed_until
    return first if fixed is None else max(first, fixed + timedelta(days=1))


# --- customers who signed up at the price of a change that was cancelled


def list_joiners(change: PriceChange, at: datetime) -> int:
    """Hold who signed up at the price of the cancelled `change`, for somebody to decide; those listed already stay.

    Returns how many are new. The rule lets them keep it: it is what they were quoted (`kept_after_cancellation`). A
    person may be kinder. Then a return is an ordinary move, back to the old price on the next renewal; the credit for
    what was billed meanwhile is an amount shown, and written by finance in Zoho Billing.
    """
    assert change.published_at is not None  # only published changes have joiners
    came = Subscription.objects.renewing().came_between(change.published_at, change.cancelled_at)
    joined = came.filter(package=change.package_id, price=change.new_price)
    rows = [
        PriceMove(
            change=change,
            subscription=subscription,
            cohort=Cohort.JOINED_DURING_NOTICE,
            price_then=change.new_price,
            expected_price=change.new_price,
            renewal_on=subscription.next_billing_on,
            state=MoveState.HELD,
            hold=Hold.KEEP_OR_CREDIT,
            why=f"It joined at {rand(change.new_price)}, and the price change was cancelled.",
            is_return=True,
            changed_at=at,
        )
        for subscription in joined.exclude(moves__in=change.moves.filter(is_return=True)).order_by("pk")
    ]
    # Those that joined during the notice may have a row already, which says that nothing had to move.
    PriceMove.objects.bulk_create(
        rows,
        batch_size=CHUNK,
        update_conflicts=True,
        unique_fields=["change", "subscription"],
        update_fields=[*JUDGED, "is_return", "changed_at"],
    )
    return len(rows)


@dataclass(frozen=True)
class Cost:
    """What letting somebody go back costs. Rand, VAT included."""

    monthly: Decimal
    """The difference, for all units."""
    months_billed: int
    """Terms billed at the price of the cancelled change until the renewal that brings it back."""
    months_left: int
    """Months of the promised term that follow; none month to month."""

    @property
    def credit(self) -> Decimal:
        """The credit note: what was billed above the old price."""
        return self.monthly * self.months_billed

    @property
    def income_lost(self) -> Decimal:
        return self.monthly * self.months_left


def cost_of_return(move: PriceMove, today: date) -> Cost:
    """Of letting this joiner go back on its next renewal. Reads the change with its package, and the subscription."""
    subscription, change = move.subscription, move.change
    began = civil_day(subscription.came_at)
    until = max(subscription.next_billing_on or today, began)
    billed = max((until.year - began.year) * 12 + until.month - began.month, 1)
    return Cost(
        monthly=(change.new_price - change.old_price) * subscription.quantity,
        months_billed=billed,
        months_left=max(change.package.contract_months - billed, 0),
    )
