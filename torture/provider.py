"""A small Zoho Billing with the subscriptions of one package, and what each of their invoices ought to say.

The judgement is independent: plain Python over what was published and cancelled, without a line of the product's.
"""

from calendar import monthrange
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from zoho_sync.billing.invoices import Invoice, InvoiceLine
from zoho_sync.billing.subscriptions import Ordered
from zoho_sync.billing.subscriptions import Subscription as ReadSubscription

JOHANNESBURG = ZoneInfo("Africa/Johannesburg")
FIRST_PRICE = Decimal(799)
BILLED_AT = "06:00"


def at(day: date, clock: str = "10:00") -> datetime:
    return datetime.combine(day, time.fromisoformat(clock), tzinfo=JOHANNESBURG)


def months_later(start: date, number: int) -> date:
    month = start.month - 1 + number
    year, month = start.year + month // 12, month % 12 + 1
    return date(year, month, min(start.day, monthrange(year, month)[1]))


@dataclass
class Published:
    """A price as it was published; for existing customers from `effective`, unless cancelled."""

    price: Decimal
    published: datetime
    effective: datetime
    cancelled: datetime | None = None


@dataclass
class Sold:
    """One subscription, billed monthly from `anchor` on."""

    id: str
    created: datetime
    price: Decimal
    anchor: date
    quantity: int = 1
    fixed_until: date | None = None
    status: str = "live"
    renewals: int = 0
    scheduled: Decimal | None = None
    invoices: list[tuple[date, Decimal]] = field(default_factory=list)
    credited: tuple[datetime, Decimal] | None = None
    notes: list[str] = field(default_factory=list)

    @property
    def term_start(self) -> date:
        return months_later(self.anchor, self.renewals)

    @property
    def next_billing(self) -> date:
        return months_later(self.anchor, self.renewals + 1)

    def ought(self, day: date, story: list[Published]) -> Decimal:
        """The price of its invoice of that day: that of the sign-up, until a later one takes effect."""
        moment = at(day, BILLED_AT)
        if self.created.date() == day:
            moment = max(moment, self.created)
        quoted = FIRST_PRICE
        for each in story:
            withdrawn = each.cancelled and each.cancelled <= self.created
            if each.published <= self.created and not withdrawn:
                quoted = each.price
        if self.fixed_until and day <= self.fixed_until:
            return quoted
        later = [
            each
            for each in story
            if not each.cancelled and each.published > self.created and each.effective <= moment
        ]
        if self.credited:
            since, price = self.credited
            if moment >= since and not any(each.effective > since for each in later):
                return price
        return later[-1].price if later else quoted


class BillingDouble:
    """What `BillingClient` answers, as far as price moves and their proof ask it."""

    def __init__(self, plan_code: str) -> None:
        self.plan_code = plan_code
        self.sold: dict[str, Sold] = {}

    def sell(self, created: datetime, price: Decimal, anchor: date) -> Sold:
        one = Sold(f"{len(self.sold) + 1:04}", created, price, anchor)
        self.sold[one.id] = one
        return one

    def renew(self, day: date) -> None:
        """Bill everybody whose term has ended by that day."""
        for one in self.sold.values():
            while one.status in ("live", "non_renewing") and one.next_billing <= day:
                if one.status == "non_renewing":
                    one.status = "cancelled"
                    break
                one.renewals += 1
                if one.scheduled is not None:
                    one.price, one.scheduled = one.scheduled, None
                one.invoices.append((one.term_start, one.price))

    def get_subscription(self, id: str) -> ReadSubscription:
        return self._read(self.sold[id], self.sold[id].price)

    def get_scheduled_changes(self, id: str) -> ReadSubscription | None:
        scheduled = self.sold[id].scheduled
        return None if scheduled is None else self._read(self.sold[id], scheduled)

    def drop_scheduled_changes(self, id: str) -> None:
        self.sold[id].scheduled = None

    def update_subscription(self, id: str, plan: Ordered, addons: Any = (), *, end_of_term: bool) -> None:
        assert end_of_term
        self.sold[id].scheduled = plan.price

    def get_invoice(self, id: str) -> Invoice:
        subscription_id, _, number = id.partition("/")
        return self._invoice(self.sold[subscription_id], int(number))

    def iter_invoices(self, subscription_id: str) -> list[Invoice]:
        one = self.sold[subscription_id]
        return [self._invoice(one, number) for number in range(len(one.invoices))]

    def _read(self, one: Sold, price: Decimal) -> ReadSubscription:
        return ReadSubscription(
            one.id,
            f"c{one.id}",
            one.status,
            Ordered(self.plan_code, price, one.quantity),
            (),
            Decimal(0),
            invoice_id=f"{one.id}/{len(one.invoices) - 1}" if one.invoices else "",
            current_term_starts_at=one.term_start,
            current_term_ends_at=one.next_billing - timedelta(days=1),
            next_billing_at=None if one.status == "cancelled" else one.next_billing,
            is_inclusive_tax=True,
            has_scheduled_changes=one.scheduled is not None,
        )

    def _invoice(self, one: Sold, number: int) -> Invoice:
        day, price = one.invoices[number]
        nothing = Decimal(0)
        line = InvoiceLine(self.plan_code, "", price, one.quantity, price, "", nothing)
        return Invoice(
            f"{one.id}/{number}",
            "",
            "sent",
            "",
            day,
            day,
            price,
            price,
            nothing,
            nothing,
            "ZAR",
            (line,),
            None,
            True,
            (),
        )
