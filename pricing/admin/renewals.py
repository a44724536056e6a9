"""The next invoices of a subscription in words, and since when it is on its package."""

from collections.abc import Callable, Iterator
from datetime import datetime
from decimal import Decimal
from functools import partial
from typing import Any

from django.utils import timezone

from circletel.core.amounts import rand
from pricing.models import Subscription
from pricing.package_since import in_words, readings_of
from pricing.renewal_preview import Invoice


def invoice_in_words(invoice: Invoice) -> dict[str, Any]:
    """An invoice of the preview in words."""
    unknown = "unknown"
    amount = partial(_amount, invoice)
    return {
        "on": f"{invoice.on:%-d %b %Y}",
        "total": amount(invoice.total),
        "credit": amount(invoice.credit) if invoice.credit else "",
        "discount": unknown if invoice.discount is None else _less(amount, invoice.discount),
        "vat": unknown if invoice.vat is None else amount(invoice.vat),
        "lines": [
            {
                "name": line.name,
                "code": line.code,
                "quantity": line.quantity,
                "price": unknown if line.unit_price is None else amount(line.unit_price),
                "discount": unknown if line.discount is None else _less(amount, line.discount),
                "vat": unknown if line.vat_rate is None else f"{(line.vat_rate * 100).normalize():f} %",
                "rests_on": line.rests_on,
            }
            for line in invoice.lines
        ],
        "rests_on": invoice.rests_on,
        "unknown": invoice.unknown,
        "remarks": invoice.remarks,
    }


def _amount(invoice: Invoice, amount: Decimal | None) -> str:
    """In rand, or in the currency of the invoice."""
    if invoice.currency == "ZAR" or amount is None:
        return rand(amount)
    return f"{invoice.currency} {amount:,.2f}"


def _less(amount: Callable[[Decimal | None], str], discount: Decimal) -> str:
    return f"−{amount(discount)}" if discount else "—"


def since_in_words(subscription: Subscription) -> Iterator[str]:
    if subscription.on_package_since is None:
        earliest, latest = subscription.may_have_come
        yield f"Not known: between {_when(earliest)} and {_when(latest)}."
        return
    how = subscription.get_on_package_since_how_display()
    decided = f" on {_when(subscription.since_decided_at)}" if subscription.since_decided_at else ""
    yield f"{_when(subscription.on_package_since)}. {how}{decided}."


def readings_in_words(subscription: Subscription) -> Iterator[str]:
    """What it pays by each instant at which it may have come, where that makes a difference."""
    possible = readings_of(subscription, timezone.now())
    if len(possible) > 1:
        yield from (f"Since {in_words(one)}" for one in possible)
    elif subscription.on_package_since is None and subscription.package is not None:
        yield "It makes no difference to what it pays."


def _when(instant: datetime) -> str:
    return f"{timezone.localtime(instant):%-d %b %Y %H:%M}"
