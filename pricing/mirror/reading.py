"""From Zoho's words to a row of the mirror. Reads nothing but settings."""

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from enum import StrEnum
from typing import Any

from django.conf import settings

from pricing.billing_days import in_months
from pricing.cohorts import CENT
from pricing.models import SinceHow, Subscription
from pricing.models.subscription import BILLED, LEAVING, PAUSED
from pricing.notice import beginning_of, civil_day
from zoho_sync.billing.subscriptions import Ordered, SubscriptionRow
from zoho_sync.billing.subscriptions import Subscription as Told

STANDING = (*BILLED, *LEAVING, *PAUSED)
# What moves in a row when a subscription renews and nothing else happened to it.
RENEWAL = frozenset(
    ("current_term_starts_at", "current_term_ends_at", "last_billing_at", "next_billing_at", "updated_time")
)


class Verdict(StrEnum):
    """What a row of the list asks for."""

    SAME = "same"
    """It says what it said before."""
    RENEWED = "renewed"
    """A new term under the old agreement: the row says all of it."""
    ENDED = "ended"
    """It stood and does not any more: the row says all of it."""
    PASSED_OVER = "passed_over"
    """It had ended before it was ever seen."""
    NEW = "new"
    CHANGED = "changed"

    @property
    def is_read(self) -> bool:
        """A call of its own is needed."""
        return self in (Verdict.NEW, Verdict.CHANGED)


class Unreadable(ValueError):
    """An answer lacks what the mirror needs; the words are fit for an operator."""


def judge_row(row: Mapping[str, Any], known: Subscription | None, *, full: bool = False) -> Verdict:
    """What to do about a row. `full` reads again whatever stands."""
    is_standing = SubscriptionRow.read(row).status in STANDING
    if known is None:
        return Verdict.NEW if is_standing else Verdict.PASSED_OVER
    if not is_standing:
        if known.is_forgotten:
            return Verdict.SAME
        was_standing = known.status in STANDING or known.gone_at is not None
        return Verdict.ENDED if was_standing or known.listed != row else Verdict.SAME
    if full or known.gone_at is not None:
        return Verdict.CHANGED
    if known.listed == row:
        return Verdict.SAME
    moved = {name for name in {*known.listed, *row} if known.listed.get(name) != row.get(name)}
    renewed = moved <= RENEWAL and "next_billing_at" in moved and bool(row.get("next_billing_at"))
    return Verdict.RENEWED if renewed else Verdict.CHANGED


def take_row(known: Subscription, row: Mapping[str, Any]) -> None:
    """Write into `known` what the row alone says."""
    told = SubscriptionRow.read(row)
    known.listed, known.status = dict(row), told.status
    known.current_term_starts_on, known.current_term_ends_on = (
        told.current_term_starts_at,
        told.current_term_ends_at,
    )
    if known.next_billing_on != told.next_billing_at:
        # The last invoice known is not the last one any more.
        known.next_billing_on, known.last_invoice_id = told.next_billing_at, ""
        if known.remaining_cycles:
            known.remaining_cycles -= 1


def take_answer(
    known: Subscription, told: Told, vat_rate: Decimal, *, at: datetime, contract_months: int = 1
) -> None:
    """Write into `known` what Zoho says of the whole subscription at that instant. Raises Unreadable."""
    if not told.plan.code or told.plan.price is None:
        raise Unreadable(f"Zoho names no {'price' if told.plan.code else 'plan'} for {told.subscription_id}.")
    known.is_inclusive_tax = inclusive = includes_vat(told.is_inclusive_tax)
    known.signed_up_at = signed_up_at(told)
    _take_plan(known, told.plan.code, at)
    known.number, known.tax_id = told.number, told.plan.tax_id
    known.customer_id, known.customer_name = told.customer_id, told.customer_name[:200]
    known.customer_email = told.email[:254] or known.customer_email
    # Somebody who was erased and has come back is a customer like any other.
    known.erased_at = None
    known.status, known.quantity = told.status, told.plan.quantity
    known.price, known.amount = with_vat(told.plan.price, inclusive, vat_rate), told.amount
    known.plan_price, known.setup_fee, known.trial_days = told.plan.price, told.setup_fee, told.trial_days
    known.currency_code, known.addons = (
        told.currency_code[:3] or "ZAR",
        [addon_of(each) for each in told.addons],
    )
    known.discounted = told.discounted
    if known.coupon_code != told.coupon_code:
        known.coupon_code, known.coupon_uses_left = told.coupon_code, None
        known.coupon_counted_from = known.coupon_counted_at = None
    _take_terms(known, told)
    known.fixed_until = fixed_until(told, known.came_at, contract_months)


def _take_plan(known: Subscription, plan_code: str, at: datetime) -> None:
    """Its plan, and since when it is on it: for one that was on another, since now, as far as this sync can tell.

    Of a subscription never read before only that it is on this plan now is known, and not since when.
    """
    if not known.plan_code:
        known.on_package_earliest, known.on_package_latest = known.signed_up_at, at
    elif known.plan_code != plan_code:
        known.on_package_earliest = known.plan_seen_at or known.read_at
        known.on_package_latest = known.on_package_since = at
        known.on_package_since_how = SinceHow.SEEN
        known.since_read_at = known.since_decided_by = known.since_decided_at = None
    known.plan_code, known.plan_seen_at = plan_code, at


def _take_terms(known: Subscription, told: Told) -> None:
    known.interval_months, known.remaining_cycles = told.interval_months, told.remaining_cycles
    known.started_on = told.activated_on
    known.current_term_starts_on = told.current_term_starts_at
    known.current_term_ends_on, known.next_billing_on = told.current_term_ends_at, told.next_billing_at
    known.paused_on, known.resumes_on = told.paused_on, told.resumes_on
    known.prorates, known.has_unbilled_charges = told.prorates, told.has_unbilled_charges
    known.last_invoice_id = told.invoice_id
    known.changes_on = (told.changes_on or told.next_billing_at) if told.has_scheduled_changes else None
    if known.changes_on is None:
        known.scheduled_change = known.change_read_at = None


def includes_vat(said: bool | None) -> bool:
    """Whether prices in Zoho include VAT: as the record says, else as the organisation is set."""
    include: bool = settings.ZOHO_PRICES_INCLUDE_VAT if said is None else said
    return include


def with_vat(price: Decimal, inclusive: bool, rate: Decimal) -> Decimal:
    """As the customer was quoted, to the cent, half up."""
    return price if inclusive else (price * (1 + rate)).quantize(CENT, ROUND_HALF_UP)


def signed_up_at(told: Told) -> datetime:
    """When the customer came: the instant it was entered, or the day it began where that lies before. Raises Unreadable."""
    entered = told.created_at or (beginning_of(told.created_on) if told.created_on else None)
    began = told.activated_on
    if began is not None and (entered is None or began < civil_day(entered)):
        return beginning_of(began)
    if entered is None:
        raise Unreadable(f"Zoho does not say when {told.subscription_id} was made.")
    return entered


def fixed_until(told: Told, came: datetime, contract_months: int) -> date | None:
    """The last day of a promised price: what the custom field says, else the contract where contracts hold prices.

    Raises Unreadable for a field that holds no date: a promise may not be lost to a slip of the pen.
    """
    field = settings.PRICING_FIXED_UNTIL_FIELD
    said = told.custom_fields.get(field, "").strip() if field else ""
    if said:
        try:
            return date.fromisoformat(said[:10])
        except ValueError:
            raise Unreadable(
                f"{field} of {told.subscription_id} is {said!r}: write it as 2027-12-31 in Zoho."
            ) from None
    if not settings.PRICING_FIXED_TERM_HOLDS_PRICE or contract_months <= 1:
        return None
    first = civil_day(came)
    return in_months(first, contract_months, first.day) - timedelta(days=1)


def addon_of(addon: Ordered) -> dict[str, Any]:
    """An add-on, or a plan, as it is kept: its price as Zoho holds it."""
    price = None if addon.price is None else str(addon.price)
    return {
        "code": addon.code,
        "name": addon.name,
        "price": price,
        "quantity": addon.quantity,
        "tax_id": addon.tax_id,
        "type": addon.kind,
    }
