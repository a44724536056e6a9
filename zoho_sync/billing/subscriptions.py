"""Subscriptions of Zoho Billing. A price that is not given is the plan's of that moment, and stays."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from zoho_sync.billing.calls import Calls, Lowered, Page, record, record_in, refuse_blank, the_one_asked_for
from zoho_sync.connection.errors import RecordGone
from zoho_sync.keys import HARDWARE_SUFFIX, INSTALLATION_SUFFIX
from zoho_sync.reading import (
    Values,
    block,
    day,
    flag,
    instant,
    items,
    money,
    number,
    on_the_wire,
    text,
)


@dataclass(frozen=True)
class Ordered:
    """A plan or an add-on as part of a subscription. As a wish, a price of None is the list price."""

    code: str
    price: Decimal | None = None
    quantity: int = 1
    tax_id: str = ""
    name: str = ""
    type: Lowered = ""
    """Of an add-on: `recurring` or `one_time`; blank where Zoho does not say."""

    @classmethod
    def read(cls, values: Values) -> "Ordered":
        code, quantity = text(values, "plan_code", "addon_code"), number(values, "quantity", 1)
        return record(cls, values, code=code, quantity=quantity)

    @property
    def kind(self) -> str:
        """Of an add-on: its type, also where it is ours and Zoho does not say."""
        return "one_time" if self.code.endswith((INSTALLATION_SUFFIX, HARDWARE_SUFFIX)) else self.type

    def body(self, key: str) -> dict[str, Any]:
        return {
            key: self.code,
            "price": on_the_wire(self.price),
            "quantity": self.quantity,
            "tax_id": self.tax_id or None,
        }


@dataclass(frozen=True)
class SubscriptionRow:
    """A subscription as lists show it: neither plan code nor price. `get_subscription` has these."""

    subscription_id: str
    customer_id: str
    status: Lowered
    reference_id: str
    current_term_starts_at: date | None
    next_billing_at: date | None
    current_term_ends_at: date | None = None
    amount: Decimal | None = None
    customer_name: str = ""
    email: str = ""

    @classmethod
    def read(cls, values: Values) -> "SubscriptionRow":
        return record(cls, values)


@dataclass(frozen=True)
class Subscription:
    """`amount` is what a term costs, VAT included; `invoice_id` the latest invoice, blank when there is none.

    `created_at` is when it was entered, `activated_on` the day it began, which may be long before. `discounted`
    says that a coupon or a discount is on it, `coupon_code` which coupon. `interval_months` is None where it is
    billed by weeks or days; `remaining_cycles` is None where it is billed until it is cancelled. `custom_fields`
    by label.
    """

    subscription_id: str
    customer_id: str
    status: Lowered
    plan: Ordered
    addons: tuple[Ordered, ...]
    amount: Decimal
    reference_id: str = ""
    invoice_id: str = ""
    current_term_starts_at: date | None = None
    current_term_ends_at: date | None = None
    next_billing_at: date | None = None
    is_inclusive_tax: bool | None = None
    number: str = ""
    customer_name: str = ""
    email: str = ""
    created_at: datetime | None = None
    created_on: date | None = None
    activated_on: date | None = None
    discounted: bool = False
    custom_fields: Mapping[str, str] = field(default_factory=dict)
    has_scheduled_changes: bool | None = None
    """None where Zoho does not say."""
    changes_on: date | None = None
    """The day on which what is scheduled takes effect."""
    interval_months: int | None = 1
    remaining_cycles: int | None = None
    currency_code: str = ""
    coupon_code: str = ""
    setup_fee: Decimal = Decimal("0.00")
    trial_days: int = 0
    paused_on: date | None = None
    resumes_on: date | None = None
    prorates: bool | None = None
    """Whether a change within a term is billed by the day; None where Zoho does not say."""
    has_unbilled_charges: bool = False

    @classmethod
    def read(cls, values: Values) -> "Subscription":
        customer, plan = block(values, "customer"), block(values, "plan")
        cycles = number(values, "remaining_billing_cycles", -1)
        return record(
            cls,
            values,
            customer_id=text(values, "customer_id") or text(customer, "customer_id"),
            plan=Ordered.read(plan),
            addons=tuple(Ordered.read(each) for each in items(values, "addons")),
            invoice_id=text(values, "child_invoice_id"),
            number=text(values, "subscription_number"),
            customer_name=text(values, "customer_name") or text(customer, "display_name"),
            email=text(values, "email") or text(customer, "email"),
            created_at=instant(values, "created_time"),
            created_on=day(values, "created_at", "created_time"),
            activated_on=day(values, "activated_at"),
            discounted=_is_discounted(values),
            custom_fields={
                text(each, "label"): text(each, "value") for each in items(values, "custom_fields")
            },
            has_scheduled_changes=flag(values, "is_scheduled_update"),
            changes_on=day(values, "apply_changes_on"),
            interval_months=_interval_months(values),
            remaining_cycles=None if cycles < 0 else cycles,
            currency_code=text(values, "currency_code").upper(),
            coupon_code=next(filter(None, (text(each, "coupon_code") for each in _coupons(values))), ""),
            setup_fee=money(plan, "setup_fee"),
            trial_days=number(plan, "trial_days"),
            paused_on=day(values, "pause_date"),
            resumes_on=day(values, "resume_date"),
            prorates=flag(values, "can_prorate"),
            has_unbilled_charges=bool(text(values, "unbilled_charge_id")),
        )

    @property
    def recurring_addons(self) -> tuple[Ordered, ...]:
        """What has to be sent again with a change. One that was charged once would be charged once more."""
        return tuple(each for each in self.addons if each.kind != "one_time")


def _coupons(values: Values) -> list[dict[str, Any]]:
    """Zoho's file has one `coupon`, its changes have `coupons`."""
    return [block(values, "coupon"), *items(values, "coupons")]


def _is_discounted(values: Values) -> bool:
    """A coupon, or the `discount` that real plans carry beside one."""
    lowered = [money(block(values, "plan"), "discount"), money(values, "discount")]
    return any(text(each, "coupon_code") for each in _coupons(values)) or any(each > 0 for each in lowered)


def _interval_months(values: Values) -> int | None:
    months = {"": 1, "month": 1, "months": 1, "year": 12, "years": 12}
    each = months.get(text(values, "interval_unit").lower())
    return None if each is None else each * max(number(values, "interval", 1), 1)


class SubscriptionCalls(Calls):
    def create_subscription(
        self,
        customer_id: str,
        plan: Ordered,
        addons: Sequence[Ordered] = (),
        *,
        reference_id: str = "",
        starts_at: date | None = None,
    ) -> Subscription:
        """Subscribe, to be paid by invoice: no card is charged. Raises OutcomeUnknown when no answer came."""
        refuse_blank(customer_id, plan.code)
        body = {
            "customer_id": customer_id,
            "auto_collect": False,
            "reference_id": reference_id or None,
            "starts_at": starts_at.isoformat() if starts_at else None,
            **_ordered(plan, addons),
        }
        made = self._send("POST", "subscriptions", safe=False, body=body)
        return Subscription.read(record_in(made, "subscription"))

    def get_subscription(self, subscription_id: str) -> Subscription:
        """Raises RecordGone."""
        found = self._get("subscription", Subscription.read, "subscriptions", subscription_id)
        return the_one_asked_for(found, found.subscription_id, subscription_id)

    def subscription_page(self, number: int) -> Page:
        """One page of all subscriptions, whatever their status; `SubscriptionRow.read` takes a row."""
        return self._page("subscriptions", number, filter_by="SubscriptionStatus.All")

    def iter_subscriptions(
        self, *, status: str = "All", customer_id: str | None = None, reference_id: str | None = None
    ) -> Iterator[SubscriptionRow]:
        """Rows, narrowed as asked. `status` in Zoho's words (LIVE, NON_RENEWING, …)."""
        params = {"filter_by": f"SubscriptionStatus.{status}"}
        if customer_id is not None:
            refuse_blank(customer_id)
            params["customer_id"] = customer_id
        if reference_id is not None:
            refuse_blank(reference_id)
            params["reference_contains"] = reference_id
        rows = (SubscriptionRow.read(row) for row in self._rows("subscriptions", **params))
        return (
            row
            for row in rows
            if customer_id in (None, row.customer_id) and reference_id in (None, row.reference_id)
        )

    def update_subscription(
        self, subscription_id: str, plan: Ordered, addons: Sequence[Ordered] = (), *, end_of_term: bool
    ) -> Subscription:
        """Change what is subscribed to: at the next renewal, or at once.

        `addons` are all the recurring ones that are to stay: whether Zoho keeps those left out is not known.
        Raises ValueError without a price, as it is not known either what an omitted one becomes; OutcomeUnknown
        when no answer came: read back before it is sent again.
        """
        if plan.price is None:
            raise ValueError("A change of a subscription says its price.")
        body = {**_ordered(plan, addons), "end_of_term": end_of_term}
        # A change at once is billed, and twice would be billed twice; one at a renewal may have landed meanwhile.
        saved = self._send("PUT", "subscriptions", subscription_id, safe=False, body=body)
        found = Subscription.read(record_in(saved, "subscription"))
        return the_one_asked_for(found, found.subscription_id, subscription_id)

    def get_scheduled_changes(self, subscription_id: str) -> Subscription | None:
        """The subscription as it will be after its next renewal; None when nothing is scheduled."""
        try:
            body = self._send("GET", "subscriptions", subscription_id, "scheduledchanges", safe=True)
        except RecordGone:
            return None
        values = block(body, "subscription")
        return Subscription.read(values) if block(values, "plan") else None

    def drop_scheduled_changes(self, subscription_id: str) -> None:
        self._delete("subscriptions", subscription_id, "scheduledchanges")

    def cancel_subscription(self, subscription_id: str, *, at_end: bool) -> Subscription:
        """End it with its term, or now. Raises OutcomeUnknown when no answer came."""
        params = {"cancel_at_end": "true" if at_end else "false"}
        done = self._send("POST", "subscriptions", subscription_id, "cancel", safe=False, params=params)
        return Subscription.read(record_in(done, "subscription"))

    def delete_subscription(self, subscription_id: str) -> None:
        self._delete("subscriptions", subscription_id)


def _ordered(plan: Ordered, addons: Sequence[Ordered]) -> dict[str, Any]:
    return {
        "plan": plan.body("plan_code"),
        "addons": [addon.body("addon_code") for addon in addons] or None,
    }
