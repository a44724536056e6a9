"""Tolerant readers: what Zoho wrote as number, text or not at all, as one Python type.

Unset text comes as "", ids as text or as numbers, money as numbers or as text. What cannot be read is None (or
blank), never an exception: real answers carry more, and other, than any file says.
"""

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

Values = Mapping[str, Any]


def text(values: Values, *names: str) -> str:
    """The first of these fields that says something. Ids are text, however they were written."""
    for name in names:
        value = values.get(name)
        if value is not None and value != "" and not isinstance(value, dict | list):
            return str(value)
    return ""


def amount(values: Values, *names: str) -> Decimal | None:
    """Rand with two decimals."""
    for name in names:
        try:
            found = Decimal(str(values[name])).quantize(Decimal("0.01"))
        except (KeyError, InvalidOperation):
            continue
        if found.is_finite():
            return found
    return None


def money(values: Values, *names: str) -> Decimal:
    """`amount`, where nothing said means nothing owed."""
    return amount(values, *names) or Decimal("0.00")


def number(values: Values, name: str, default: int = 0) -> int:
    try:
        return int(Decimal(str(values[name])))
    except (KeyError, ArithmeticError, ValueError):
        return default


def day(values: Values, *names: str) -> date | None:
    """A civil date; of an instant, its date."""
    for name in names:
        try:
            return date.fromisoformat(str(values.get(name) or "")[:10])
        except ValueError:
            continue
    return None


def instant(values: Values, *names: str) -> datetime | None:
    """An instant with its offset; one that names none could be any of a day's."""
    for name in names:
        try:
            found = datetime.fromisoformat(str(values.get(name) or ""))
        except ValueError:
            continue
        if found.tzinfo is not None:
            return found
    return None


def flag(values: Values, name: str) -> bool | None:
    """None where it is not said."""
    return {"true": True, "false": False}.get(str(values.get(name)).lower())


def items(values: Values, name: str) -> list[dict[str, Any]]:
    found = values.get(name)
    return [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []


def block(values: Values, name: str) -> dict[str, Any]:
    found = values.get(name)
    return found if isinstance(found, dict) else {}


def on_the_wire(value: Decimal | None) -> float | None:
    """Two decimals survive a JSON number exactly: 899.99 is written as 899.99."""
    return None if value is None else float(value)
