"""Amounts as South Africans write them."""

from decimal import Decimal

NBSP = "\u00a0"


def rand(amount: Decimal | None) -> str:
    """1299 as `R 1 299,00`; nothing as a dash."""
    if amount is None:
        return "—"
    whole, cents = f"{amount:,.2f}".split(".")
    return f"R{NBSP}{whole.replace(',', NBSP)},{cents}"


def signed_rand(difference: Decimal) -> str:
    """−100 as `−R 100,00`, 100 as `+R 100,00`; nothing has no sign."""
    sign = "−" if difference < 0 else "+" if difference else ""
    return f"{sign}{rand(abs(difference))}"


def signed_percent(percentage: Decimal | None) -> str:
    """12.52 as `+12,52 %`; nothing as a dash."""
    if percentage is None:
        return "—"
    return f"{percentage:+}{NBSP}%".replace("-", "−").replace(".", ",")
