"""The daily look at price moves that are still on their way, against the subscriptions as last pulled. No call to Zoho."""

import logging
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from django.db import DatabaseError, transaction
from django.db.models import Exists, OuterRef, Q

from pricing.cohorts import Judgement, cohort_of, judge
from pricing.models import (
    Cohort,
    Hold,
    MoveState,
    PriceChange,
    PriceChangeStatus,
    PriceMove,
    Subscription,
)
from pricing.notice import civil_day
from pricing.noticed import lost_notices, notice_hold
from pricing.planning import JUDGED, ON_THEIR_WAY, OPEN, list_joiners, pieces, row_of, take_back

log = logging.getLogger(__name__)

# How long after a cancellation the mirror may still learn of somebody who joined before it.
JOINERS_ARE_KNOWN = timedelta(days=7)


@dataclass
class Rechecked:
    changes: int = 0
    added: int = 0
    altered: int = 0
    problems: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        said = f"{self.changes} price changes looked at, {self.added} moves added, {self.altered} altered"
        return "; ".join([said, *self.problems])


def recheck(now: datetime) -> Rechecked:
    """Look at every change that still has something to move. One that fails stops no other."""
    outcome = Rechecked()
    for change in _concerned(now):
        try:
            with transaction.atomic():
                _recheck(change, now, outcome)
            outcome.changes += 1
        except DatabaseError:
            raise
        except Exception as trouble:
            log.exception("the moves of price change %s could not be looked at", change.pk)
            outcome.problems.append(f"{change}: {type(trouble).__name__}: {trouble}")
    return outcome


def _concerned(now: datetime) -> Iterator[PriceChange]:
    """Waiting, or effective and not proven yet; and those just cancelled, whose joiners the mirror may not know yet."""
    unfinished = PriceMove.objects.filter(change=OuterRef("pk"), state__in=OPEN)
    return (
        PriceChange.objects.filter(
            Q(status=PriceChangeStatus.PUBLISHED)
            | Q(Exists(unfinished), status=PriceChangeStatus.EFFECTIVE)
            | Q(
                status=PriceChangeStatus.CANCELLED,
                published_at__isnull=False,
                cancelled_at__gte=now - JOINERS_ARE_KNOWN,
            )
        )
        .select_related("package", "amends")
        .order_by("published_at", "pk")
        .iterator(chunk_size=500)
    )


def _recheck(change: PriceChange, now: datetime, outcome: Rechecked) -> None:
    if change.status == PriceChangeStatus.CANCELLED:
        outcome.added += list_joiners(change, now)
        return
    for some in pieces(judge(change, now)):
        outcome.added += _add_missing(change, some)
        outcome.altered += _follow(change, some, now)
    outcome.altered += _end_those_gone(change, now)
    outcome.altered += _look_at_notices(change, now)


def _add_missing(change: PriceChange, some: list[Judgement]) -> int:
    """Who joined, or who the mirror learnt of, since the change was published."""
    known = set(
        change.moves.filter(subscription__in=[judged.subscription.pk for judged in some]).values_list(
            "subscription", flat=True
        )
    )
    assert change.effective_at is not None  # only published changes are looked at
    missing = [
        row_of(change, judged)
        for judged in some
        # Who comes after its effective date pays what holds then: a later change may be announced already.
        if judged.subscription.pk not in known and judged.subscription.came_at < change.effective_at
    ]
    return len(PriceMove.objects.bulk_create(missing, ignore_conflicts=True))


def _follow(change: PriceChange, some: list[Judgement], now: datetime) -> int:
    """Cohort and renewal as they are now. What a person decided, or Zoho was told, stays."""
    judgements = {judged.subscription.pk: judged for judged in some}
    moves = change.moves.select_for_update().filter(
        subscription__in=judgements.keys(), to_undo=False, decided_at=None, leased_until=None
    )
    altered = []
    for move in moves.exclude(state=MoveState.CONFIRMED):
        if values := _now_says(move, judgements[move.subscription_id], civil_day(now)):
            for name, value in values.items():
                setattr(move, name, value)
            move.changed_at = now
            altered.append(move)
    PriceMove.objects.bulk_update(altered, [*JUDGED, "changed_at"], batch_size=1000)
    return len(altered)


def _now_says(move: PriceMove, judged: Judgement, today: date) -> dict[str, Any]:
    """What differs on `move` by what is judged now; empty when nothing does."""
    if judged.cohort == Cohort.CANCELLING:
        leaves = move.state in OPEN and move.state != MoveState.SCHEDULED
        same = {"cohort": judged.cohort, "why": judged.why, "hold": ""}
        return {"state": MoveState.NOT_NEEDED, **same} if leaves else {}
    values: dict[str, Any] = {}
    stays = move.cohort == Cohort.CANCELLING and move.state == MoveState.NOT_NEEDED
    if stays or _is_freed(move, judged) or _is_other_now(move, judged):
        fresh = row_of(move.change, judged)
        values = {name: getattr(fresh, name) for name in JUDGED if name != "renewal_on"}
    elif _has_followed_an_earlier_change(move, judged):
        values["price_then"] = judged.price_then
    moved_on = move.renewal_on is None or move.renewal_on > today
    if move.state in OPEN and moved_on and judged.renewal_on and judged.renewal_on != move.renewal_on:
        values["renewal_on"] = judged.renewal_on
    return values


def _is_freed(move: PriceMove, judged: Judgement) -> bool:
    """What held it is over."""
    held_as = {Hold.NEGOTIATED: Cohort.NEGOTIATED, Hold.SINCE_UNKNOWN: Cohort.SINCE_UNKNOWN}
    cohort = held_as.get(Hold(move.hold)) if move.hold else None
    return cohort is not None and judged.cohort != cohort


def _is_other_now(move: PriceMove, judged: Judgement) -> bool:
    """It left the package and came back meanwhile: nothing moves it, or nobody knows."""
    came_back = judged.cohort in (Cohort.JOINED_DURING_NOTICE, Cohort.SINCE_UNKNOWN)
    untouched = move.state == MoveState.PLANNED and move.sent_at is None
    return untouched and came_back and move.cohort != judged.cohort


def _has_followed_an_earlier_change(move: PriceMove, judged: Judgement) -> bool:
    """It paid an older price when this change was published, and has come to the one this change starts from."""
    untouched = move.state == MoveState.PLANNED and move.sent_at is None
    return untouched and move.price_then != judged.price_then == move.change.old_price


def _end_those_gone(change: PriceChange, now: datetime) -> int:
    """Leavers that the mirror has seen end, or go to another package: they are judged no more."""
    gone = change.moves.filter(state__in=OPEN, to_undo=False, is_return=False, leased_until=None).exclude(
        subscription__in=change.package.subscriptions.standing()
    )
    over: dict[str, Any] = {
        "state": MoveState.NOT_NEEDED,
        "hold": "",
        "cohort": Cohort.CANCELLING,
        "changed_at": now,
    }
    elsewhere = Subscription.objects.standing().exclude(package=change.package_id)
    moved = gone.filter(subscription__in=elsewhere).update(
        why="It subscribes to another package now.", **over
    )
    return moved + gone.update(why="It has ended.", **over)


def follow(subscription: Subscription, now: datetime) -> int:
    """Look again at the moves of one subscription that were held until it is decided since when it is on its package."""
    held = Q(state=MoveState.HELD, hold=Hold.SINCE_UNKNOWN, change__package=subscription.package_id)
    changes = PriceChange.objects.filter(pk__in=subscription.moves.filter(held).values("change"))
    altered = 0
    for change in changes.select_related("package", "amends").order_by("published_at"):
        altered += _follow(change, [cohort_of(subscription, change, civil_day(now))], now)
    return altered


def _look_at_notices(change: PriceChange, now: datetime) -> int:
    """Hold whom a notice did not reach, take back what Zoho has scheduled for them; let go whom it reached since."""
    today, altered = civil_day(now), 0
    lost = lost_notices(change, today)
    waiting = change.moves.filter(
        subscription__in=lost.keys(),
        state__in=ON_THEIR_WAY,
        decided_at=None,
        to_undo=False,
        leased_until=None,
    )
    for move in waiting:
        why = lost[move.subscription_id]
        if move.sent_at is not None:
            take_back(PriceMove.objects.filter(pk=move.pk), why, now)
        else:
            PriceMove.objects.filter(pk=move.pk).update(
                state=MoveState.HELD, hold=Hold.NOTICE, why=why, changed_at=now
            )
        altered += 1
    for move in change.moves.filter(state=MoveState.HELD, hold=Hold.NOTICE).select_related("subscription"):
        move.change = change
        if not notice_hold(move, today):
            PriceMove.objects.filter(pk=move.pk, state=MoveState.HELD).update(
                state=MoveState.PLANNED, hold="", why="", next_attempt_at=None, changed_at=now
            )
            altered += 1
    return altered
