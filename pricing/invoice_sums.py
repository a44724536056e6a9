"""What lines, a discount and VAT come to on an invoice: Zoho Billing's arithmetic. Pure.

VAT is rounded once for each tax, over all its lines, and is on what a discount leaves. A flat discount is spread
over the lines that it lowers, in proportion.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from functools import lru_cache

CENT = Decimal("0.01")
ZERO = Decimal("0.00")


@dataclass(frozen=True, slots=True)
class Charge:
    """One line. `rate` is that of its tax, as a fraction, 0 without one; lines of one tax share `tax_id`."""

    total: Decimal
    tax_id: str
    rate: Decimal
    is_lowered: bool
    """The discount is on it as well."""


@dataclass(frozen=True, slots=True)
class Discount:
    value: Decimal
    is_percentage: bool


@dataclass(frozen=True, slots=True)
class Sums:
    """`discounts` by line, in their order. `total` includes VAT, `vat` is the part of it."""

    discounts: tuple[Decimal, ...]
    vat: Decimal
    total: Decimal


def cents(amount: Decimal) -> Decimal:
    return amount.quantize(CENT, ROUND_HALF_UP)


@lru_cache(maxsize=4096)
def sums_of(charges: tuple[Charge, ...], discount: Discount | None, *, including_vat: bool) -> Sums:
    """Remembers: the customers of one package are billed alike, and a hundred thousand of them are asked about."""
    discounts = _discounts(charges, discount)
    by_tax: dict[tuple[str, Decimal], Decimal] = {}
    for charge, off in zip(charges, discounts, strict=True):
        tax = charge.tax_id, charge.rate
        by_tax[tax] = by_tax.get(tax, ZERO) + charge.total - off
    vat = sum(
        (
            cents(amount * rate / (1 + rate) if including_vat else amount * rate)
            for (_, rate), amount in by_tax.items()
        ),
        ZERO,
    )
    listed = sum(by_tax.values(), ZERO)
    return Sums(discounts, vat, listed if including_vat else listed + vat)


def _discounts(charges: Sequence[Charge], discount: Discount | None) -> tuple[Decimal, ...]:
    lowered = [charge.total if discount and charge.is_lowered else ZERO for charge in charges]
    whole = sum(lowered, ZERO)
    if discount is None or not whole:
        return (ZERO,) * len(charges)
    if discount.is_percentage:
        return tuple(cents(each * discount.value / 100) for each in lowered)
    flat = min(discount.value, whole)
    shares = [cents(flat * each / whole) for each in lowered]
    # What rounding leaves over goes to the last line that is lowered.
    last = max(number for number, each in enumerate(lowered) if each)
    shares[last] += flat - sum(shares, ZERO)
    return tuple(shares)
