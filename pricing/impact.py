"""What a price change would do, before anybody commits to it: customers, rand, invoices, notices, calls."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from django.contrib.auth.models import User
from django.db.models import Count
from django.utils import timezone

from catalogue.models import SupplierDeal
from catalogue.pricelists.margin import cost
from circletel.core.rights import ensure_may
from circletel.core.spreadsheet import csv_lines
from pricing.capacity import CallPlan, plan_calls
from pricing.cohorts import Judgement, effective_date_of, in_months, judge, same_price
from pricing.models import Cohort, MoveState, NoticeStage, Occasion, PriceChange, PriceMove
from pricing.notice import civil_day

MONTHS = 12
NOTHING = Decimal("0.00")
COLUMNS = (
    *("subscription", "number", "customer", "email", "status", "cohort", "price_now", "price_then"),
    *("quantity", "difference_a_month", "first_invoice_that_changes", "signed_up", "fixed_until", "why"),
)


@dataclass
class CohortImpact:
    """Rand a month, VAT included, before discounts and without add-ons."""

    cohort: Cohort
    customers: int = 0
    moved: int = 0
    rand_now: Decimal = NOTHING
    rand_then: Decimal = NOTHING

    @property
    def difference(self) -> Decimal:
        return self.rand_then - self.rand_now


@dataclass(frozen=True)
class Month:
    """Subscriptions at the end of a month. `own` pay a price of their own; who leaves is counted nowhere."""

    month: date
    old: int
    new: int
    own: int


@dataclass
class Impact:
    """`customers` are subscriptions. `margin_*` are None where no supplier's price is known; for cost viewers only."""

    change: PriceChange
    at: datetime
    effective_date: date
    cohorts: list[CohortImpact]
    calls: CallPlan
    months: list[Month]
    notices: int
    stages: int
    customers: int = 0
    moved: int = 0
    rand_now: Decimal = NOTHING
    rand_then: Decimal = NOTHING
    by_the_change: Decimal = NOTHING
    """What the change alone adds a month; `rand_then` also lacks those who leave."""
    first_invoice_on: date | None = None
    last_invoice_on: date | None = None
    margin_now: Decimal | None = None
    margin_then: Decimal | None = None

    @property
    def warnings(self) -> list[str]:
        """What speaks for another date, in sentences."""
        found = []
        if self.calls.late:
            found.append(
                f"{self.calls.late} of {self.moved} subscriptions cannot be moved before their renewal with"
                f" {self.calls.per_day} calls a day: they would be billed the old price for another month."
                " Choose a later date, or raise ZOHO_BILLING_CALLS_PER_DAY with your edition of Zoho Billing."
            )
        held = sum(each.customers for each in self.cohorts if each.cohort == Cohort.DISCOUNTED)
        if held:
            found.append(f"{held} with a coupon wait for a person to decide.")
        return found


@dataclass
class _Tally:
    cohorts: dict[Cohort, CohortImpact] = field(
        default_factory=lambda: {cohort: CohortImpact(cohort) for cohort in Cohort}
    )
    renewals: Counter[date] = field(default_factory=Counter)
    units: Counter[str] = field(default_factory=Counter)
    pay_new: int = 0
    own: int = 0
    by_the_change: Decimal = NOTHING

    def take(self, one: Judgement, new_price: Decimal) -> None:
        units, row = one.subscription.quantity, self.cohorts[one.cohort]
        row.customers += 1
        row.rand_now += one.price_then * units
        self.units["now"] += units
        if one.cohort == Cohort.CANCELLING:
            return
        row.rand_then += one.expected_price * units
        self.units["then"] += units
        if one.moves:
            assert one.renewal_on is not None  # that is what moving means
            row.moved += 1
            self.renewals[one.renewal_on] += 1
            self.by_the_change += (one.expected_price - one.price_then) * units
        elif one.cohort == Cohort.NEGOTIATED:
            self.own += 1
        elif same_price(one.subscription, one.price_then, new_price):
            self.pay_new += 1


def impact_of(change_id: Any, *, actor: User, at: datetime | None = None) -> Impact:
    """`measure`, for somebody who may see it; without margins for who may not see costs. Raises NotAllowed."""
    ensure_may(actor, "pricing.view_pricechange", "see price changes")
    ensure_may(actor, "pricing.view_subscription", "see subscriptions")
    impact = measure(_found(change_id), at or timezone.now())
    if not actor.has_perm("catalogue.view_costs"):
        impact.margin_now = impact.margin_then = None
    return impact


def impact_csv(change_id: Any, *, actor: User, at: datetime | None = None) -> Iterator[str]:
    """`rows_as_csv`, for somebody who may see subscriptions. Raises NotAllowed before the first line."""
    ensure_may(actor, "pricing.view_pricechange", "see price changes")
    ensure_may(actor, "pricing.view_subscription", "see subscriptions")
    return rows_as_csv(_found(change_id), at or timezone.now())


def _found(change_id: Any) -> PriceChange:
    return PriceChange.objects.select_related("package", "amends").get(pk=change_id)


def measure(change: PriceChange, at: datetime) -> Impact:
    """The impact of a change as the mirror stands. A fixed number of queries; memory does not grow with customers."""
    tally = _Tally()
    for judgement in judge(change, at):
        tally.take(judgement, change.new_price)
    today, rows = civil_day(at), list(tally.cohorts.values())
    stages = NoticeStage.objects.filter(active=True).exclude(occasion=Occasion.WITHDRAWN).count()
    moved = sum(row.moved for row in rows)
    impact = Impact(
        change=change,
        at=at,
        effective_date=effective_date_of(change, at),
        cohorts=rows,
        calls=plan_calls(tally.renewals, _others(change), today),
        months=_months(tally, today),
        stages=stages,
        notices=stages * moved,
        customers=sum(row.customers for row in rows),
        moved=moved,
        rand_now=sum((row.rand_now for row in rows), NOTHING),
        rand_then=sum((row.rand_then for row in rows), NOTHING),
        by_the_change=tally.by_the_change,
        first_invoice_on=min(tally.renewals, default=None),
        last_invoice_on=max(tally.renewals, default=None),
    )
    if (each := _cost(change)) is not None:
        impact.margin_now = impact.rand_now - each * tally.units["now"]
        impact.margin_then = impact.rand_then - each * tally.units["then"]
    return impact


def rows_as_csv(change: PriceChange, at: datetime) -> Iterator[str]:
    """Every subscription, a line each, as it is read. No cell can be taken for a formula."""
    return csv_lines(COLUMNS, map(_cells, judge(change, at)))


def _cells(one: Judgement) -> list[Any]:
    subscription = one.subscription
    difference = (one.expected_price - one.price_then) * subscription.quantity if one.moves else NOTHING
    return [
        subscription.subscription_id,
        subscription.number,
        subscription.customer_name,
        subscription.customer_email,
        subscription.status,
        one.cohort.value,
        one.price_then,
        "" if one.cohort == Cohort.CANCELLING else one.expected_price,
        subscription.quantity,
        difference,
        one.renewal_on if one.moves else None,
        subscription.signed_up_at.isoformat(),
        subscription.fixed_until,
        one.why,
    ]


def _months(tally: _Tally, today: date) -> list[Month]:
    moving, found = sum(tally.renewals.values()), []
    for number in range(MONTHS):
        month = in_months(today.replace(day=1), number, 1)
        end = in_months(month, 1, 1) - timedelta(days=1)
        moved = sum(count for day, count in tally.renewals.items() if day <= end)
        found.append(Month(month, old=moving - moved, new=tally.pay_new + moved, own=tally.own))
    return found


def _others(change: PriceChange) -> dict[date, int]:
    """Moves that other changes still have to make, by their renewal."""
    waiting = PriceMove.objects.filter(state__in=(MoveState.PLANNED, MoveState.FAILED)).exclude(change=change)
    counted = waiting.order_by().values_list("renewal_on").annotate(number=Count("id"))
    return {day: number for day, number in counted if day is not None}


def _cost(change: PriceChange) -> Decimal | None:
    """What a unit costs a month by the supplier's latest list, VAT included; None where no supplier's deal is known."""
    deals = SupplierDeal.objects.filter(product=change.package.source_admin_product_id)
    deal = deals.select_related("supplier").order_by("pk").first()
    return cost(deal.listed_price, deal.supplier) if deal is not None else None
