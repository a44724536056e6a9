"""What the smoke test expects of an invoice, and what is wrong with the one it got. Pure: no calls, no database."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from zoho_sync.billing.invoices import Invoice
from zoho_sync.desired import DesiredRecord
from zoho_sync.models import Kind

# Zoho may round VAT by line or by invoice.
TOLERANCE = Decimal("0.02")
CENT = Decimal("0.01")


@dataclass(frozen=True)
class ExpectedLine:
    """`price` as it stands in Zoho: with VAT in it exactly when the organisation's prices have."""

    kind: str
    code: str
    name: str
    price: Decimal


@dataclass(frozen=True)
class Expectation:
    """What a customer who subscribes today ought to be billed."""

    lines: tuple[ExpectedLine, ...]
    vat_rate: Decimal
    vat_id: str
    inclusive: bool

    @property
    def listed(self) -> Decimal:
        return sum((line.price for line in self.lines), Decimal())

    @property
    def vat(self) -> Decimal:
        base = 1 + self.vat_rate if self.inclusive else Decimal(1)
        return (self.listed * self.vat_rate / base).quantize(CENT, ROUND_HALF_UP)

    @property
    def total(self) -> Decimal:
        return self.listed if self.inclusive else self.listed + self.vat


def expected_lines(records: Sequence[DesiredRecord]) -> tuple[ExpectedLine, ...]:
    """The plan and its one-time charges, as the sync sends them."""
    return tuple(
        ExpectedLine(record.kind.label, record.key, record.payload["name"], _price(record))
        for record in records
        if record.kind in (Kind.BILLING_PLAN, Kind.BILLING_INSTALLATION, Kind.BILLING_HARDWARE)
    )


def _price(record: DesiredRecord) -> Decimal:
    if record.kind is Kind.BILLING_PLAN:
        return Decimal(record.payload["recurring_price"])
    return Decimal(record.payload["price_brackets"][0]["price"])


def differing(*pairs: tuple[str, Any, Any]) -> list[str]:
    """Each of (what, theirs, ours) that is not the same, in words."""
    return [f"{what} is {theirs}, expected {ours}" for what, theirs, ours in pairs if theirs != ours]


def wrong_with_line(expected: ExpectedLine, invoice: Invoice, vat_id: str) -> list[str]:
    """Each difference in words; empty when the line is there once and right."""
    found = [line for line in invoice.lines if line.code == expected.code]
    if len(found) != 1:
        return [f"{len(found)} lines have the code {expected.code}, expected 1"]
    line = found[0]
    return differing(
        ("name", line.name, expected.name),
        ("quantity", line.quantity, 1),
        ("price", line.price, expected.price),
        ("discount", line.discount, Decimal(0)),
        ("line total", line.total, expected.price),
        ("tax", line.tax_id, vat_id),
    )


def unexpected_lines(expected: Expectation, invoice: Invoice) -> list[str]:
    """Lines that nobody ordered, such as a setup fee beside the installation."""
    known = {line.code for line in expected.lines}
    strange = [
        f"unexpected line {line.code or line.name}: {line.quantity} × {line.price}"
        for line in invoice.lines
        if line.code not in known
    ]
    times = Counter(line.code for line in invoice.lines)
    return strange + [f"{code} is billed {number} times" for code, number in times.items() if number > 1]


def wrong_with_vat(expected: Expectation, invoice: Invoice) -> list[str]:
    """VAT as Zoho tells it; where it tells none, what is on top of the lines (nothing, when prices include it)."""
    complaints = []
    if invoice.is_inclusive_tax not in (None, expected.inclusive):
        complaints.append(
            f"the invoice's prices {'include' if invoice.is_inclusive_tax else 'exclude'} VAT, ours do not agree"
        )
    on_top = invoice.total - sum((line.total - line.discount for line in invoice.lines), Decimal())
    told = invoice.tax_total if invoice.tax_total is not None else (None if expected.inclusive else on_top)
    if told is not None and abs(told - expected.vat) > TOLERANCE:
        complaints.append(f"VAT is {told}, expected {expected.vat}")
    if expected.inclusive and abs(on_top) > TOLERANCE:
        complaints.append(f"{on_top} was added to prices that include VAT")
    return complaints


def wrong_with_total(expected: Expectation, invoice: Invoice) -> list[str]:
    complaints = []
    if abs(invoice.total - expected.total) > TOLERANCE:
        complaints.append(f"total is {invoice.total}, expected {expected.total}")
    if invoice.balance != invoice.total:
        complaints.append(f"{invoice.balance} of {invoice.total} is open before any payment")
    if invoice.currency_code not in ("ZAR", ""):
        complaints.append(f"billed in {invoice.currency_code}, expected ZAR")
    return complaints
