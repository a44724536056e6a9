"""From Zoho's words to a row of the mirror. Reads nothing but settings."""

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from enum import StrEnum
from typing import Any

from django.conf import settings

from pricing.cohorts import CENT, in_months
from pricing.models import Subscription
from pricing.models.subscription import BILLED, LEAVING
from pricing.notice import beginning_of, civil_day
from zoho_sync.billing.subscriptions import Ordered, SubscriptionRow
from zoho_sync.billing.subscriptions import Subscription as Told

STANDING = (*BILLED, *LEAVING)
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


def take_answer(known: Subscription, told: Told, vat_rate: Decimal, *, contract_months: int = 1) -> None:
    """Write into `known` what Zoho says of the whole subscription. Raises Unreadable."""
    if not told.plan.code or told.plan.price is None:
        raise Unreadable(f"Zoho names no {'price' if told.plan.code else 'plan'} for {told.subscription_id}.")
    known.is_inclusive_tax = inclusive = includes_vat(told.is_inclusive_tax)
    known.number, known.plan_code, known.tax_id = told.number, told.plan.code, told.plan.tax_id
    known.customer_id, known.customer_name = told.customer_id, told.customer_name[:200]
    known.customer_email = told.email[:254] or known.customer_email
    # Somebody who was erased and has come back is a customer like any other.
    known.erased_at = None
    known.status, known.quantity = told.status, told.plan.quantity
    known.price, known.amount = with_vat(told.plan.price, inclusive, vat_rate), told.amount
    known.addons = [_addon(each) for each in told.addons if each.type != "one_time"]
    known.discounted = told.discounted
    known.current_term_starts_on = told.current_term_starts_at
    known.current_term_ends_on, known.next_billing_on = told.current_term_ends_at, told.next_billing_at
    known.last_invoice_id = told.invoice_id
    known.signed_up_at = signed_up_at(told)
    known.fixed_until = fixed_until(told, known.signed_up_at, contract_months)


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


def _addon(addon: Ordered) -> dict[str, Any]:
    price = None if addon.price is None else str(addon.price)
    return {"code": addon.code, "price": price, "quantity": addon.quantity, "tax_id": addon.tax_id}
