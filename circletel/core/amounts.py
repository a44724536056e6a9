"""Amounts as South Africans write them."""

from decimal import Decimal

NBSP = "\u00a0"


def rand(amount: Decimal | None) -> str:
    """1299 as `R 1 299,00`; nothing as a dash."""
    if amount is None:
        return "—"
    whole, cents = f"{amount:,.2f}".split(".")
    return f"R{NBSP}{whole.replace(',', NBSP)},{cents}"
