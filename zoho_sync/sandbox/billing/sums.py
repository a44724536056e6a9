"""What lines come to: totals and VAT, for organisations whose prices include it and for those whose do not.

Amounts are computed in Decimal and kept as JSON numbers. VAT is rounded once for each tax, over all its lines
(`tax_rounding` "entity_level", as real answers say).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from zoho_sync.sandbox.state import State
from zoho_sync.sandbox.store import Document


def cents(value: Any) -> Decimal:
    return Decimal(str(value)).quantize(Decimal("0.01"), ROUND_HALF_UP)


def amount(value: Decimal) -> float:
    return float(cents(value))


def line_total(line: Document) -> Decimal:
    """Before its discount."""
    return cents(cents(line["price"]) * Decimal(str(line["quantity"])))


def discount_of(line: Document) -> Decimal:
    return cents(line.get("discount_amount", 0))


def totals(state: State, lines: Sequence[Document], inclusive: bool) -> Document:
    """`sub_total` without VAT, `tax_total`, `taxes` and `total` of lines with price, quantity, discount and tax_id.

    A line without a tax carries none. What a discount takes off is not taxed.
    """
    by_tax: dict[str, Decimal] = defaultdict(Decimal)
    for line in lines:
        by_tax[line["tax_id"]] += line_total(line) - discount_of(line)
    listed = sum(by_tax.values(), Decimal())
    taxes: list[tuple[Document, Decimal]] = []
    for tax_id, sum_of_lines in by_tax.items():
        tax = state.billing_taxes.get(tax_id) if tax_id else None
        if tax is None:
            continue
        rate = Decimal(str(tax["tax_percentage"]))
        base = 100 + rate if inclusive else Decimal(100)
        taxes.append((tax, cents(sum_of_lines * rate / base)))
    tax_total = sum((vat for _tax, vat in taxes), Decimal())
    total = listed if inclusive else listed + tax_total
    return {
        "sub_total": amount(total - tax_total),
        "tax_total": amount(tax_total),
        # Text, as Zoho writes these.
        "taxes": [
            {
                "tax_id": tax["tax_id"],
                "tax_name": f"{tax['tax_name']} ({tax['tax_percentage']}%)",
                "tax_amount": str(vat),
            }
            for tax, vat in taxes
        ],
        "total": amount(total),
    }
