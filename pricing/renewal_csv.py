"""The renewal preview of everybody whom a price change concerns, as CSV, line by line as it is computed."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from django.contrib.auth.models import User
from django.utils import timezone

from circletel.core.rights import ensure_may
from circletel.core.spreadsheet import csv_lines
from pricing.cohorts import Judgement, judge
from pricing.models import PriceChange
from pricing.renewal_preview import Invoice, InvoiceLine, RenewalPreview, previews

COLUMNS = (
    *("subscription", "number", "customer", "status", "cohort", "invoice_on", "currency"),
    *("line", "code", "name", "quantity", "unit_price", "amount", "discount", "vat_rate", "rests_on"),
    *("prices_include_vat", "coupon", "invoice_discount", "invoice_vat", "invoice_total", "credit"),
    *("unknown", "remarks"),
)
UNKNOWN = "unknown"


def renewals_csv(change_id: Any, *, actor: User, at: datetime | None = None) -> Iterator[str]:
    """A row for each line of the next three invoices of each subscription; one that is not billed has one row.

    A draft is previewed as if it were published. Raises NotAllowed and PriceChange.DoesNotExist before the first line.
    """
    ensure_may(actor, "pricing.view_pricechange", "see price changes")
    ensure_may(actor, "pricing.view_subscription", "see subscriptions")
    change = PriceChange.objects.select_related("package", "amends").get(pk=change_id)
    return _rows(change, at or timezone.now())


def file_name(change_id: Any) -> str:
    return f"renewals-{change_id}-{timezone.localdate():%Y-%m-%d}.csv"


def _rows(change: PriceChange, at: datetime) -> Iterator[str]:
    shown = previews(change, judge(change, at), at)
    return csv_lines(COLUMNS, (cells for judged, preview in shown for cells in _cells(judged, preview)))


def _cells(judged: Judgement, preview: RenewalPreview) -> Iterator[tuple[Any, ...]]:
    subscription = judged.subscription
    who = (
        subscription.subscription_id,
        subscription.number,
        subscription.customer_name,
        subscription.status,
        judged.cohort.value,
    )
    for invoice in preview.invoices:
        for line in invoice.lines:
            yield (*who, invoice.on, invoice.currency, *_line(line), *_invoice(invoice))
    if preview.ends:
        blanks = [None] * (len(COLUMNS) - len(who) - 1)
        yield (*who, *blanks, preview.ends)


def _line(line: InvoiceLine) -> tuple[Any, ...]:
    return (
        line.kind.value,
        line.code,
        line.name,
        line.quantity,
        _known(line.unit_price),
        _known(line.total),
        _known(line.discount),
        _known(line.vat_rate),
        line.rests_on,
    )


def _invoice(invoice: Invoice) -> tuple[Any, ...]:
    return (
        "yes" if invoice.prices_include_vat else "no",
        invoice.coupon,
        _known(invoice.discount),
        _known(invoice.vat),
        _known(invoice.total),
        _known(invoice.credit),
        "; ".join(invoice.unknown),
        " ".join(invoice.remarks),
    )


def _known(amount: Any) -> Any:
    return UNKNOWN if amount is None else amount
