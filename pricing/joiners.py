"""Customers who signed up at the price of a change that was cancelled: do they keep it, or go back with a credit?

The rule lets them keep it: it is what they were quoted (`kept_after_cancellation`). A person may be kinder. Then a
return is an ordinary move, back to the old price on the next renewal; the credit for what was billed meanwhile is
an amount shown here, and written by finance in Zoho Billing.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from circletel.core.amounts import rand
from pricing.models import Cohort, Hold, MoveState, PriceChange, PriceMove, Subscription
from pricing.notice import civil_day

CHUNK = 2000


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


def joined_at_its_price(change: PriceChange) -> Iterator[Subscription]:
    """Standing subscriptions that came between publication and cancellation and pay the cancelled price. Streams."""
    assert change.published_at is not None  # only published changes have joiners
    came = Subscription.objects.renewing().came_between(change.published_at, change.cancelled_at)
    at_its_price = came.filter(package=change.package_id, price=change.new_price)
    return at_its_price.order_by("pk").iterator(chunk_size=CHUNK)


def list_joiners(change: PriceChange, at: datetime) -> int:
    """Hold the joiners of the cancelled `change` for somebody to decide; those listed already stay. How many are new."""
    listed = set(change.moves.filter(is_return=True).values_list("subscription", flat=True))
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
        for subscription in joined_at_its_price(change)
        if subscription.pk not in listed
    ]
    # Those that joined during the notice may have a row already, which says that nothing had to move.
    PriceMove.objects.bulk_create(
        rows,
        batch_size=CHUNK,
        update_conflicts=True,
        unique_fields=["change", "subscription"],
        update_fields=[
            "cohort", "price_then", "expected_price", "renewal_on", "state", "hold", "why", "is_return", "changed_at"
        ],
    )  # fmt: skip
    return len(rows)


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
