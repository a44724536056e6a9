"""What is done about one price move: ask Zoho, compare, write only what was agreed, read back. No transaction here.

Each step returns what is to be written down on the move. A subscription whose price is not what we expect is never
overwritten: it becomes a conflict for a person.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from django.utils import timezone

from catalogue.models import excluding_vat, vat_rate_today
from circletel.core.amounts import rand
from pricing.mirror.reading import includes_vat, with_vat
from pricing.models import Hold, MoveState, PriceChangeStatus, PriceMove
from pricing.models.subscription import BILLED
from pricing.notice import RENEWALS_ARE_THROUGH, renewed_until
from pricing.noticed import is_on_its_way, notice_hold
from pricing.planning import CANCELLED, earliest_day
from zoho_sync.billing.client import BillingClient
from zoho_sync.billing.subscriptions import Ordered, Subscription
from zoho_sync.connection.errors import RecordGone, Retryable
from zoho_sync.keys import package_key

Values = dict[str, Any]
NOTHING_SENT: Values = {
    "to_undo": False,
    "sent_at": None,
    "lands_on": None,
    "attempts": 0,
    "next_attempt_at": None,
}


@dataclass(frozen=True)
class InZoho:
    """A subscription as read, with its prices compared in Zoho's own terms: with VAT, or without where it adds it."""

    read: Subscription
    move: PriceMove
    rate: Decimal
    inclusive: bool

    def amount(self, including_vat: Decimal) -> Decimal:
        return including_vat if self.inclusive else excluding_vat(including_vat, self.rate)

    def is_at(self, including_vat: Decimal) -> bool:
        return self.read.plan.price == self.amount(including_vat)

    def price(self) -> Decimal | None:
        """What it pays for the plan, VAT included."""
        for known in (self.move.expected_price, self.move.price_then):
            if self.is_at(known):
                return known
        paid = self.read.plan.price
        return None if paid is None else with_vat(paid, self.inclusive, self.rate)

    def is_ours(self, scheduled: Subscription | None) -> bool:
        """What Zoho has scheduled is this move."""
        return scheduled is not None and (scheduled.plan.code, scheduled.plan.price) == (
            self.read.plan.code,
            self.amount(self.move.expected_price),
        )

    @property
    def began(self) -> date | None:
        return self.read.current_term_starts_at


def act(client: BillingClient, move: PriceMove, now: datetime, *, begin: Callable[[], bool]) -> Values:
    """Undo, confirm or schedule `move`, whichever its state asks for; two to four calls, fewer when nothing is written.

    `begin` is called, and has to be true, right before a change is sent: else it was taken away from us.
    """
    if not move.to_undo and move.state != MoveState.SCHEDULED and (held := _held(move, now)):
        return held
    try:
        read = client.get_subscription(move.subscription.subscription_id)
    except RecordGone:
        return (NOTHING_SENT if move.to_undo else {}) | over("Zoho does not have this subscription any more.")
    found = InZoho(read, move, vat_rate_today(), includes_vat(read.is_inclusive_tax))
    if move.to_undo:
        values = _undo(client, found, now)
    elif move.state == MoveState.SCHEDULED:
        values = _confirm(found, now)
    else:
        values = _start(client, found, now, begin)
    return values | {"seen_price": found.price()}


def _held(move: PriceMove, now: datetime) -> Values:
    """What is written while the customer was not told; nothing when the move may go on."""
    if move.decided_at or move.is_return or not (why := notice_hold(move, renewed_until(now))):
        return {}
    if is_on_its_way(move, now):
        return {"next_attempt_at": now + timedelta(hours=1)}
    return {"state": MoveState.HELD, "hold": Hold.NOTICE, "why": why}


def _start(client: BillingClient, found: InZoho, now: datetime, begin: Callable[[], bool]) -> Values:
    """Schedule the new price for the next renewal: change, read back."""
    if found.read.status not in BILLED:
        return _not_billed(found)
    if (answer := _standing(found, now)) is not None:
        return answer
    scheduled = _in_schedule(client, found)
    if found.is_ours(scheduled):
        return _scheduled(found, now)
    if scheduled is not None:
        return conflict(
            f"Somebody has scheduled another change in Zoho: {rand(scheduled.plan.price)} for {scheduled.plan.code}."
        )
    return _written(client, found, now) if begin() else {}


def _in_schedule(client: BillingClient, found: InZoho) -> Subscription | None:
    """What Zoho has scheduled. No call where the subscription says that there is nothing."""
    if found.read.has_scheduled_changes is False:
        return None
    return client.get_scheduled_changes(found.read.subscription_id)


def _standing(found: InZoho, now: datetime) -> Values | None:
    """What the comparison alone decides; None when the change may be scheduled for the next renewal."""
    read, move = found.read, found.move
    earliest = earliest_day(move)
    if read.plan.code != package_key(move.change.package):
        return conflict(f"It subscribes to {read.plan.code or 'no plan'} now.")
    basis = move.price_then if move.accepted_price is None else move.accepted_price
    if found.is_at(move.expected_price):
        early = found.began is not None and found.began < earliest
        if early and basis < move.expected_price and not move.is_return:
            return conflict(
                f"It pays {rand(move.expected_price)} already, before {earliest:%-d %b %Y}: somebody raised it in Zoho."
            )
        return _confirmed(found, now)
    if not found.is_at(basis):
        return conflict(f"It pays {rand(found.price())} in Zoho, not {rand(basis)}.")
    if read.next_billing_at is None:
        return conflict("Zoho names no next billing date.")
    if read.next_billing_at < earliest:
        return {"next_attempt_at": after_renewal_on(read, now)}
    return None


def _written(client: BillingClient, found: InZoho, now: datetime) -> Values:
    """Send the change with everything that recurs, its price explicit, and read back what Zoho made of it."""
    plan, price = found.read.plan, found.amount(found.move.expected_price)
    wanted = Ordered(plan.code, price, plan.quantity, plan.tax_id)
    client.update_subscription(
        found.read.subscription_id, wanted, found.read.recurring_addons, end_of_term=True
    )
    if not found.is_ours(client.get_scheduled_changes(found.read.subscription_id)):
        raise Retryable("Zoho Billing took the change, and does not show it among the scheduled ones.")
    return _scheduled(found, now)


def _scheduled(found: InZoho, now: datetime) -> Values:
    move, lands_on = found.move, found.read.next_billing_at
    values: Values = {
        "state": MoveState.SCHEDULED,
        "scheduled_at": now,
        "sent_at": move.sent_at or now,
        "lands_on": lands_on,
        "why": "",
        "attempts": 0,
        "next_attempt_at": None,
    }
    # The first renewal on or after the date has passed without it when an outage lasted: it stays the one to prove.
    if found.began is None or found.began < earliest_day(move):
        values["renewal_on"] = lands_on
    return values


def _confirm(found: InZoho, now: datetime) -> Values:
    """After the renewal: does the subscription pay the new price?"""
    move = found.move
    assert move.lands_on is not None  # a constraint
    if found.began is not None and found.began >= move.lands_on:
        if found.is_at(move.expected_price):
            return _confirmed(found, now)
        return conflict(f"It renewed on {found.began:%-d %b %Y} at {rand(found.price())}.")
    if found.read.status not in BILLED:
        return _not_billed(found)
    values: Values = {"next_attempt_at": after_renewal_on(found.read, now)}
    if found.read.next_billing_at is not None and found.read.next_billing_at > move.lands_on:
        # Billing was postponed in Zoho; the change lands with the renewal, whenever that is.
        values["lands_on"] = found.read.next_billing_at
        if move.renewal_on == move.lands_on:
            values["renewal_on"] = found.read.next_billing_at
    return values


def _undo(client: BillingClient, found: InZoho, now: datetime) -> Values:
    """Drop what is scheduled in Zoho, if it is ours."""
    move = found.move
    if found.is_ours(_in_schedule(client, found)):
        client.drop_scheduled_changes(found.read.subscription_id)
        if client.get_scheduled_changes(found.read.subscription_id) is not None:
            raise Retryable("Zoho Billing dropped the scheduled change, and still shows it.")
    elif found.is_at(move.expected_price) and move.expected_price != move.price_then:
        return NOTHING_SENT | conflict(
            f"It pays {rand(move.expected_price)} already, and was to be taken back: {move.why}"
        )
    return NOTHING_SENT | _undone(move, now)


def _undone(move: PriceMove, now: datetime) -> Values:
    """Over; or held, when it was taken back because the customer could not be told."""
    is_over = move.change.status == PriceChangeStatus.CANCELLED or move.decided_at is not None
    replaced = move.subscription.moves.filter(created_at__gt=move.created_at).exists()
    why = "" if is_over or replaced else notice_hold(move, renewed_until(now))
    if why:
        return {"state": MoveState.HELD, "hold": Hold.NOTICE, "why": why}
    return over(move.why or CANCELLED)


def _confirmed(found: InZoho, now: datetime) -> Values:
    return {
        "state": MoveState.CONFIRMED,
        "confirmed_at": now,
        "invoice_id": found.read.invoice_id,
        "why": "",
        "attempts": 0,
        "next_attempt_at": None,
    }


def _not_billed(found: InZoho) -> Values:
    return over(f"It is {found.read.status.replace('_', ' ')} and not billed again.")


def over(why: str) -> Values:
    return {"state": MoveState.NOT_NEEDED, "hold": "", "why": why, "next_attempt_at": None}


def conflict(why: str) -> Values:
    return {"state": MoveState.CONFLICT, "hold": "", "why": why, "next_attempt_at": None}


def after_renewal_on(read: Subscription, now: datetime) -> datetime:
    """When to look again: once its next renewal is through, and an hour later when it ought to be already."""
    if read.next_billing_at is None or read.next_billing_at <= renewed_until(now):
        return now + timedelta(hours=1)
    zone = timezone.get_default_timezone()
    return datetime.combine(read.next_billing_at, RENEWALS_ARE_THROUGH, tzinfo=zone)
