"""What people decide about price moves: move anyway, never, try again; keep or credit; settled another way.

Each is one transaction over all moves given, all or nothing, with its reason and an audit entry for every move.
"""

from collections.abc import Iterable
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


class Deed(models.TextChoices):
    """What can be decided about a price move."""

    MOVE_ANYWAY = "move_anyway", "Move anyway, from the price in Zoho now"
    """To the new price of the change. Should Zoho say yet another price by then, it is a conflict again."""
    NEVER_MOVE = "never_move", "Never move"
    """What Zoho has scheduled is dropped there."""
    TRY_AGAIN = "try_again", "Try again, from the price at publication"
    KEEP = "keep", "Keeps the price of the cancelled change"
    CREDIT = "credit", "Back to the old price, with a credit"
    """On the next renewal. Finance writes the credit note for what was billed meanwhile in Zoho Billing."""
    SETTLE = "settle", "Settled another way: credited, billed later, waived"


@transaction.atomic
def decide(ids: Iterable[UUID], *, deed: str, actor: User, reason: str, at: datetime | None = None) -> int:
    """One `Deed` for all of `ids`, all or nothing. Returns how many.

    Raises NotAllowed, NotReady without a reason or for a move that does not exist, WrongStatus.
    """
    chosen, now = Deed(deed), at or timezone.now()
    moves, said = _locked(ids, actor, reason), reason.strip()
    _ensure_all(moves, chosen)
    rows = PriceMove.objects.filter(pk__in=[move.pk for move in moves])
    if chosen == Deed.SETTLE:
        rows.update(settled_at=now, settled_how=said, changed_at=now)
        settled = [(move, {"settled": [None, said]}) for move in moves]
        audit.record_many("price move settled", settled, actor=actor, detail=said)
        return len(moves)
    if chosen in (Deed.NEVER_MOVE, Deed.KEEP):
        take_back(rows, f"{name_of(actor)} decided: {said}", now)
        rows.update(decided_at=now, decided_by=actor)
    else:
        for move in moves:
            rows.filter(pk=move.pk).update(**_decided(chosen, move, actor, now), changed_at=now)
    after = dict(rows.values_list("pk", "state"))
    changes = [(move, {"state": [str(move.state), after[move.pk]]}) for move in moves]
    audit.record_many(f"price move: {_words(chosen)}", changes, actor=actor, detail=said)
    return len(moves)


def fits(deed: Deed, move: PriceMove) -> bool:
    """Whether that can be decided about `move` as it stands."""
    may_be_kept = move.hold == Hold.KEEP_OR_CREDIT
    match deed:
        case Deed.MOVE_ANYWAY:
            return move.state in (MoveState.HELD, MoveState.CONFLICT) and not may_be_kept
        case Deed.NEVER_MOVE:
            return move.state in OPEN and not may_be_kept
        case Deed.TRY_AGAIN:
            return move.state in (MoveState.FAILED, MoveState.CONFLICT)
        case Deed.SETTLE:
            return move.state == MoveState.CONFIRMED and move.settled_at is None
        case _:
            return may_be_kept


def _decided(deed: Deed, move: PriceMove, actor: User, now: datetime) -> dict[str, Any]:
    """What is written on a move that goes on."""
    if move.to_undo:
        return {"next_attempt_at": now, "attempts": 0}
    values: dict[str, Any] = {"hold": "", "why": "", "attempts": 0, "next_attempt_at": None}
    if deed == Deed.TRY_AGAIN:
        has_landed = move.state == MoveState.FAILED and move.lands_on is not None
        return values | {"state": MoveState.SCHEDULED if has_landed else MoveState.PLANNED}
    values |= {"state": MoveState.PLANNED, "decided_at": now, "decided_by": actor}
    change, subscription = move.change, move.subscription
    if deed == Deed.CREDIT:
        back = {"price_then": change.new_price, "expected_price": change.old_price}
        return values | back | {"renewal_on": subscription.next_billing_on}
    seen = move.seen_price if move.state == MoveState.CONFLICT else subscription.price
    told_another_way = move.hold == Hold.NOTICE
    return values | {
        "accepted_price": None if told_another_way else seen,
        "expected_price": move.expected_price if move.is_return else change.new_price,
    }


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


def _ensure_all(moves: list[PriceMove], deed: Deed) -> None:
    unfit = [move for move in moves if not fits(deed, move)]
    if not moves:
        raise NotReady("price moves: none is selected")
    if unfit:
        what = "settled" if deed == Deed.SETTLE else f"decided on ({_words(deed)})"
        named = (f"{move} cannot be {what}: it is {_stands(move)}" for move in unfit[:MOST_NAMED])
        more = [f"… and {len(unfit) - MOST_NAMED} more"] if len(unfit) > MOST_NAMED else []
        raise WrongStatus(*named, *more)


def _words(deed: Deed) -> str:
    return deed.value.replace("_", " ")


def _stands(move: PriceMove) -> str:
    held = f" ({move.get_hold_display().lower()})" if move.hold else ""
    return move.get_state_display().lower() + held
