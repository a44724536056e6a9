"""The billing proof of one change as CSV, line by line as it is read: nothing grows with the number of customers."""

from typing import Any

from django.http import StreamingHttpResponse

from circletel.core.spreadsheet import csv_lines, download
from pricing import proof
from pricing.models import PriceChange, PriceMove

COLUMNS = (
    "verdict",
    "open",
    "subscription",
    "zoho_id",
    "customer",
    "cohort",
    "state",
    "why",
    "price_then",
    "expected_price",
    "invoiced_price",
    "quantity",
    "billed_wrong_a_month",
    "renewal_on",
    "invoiced_on",
    "invoice_id",
    "settled_how",
)


def csv_answer(change: PriceChange) -> StreamingHttpResponse:
    name = f"billing-proof-{change.package.sku}-{change.effective_date or 'cancelled'}.csv".replace("/", "-")
    return download(csv_lines(COLUMNS, map(cells, proof.lines(change))), name)


def cells(move: PriceMove) -> tuple[Any, ...]:
    subscription = move.subscription
    wrong = None if move.billed_wrong is None else move.billed_wrong * subscription.quantity
    return (
        move.verdict,
        "yes" if is_open(move) else "no",
        subscription.number,
        subscription.subscription_id,
        subscription.customer_name,
        move.cohort,
        move.state,
        move.why,
        move.price_then,
        move.expected_price,
        move.invoiced_price,
        subscription.quantity,
        wrong,
        move.renewal_on,
        move.invoiced_on,
        move.invoice_id,
        move.settled_how,
    )


def is_open(move: PriceMove) -> bool:
    return move.verdict != "right" and move.settled_at is None
