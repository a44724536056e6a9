"""From a value of the legacy table, as JSON, to what a person would write into a cell of an import file.

What cannot be understood is passed on as it is, so that the import's own reader refuses it by name.
"""

import json
import re
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any
from zoneinfo import ZoneInfo

ToCell = Callable[[Any], str]

CIVIL = ZoneInfo("Africa/Johannesburg")
# What the predecessor called its customers.
SEGMENTS = {
    "residential": "consumer",
    "home": "consumer",
    "personal": "consumer",
    "private": "consumer",
    "b2c": "consumer",
    "sme": "business",
    "smme": "business",
    "smb": "business",
    "corporate": "business",
    "enterprise": "business",
    "b2b": "business",
}
MONTH_TO_MONTH = {
    "0", "m2m", "mtm", "month to month", "month-to-month", "month_to_month", "monthly", "none", "no contract",
}  # fmt: skip
_NAMES_IN_OBJECTS = ("name", "title", "text", "label", "feature", "model")


def plain(value: Any) -> str:
    """Numbers without the zeros a numeric column adds; null as empty."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float | Decimal):
        return _number(Decimal(str(value)))
    if isinstance(value, list | dict):
        return json.dumps(value, default=str, ensure_ascii=False)
    return str(value)


def amount(value: Any) -> str:
    """An amount in a text column may have the zeros of a numeric one."""
    cell = plain(value).strip()
    if re.fullmatch(r"[0-9]+\.[0-9]{3,}", cell):
        return _number(Decimal(cell))
    return cell


def megabits(value: Any) -> str:
    """`100 Mbps` and `1 Gbps` as 100 and 1000; 0 is how many tables say that none is promised."""
    cell = plain(value).strip()
    match = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?)\s*(m|g)(?:bps|b/s|bit/s|bits/s)?", cell, re.IGNORECASE)
    if match:
        cell = _number(Decimal(match[1]) * (1000 if match[2].lower() == "g" else 1))
    return "" if cell == "0" else cell


def months(value: Any) -> str:
    """`24 months` as 24; 0 as none."""
    cell = re.sub(r"\s*(?:months?|mths?|m)\.?$", "", plain(value).strip(), flags=re.IGNORECASE)
    return "" if cell == "0" else cell


def contract(value: Any) -> str:
    """`24 months` as 24; no contract and month to month as 1."""
    cell = plain(value).strip()
    return "1" if cell.casefold() in MONTH_TO_MONTH else months(cell)


def segment(value: Any) -> str:
    cell = plain(value).strip()
    return SEGMENTS.get(cell.casefold(), cell)


def day(value: Any) -> str:
    """The civil day in South Africa of a date or an instant."""
    cell = plain(value).strip()
    try:
        instant = datetime.fromisoformat(cell)
    except ValueError:
        return cell
    return (instant.astimezone(CIVIL) if instant.tzinfo else instant).date().isoformat()


def device(value: Any) -> str:
    """A name, or the name in an object; an object without content is no device."""
    value = _parsed(value)
    if isinstance(value, dict) and (name := _named(value)):
        return name
    return "" if value in ({}, []) else plain(value)


def features(value: Any) -> str:
    """A list, an object, or text with a line, a semicolon or a bar between its parts; `|` between them after."""
    value = _parsed(value)
    if isinstance(value, list):
        return "|".join(_feature(one) for one in value)
    if isinstance(value, dict):
        pairs = [name if said is True else f"{name}: {plain(said)}" for name, said in value.items() if said]
        return "|".join(pairs)
    return re.sub(r"[\n;]+", "|", plain(value))


def _feature(value: Any) -> str:
    # A bar inside one feature would make two of it.
    said = _named(value) if isinstance(value, dict) else plain(value)
    return (said or plain(value)).replace("|", "/")


def _named(value: dict[str, Any]) -> str | None:
    return next((str(value[key]) for key in _NAMES_IN_OBJECTS if value.get(key)), None)


def _parsed(value: Any) -> Any:
    """JSON that sits in a text column."""
    if isinstance(value, str) and value.strip()[:1] in ("[", "{"):
        try:
            return json.loads(value, parse_float=Decimal)
        except ValueError:
            return value
    return value


def _number(value: Decimal) -> str:
    """100.000 as 100, 899.5000 as 899.50; 899.125 stays, for a cent is not ours to round."""
    try:
        cents = value.quantize(Decimal("0.01"))
    except InvalidOperation:  # not a number, or beyond any amount
        return str(value)
    if cents != value:
        return f"{value.normalize():f}"
    return f"{int(value)}" if value == value.to_integral_value() else f"{cents:f}"
