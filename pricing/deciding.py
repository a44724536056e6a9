"""What people decide about price moves: move anyway, never, try again; keep or credit; settled another way.

Each is one transaction over all moves given, all or nothing, with its reason and an audit entry for every move.
"""

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any
from uuid import UUID

from django.contrib.auth.models import User
from django.db import models, transaction
from django.utils import timezone

from circletel.core import audit
from circletel.core.errors import NotReady, WrongStatus
from circletel.core.rights import ensure_may, name_of
from pricing.models import Hold, MoveState, PriceMove
from pricing.planning import OPEN, take_back

MOST_NAMED = 10
Values = dict[str, Any]


class Deed(models.TextChoices):
    """What can be decided about a price move."""

    MOVE_ANYWAY = "move_anyway", "Move anyway, from the price in Zoho now"
    NEVER_MOVE = "never_move", "Never move"
    TRY_AGAIN = "try_again", "Try again, from the price at publication"
    KEEP = "keep", "Keeps the price of the cancelled change"
    CREDIT = "credit", "Back to the old price, with a credit"
    SETTLE = "settle", "Settled another way: credited, billed later, waived"


def decide(deed: str, ids: Iterable[UUID], *, actor: User, reason: str, at: datetime | None = None) -> int:
    """One `Deed` for all of `ids`, all or nothing. Returns how many.

    Raises NotAllowed, NotReady without a reason or for a move that does not exist, WrongStatus.
    """
    if deed == Deed.SETTLE:
        return settle(ids, actor=actor, how=reason, at=at)
    deeds = {
        Deed.MOVE_ANYWAY: move_anyway,
        Deed.NEVER_MOVE: never_move,
        Deed.TRY_AGAIN: try_again,
        Deed.KEEP: keep,
        Deed.CREDIT: credit,
    }
    return deeds[Deed(deed)](ids, actor=actor, reason=reason, at=at)


def move_anyway(ids: Iterable[UUID], *, actor: User, reason: str, at: datetime | None = None) -> int:
    """Held or in conflict → planned, from the price Zoho was last seen at to the new price of the change.

    Should Zoho say yet another price by then, it is a conflict again. Returns how many.
    """

    def decided(move: PriceMove) -> Values:
        seen = move.seen_price if move.state == MoveState.CONFLICT else move.subscription.price
        told_another_way = move.hold == Hold.NOTICE
        return {
            "state": MoveState.PLANNED,
            "accepted_price": None if told_another_way else seen,
            "expected_price": move.expected_price if move.is_return else move.change.new_price,
        }

    def fits(move: PriceMove) -> bool:
        return move.state in (MoveState.HELD, MoveState.CONFLICT) and move.hold != Hold.KEEP_OR_CREDIT

    return _decide(ids, "move anyway", fits, decided, actor=actor, reason=reason, at=at)


def never_move(ids: Iterable[UUID], *, actor: User, reason: str, at: datetime | None = None) -> int:
    """Whatever is open → not needed; what Zoho has scheduled is dropped there. Returns how many."""

    def decided(move: PriceMove) -> Values:
        return {}

    def fits(move: PriceMove) -> bool:
        return move.state in OPEN and move.hold != Hold.KEEP_OR_CREDIT

    return _decide(ids, "never move", fits, decided, actor=actor, reason=reason, at=at, ends=True)


def try_again(ids: Iterable[UUID], *, actor: User, reason: str, at: datetime | None = None) -> int:
    """Failed or in conflict → tried anew, now, against the price at publication. Returns how many."""

    def decided(move: PriceMove) -> Values:
        if move.to_undo:
            return {"next_attempt_at": at or timezone.now()}
        has_landed = move.state == MoveState.FAILED and move.lands_on is not None
        return {"state": MoveState.SCHEDULED if has_landed else MoveState.PLANNED, "why": ""}

    def fits(move: PriceMove) -> bool:
        return move.state in (MoveState.FAILED, MoveState.CONFLICT)

    return _decide(ids, "try again", fits, decided, actor=actor, reason=reason, at=at, by_person=False)


def keep(ids: Iterable[UUID], *, actor: User, reason: str, at: datetime | None = None) -> int:
    """Who joined at the price of a cancelled change keeps it, as the rule says. Returns how many."""

    def fits(move: PriceMove) -> bool:
        return move.hold == Hold.KEEP_OR_CREDIT

    return _decide(ids, "keep", fits, lambda move: {}, actor=actor, reason=reason, at=at, ends=True)


def credit(ids: Iterable[UUID], *, actor: User, reason: str, at: datetime | None = None) -> int:
    """Who joined at the price of a cancelled change goes back to the old price on the next renewal.

    The credit note for what was billed meanwhile is written in Zoho Billing by finance. Returns how many.
    """

    def decided(move: PriceMove) -> Values:
        return {
            "state": MoveState.PLANNED,
            "price_then": move.change.new_price,
            "expected_price": move.change.old_price,
            "renewal_on": move.subscription.next_billing_on,
        }

    def fits(move: PriceMove) -> bool:
        return move.hold == Hold.KEEP_OR_CREDIT

    return _decide(ids, "credit", fits, decided, actor=actor, reason=reason, at=at)


@transaction.atomic
def settle(ids: Iterable[UUID], *, actor: User, how: str, at: datetime | None = None) -> int:
    """What was billed wrong was put right another way (credited, billed later, waived). Returns how many cases."""
    moves, now = _locked(ids, actor, how), at or timezone.now()
    _ensure_all(moves, "settled", lambda move: move.state == MoveState.CONFIRMED and move.settled_at is None)
    PriceMove.objects.filter(pk__in=[move.pk for move in moves]).update(
        settled_at=now, settled_how=how.strip(), changed_at=now
    )
    changes = [(move, {"settled": [None, how.strip()]}) for move in moves]
    audit.record_many("price move settled", changes, actor=actor, detail=how.strip())
    return len(moves)


@transaction.atomic
def _decide(
    ids: Iterable[UUID],
    deed: str,
    fits: Callable[[PriceMove], bool],
    decided: Callable[[PriceMove], Values],
    *,
    actor: User,
    reason: str,
    at: datetime | None,
    ends: bool = False,
    by_person: bool = True,
) -> int:
    moves, now = _locked(ids, actor, reason), at or timezone.now()
    _ensure_all(moves, f"decided on ({deed})", fits)
    before = {move.pk: move.state for move in moves}
    if ends:
        chosen = PriceMove.objects.filter(pk__in=before)
        take_back(chosen, f"{name_of(actor)} decided: {reason.strip()}", now)
        chosen.update(decided_at=now, decided_by=actor)
    else:
        for move in moves:
            values = {"hold": "", "why": "", "attempts": 0, "next_attempt_at": None} | decided(move)
            values |= {"decided_at": now, "decided_by": actor} if by_person else {}
            if move.to_undo:
                values = {"next_attempt_at": now, "attempts": 0}
            PriceMove.objects.filter(pk=move.pk).update(**values, changed_at=now)
    after = dict(PriceMove.objects.filter(pk__in=before).values_list("pk", "state"))
    changes = [(move, {"state": [str(before[move.pk]), after[move.pk]]}) for move in moves]
    audit.record_many(f"price move: {deed}", changes, actor=actor, detail=reason.strip())
    return len(moves)


def _locked(ids: Iterable[UUID], actor: User, reason: str) -> list[PriceMove]:
    ensure_may(actor, "pricing.decide_pricemove", "decide about price moves")
    if not reason.strip():
        raise NotReady("reason: say why, for the audit trail")
    wanted = set(ids)
    moves = PriceMove.objects.filter(pk__in=wanted).select_for_update(of=("self",)).order_by("pk")
    found = list(moves.select_related("change__package", "subscription"))
    if unknown := sorted(str(pk) for pk in wanted - {move.pk for move in found}):
        raise NotReady(*(f"price moves: there is no {pk}" for pk in unknown[:MOST_NAMED]))
    return found


def _ensure_all(moves: list[PriceMove], deed: str, fits: Callable[[PriceMove], bool]) -> None:
    unfit = [move for move in moves if not fits(move)]
    if not moves:
        raise NotReady("price moves: none is selected")
    if unfit:
        named = (f"{move} cannot be {deed}: it is {_stands(move)}" for move in unfit[:MOST_NAMED])
        more = [f"… and {len(unfit) - MOST_NAMED} more"] if len(unfit) > MOST_NAMED else []
        raise WrongStatus(*named, *more)


def _stands(move: PriceMove) -> str:
    held = f" ({move.get_hold_display().lower()})" if move.hold else ""
    return move.get_state_display().lower() + held
