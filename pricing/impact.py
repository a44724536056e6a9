"""What a price change would do, before anybody commits to it: customers, rand, invoices, notices, calls."""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from django.contrib.auth.models import User
from django.db.models import Count
from django.utils import timezone

from catalogue.models import SupplierDeal
from catalogue.pricelists.plan import cost
from circletel.core.rights import ensure_may
from circletel.core.spreadsheet import csv_lines
from pricing.billing_days import in_months
from pricing.capacity import CallPlan, plan_calls
from pricing.cohorts import Judgement, effective_date_of, judge, same_price
from pricing.models import Cohort, MoveState, NoticeStage, Occasion, PriceChange, PriceMove
from pricing.notice import civil_day
from pricing.renewal_preview import Previewer

MONTHS = 12
NOTHING = Decimal("0.00")


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
    stages: int
    calls: CallPlan = field(init=False)
    months: list[Month] = field(init=False)
    cohorts: list[CohortImpact] = field(default_factory=lambda: [CohortImpact(each) for each in Cohort])
    renewals: Counter[date] = field(default_factory=Counter)
    """Subscriptions that move, by the day of their first bill at the new price."""
    units: Counter[str] = field(default_factory=Counter)
    """Plan units `now` and `then`."""
    pay_new: int = 0
    own: int = 0
    by_the_change: Decimal = NOTHING
    """What the change alone adds a month; `rand_then` also lacks those who leave."""
    billed_now: Decimal = NOTHING
    """What the first invoices that change would come to without it: with add-ons, discounts and VAT."""
    billed_then: Decimal = NOTHING
    """What they come to with it."""
    billed_unknown: int = 0
    """Subscriptions that move and whose invoice cannot be told; they are in neither sum."""
    margin_now: Decimal | None = None
    margin_then: Decimal | None = None

    @property
    def customers(self) -> int:
        return sum(row.customers for row in self.cohorts)

    @property
    def moved(self) -> int:
        return self.renewals.total()

    @property
    def notices(self) -> int:
        return self.stages * self.moved

    @property
    def rand_now(self) -> Decimal:
        return sum((row.rand_now for row in self.cohorts), NOTHING)

    @property
    def rand_then(self) -> Decimal:
        return sum((row.rand_then for row in self.cohorts), NOTHING)

    @property
    def first_invoice_on(self) -> date | None:
        return min(self.renewals, default=None)

    @property
    def last_invoice_on(self) -> date | None:
        return max(self.renewals, default=None)

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
        unclear = sum(each.customers for each in self.cohorts if each.cohort == Cohort.SINCE_UNKNOWN)
        if unclear:
            found.append(f"{unclear} wait for a person to decide since when they are on this package.")
        if self.billed_unknown:
            found.append(
                f"Of {self.billed_unknown} subscriptions that move, it is not known what they will be billed in all;"
                " the renewal preview says why."
            )
        return found

    def take_bill(self, bill: "Bill") -> None:
        if bill.now is None or bill.then is None:
            self.billed_unknown += 1
            return
        self.billed_now += bill.now
        self.billed_then += bill.then

    def take(self, one: Judgement) -> None:
        """Count one subscription in."""
        units = one.subscription.quantity
        row = next(row for row in self.cohorts if row.cohort == one.cohort)
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
        elif same_price(one.subscription, one.price_then, self.change.new_price):
            self.pay_new += 1

    def count_months(self, today: date) -> None:
        moving, self.months = self.moved, []
        for number in range(MONTHS):
            month = in_months(today.replace(day=1), number, 1)
            end = in_months(month, 1, 1) - timedelta(days=1)
            moved = sum(count for day, count in self.renewals.items() if day <= end)
            self.months.append(Month(month, old=moving - moved, new=self.pay_new + moved, own=self.own))


def impact_of(change_id: Any, *, actor: User, at: datetime | None = None) -> Impact:
    """`measure`, for somebody who may see it; without margins for who may not see costs. Raises NotAllowed."""
    impact = measure(_seen(change_id, actor), at or timezone.now())
    if not actor.has_perm("catalogue.view_costs"):
        impact.margin_now = impact.margin_then = None
    return impact


def impact_csv(change_id: Any, *, actor: User, at: datetime | None = None) -> Iterator[str]:
    """Every subscription, a line each, as it is read. Raises NotAllowed before the first line."""
    change, at = _seen(change_id, actor), at or timezone.now()
    return csv_lines(list(COLUMNS), _rows(change, at))


def _rows(change: PriceChange, at: datetime) -> Iterator[list[Any]]:
    previewer = Previewer.load()
    for one in judge(change, at):
        bill = Bill.of(previewer, one, at) if one.moves else None
        yield [cell(one, bill) for cell in COLUMNS.values()]


def _seen(change_id: Any, actor: User) -> PriceChange:
    ensure_may(actor, "pricing.view_pricechange", "see price changes")
    ensure_may(actor, "pricing.view_subscription", "see subscriptions")
    return PriceChange.objects.select_related("package", "amends").get(pk=change_id)


def measure(change: PriceChange, at: datetime) -> Impact:
    """The impact of a change as the mirror stands. A fixed number of queries; memory does not grow with customers."""
    stages = NoticeStage.objects.filter(active=True).exclude(occasion=Occasion.WITHDRAWN).count()
    impact, today = Impact(change, at, effective_date_of(change, at), stages), civil_day(at)
    previewer = Previewer.load()
    for judgement in judge(change, at):
        impact.take(judgement)
        if judgement.moves:
            impact.take_bill(Bill.of(previewer, judgement, at))
    impact.calls = plan_calls(impact.renewals, _others(change), today)
    impact.count_months(today)
    if (each := _cost(change)) is not None:
        impact.margin_now = impact.rand_now - each * impact.units["now"]
        impact.margin_then = impact.rand_then - each * impact.units["then"]
    return impact


def _difference(one: Judgement) -> Decimal:
    return (one.expected_price - one.price_then) * one.subscription.quantity if one.moves else NOTHING


COLUMNS: dict[str, Callable[[Judgement, "Bill | None"], Any]] = {
    "subscription": lambda one, _: one.subscription.subscription_id,
    "number": lambda one, _: one.subscription.number,
    "customer": lambda one, _: one.subscription.customer_name,
    "email": lambda one, _: one.subscription.customer_email,
    "status": lambda one, _: one.subscription.status,
    "cohort": lambda one, _: one.cohort.value,
    "price_now": lambda one, _: one.price_then,
    "price_then": lambda one, _: "" if one.cohort == Cohort.CANCELLING else one.expected_price,
    "quantity": lambda one, _: one.subscription.quantity,
    "difference_a_month": lambda one, _: _difference(one),
    "first_invoice_that_changes": lambda one, _: one.renewal_on if one.moves else None,
    "its_total_now": lambda _, bill: bill and bill.shown(bill.now),
    "its_total_then": lambda _, bill: bill and bill.shown(bill.then),
    "signed_up": lambda one, _: one.subscription.signed_up_at.isoformat(),
    "on_package_since": lambda one, _: _instant(one.subscription.on_package_since),
    "how_that_is_known": lambda one, _: one.subscription.on_package_since_how,
    "fixed_until": lambda one, _: one.subscription.fixed_until,
    "why": lambda one, _: one.why,
}


def _instant(moment: datetime | None) -> str:
    return moment.isoformat() if moment else ""


@dataclass(frozen=True)
class Bill:
    """The total of the first invoice that changes, without the change and with it; None where it is not known."""

    now: Decimal | None
    then: Decimal | None

    @classmethod
    def of(cls, previewer: Previewer, one: Judgement, at: datetime) -> "Bill":
        day = one.renewal_on
        assert day is not None  # that is what moving means
        now = None if one.price_then == one.subscription.price else one.price_then
        return cls(
            previewer.total_on(one.subscription, day, now, at),
            previewer.total_on(one.subscription, day, one.expected_price, at),
        )

    def shown(self, total: Decimal | None) -> Decimal | str:
        return "unknown" if total is None else total


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


# --- counts kept on the change


def count_customers(at: datetime) -> int:
    """Count anew for every open change; what has taken effect or was cancelled keeps its last counts. Returns how many."""
    changes = PriceChange.objects.open().select_related("package", "amends").order_by("pk")
    return sum(count_one(change, at) for change in changes)


def count_one(change: PriceChange, at: datetime) -> bool:
    """Write the counts of one change; False when it was deleted meanwhile."""
    moved = joined = 0
    for judgement in judge(change, at):
        moved += judgement.moves
        joined += judgement.cohort == Cohort.JOINED_DURING_NOTICE
    counted = PriceChange.objects.filter(pk=change.pk)
    return bool(counted.update(affected_customers_count=moved, new_customers_count=joined, counted_at=at))
