"""The small objects of TMF620: instants, periods, money, tax and references."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from catalogue.models import excluding_vat
from catalogue.storefront.document import CURRENCY
from catalogue.tmf620.dialects import Kind, Rendering

Document = dict[str, Any]


def instant(at: datetime) -> str:
    """UTC to the microsecond, so that `lastUpdate=` finds what was shown: `2026-10-01T08:00:00.000001Z`."""
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")


def period(start: datetime | None, end: datetime | None) -> Document:
    shown = {"startDateTime": start, "endDateTime": end}
    return {name: instant(at) for name, at in shown.items() if at is not None}


def money(amount: Decimal) -> Document:
    return {"unit": CURRENCY, "value": float(amount)}


def tax(amount: Decimal, rendering: Rendering) -> Document:
    """The VAT contained in `amount`."""
    return {
        "taxCategory": "VAT, included in the price",
        "taxRate": float(rendering.vat_rate * 100),
        "taxAmount": money(amount - excluding_vat(amount, rendering.vat_rate)),
        "@type": "TaxItem",
    }


def price_value(amount: Decimal, rendering: Rendering) -> Document:
    """An amount with and without VAT, as v4 embeds it in an offering."""
    return {
        "taxIncludedAmount": money(amount),
        "dutyFreeAmount": money(excluding_vat(amount, rendering.vat_rate)),
        "taxRate": float(rendering.vat_rate * 100),
        "taxCategory": "VAT",
        "@type": "Price",
    }


def term(name: str, months: int) -> Document:
    return {"name": name, "duration": {"amount": months, "units": "Month"}, "@type": "ProductOfferingTerm"}


def reference(kind: Kind, id: object, name: str, rendering: Rendering, **more: Any) -> Document:
    referred = rendering.dialect.type(kind)
    return {
        "id": str(id),
        "href": rendering.href(kind, id),
        "name": name,
        **more,
        "@type": f"{referred}Ref",
        "@referredType": referred,
    }
