"""Filters and order over documents: what is on sale, drafts, and events before they are sent."""

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from django.utils.dateparse import parse_datetime

from catalogue.tmf620.patterns import safe_pattern
from catalogue.tmf620.queries import Condition, Query
from catalogue.tmf620.values import Document

COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "gt": lambda a, b: a > b,
    "gte": lambda a, b: a >= b,
    "lt": lambda a, b: a < b,
    "lte": lambda a, b: a <= b,
}


def filtered(documents: list[Document], query: Query) -> list[Document]:
    """Those that meet every condition, in the order asked for; equals keep theirs, and what has no value goes last."""
    kept = [document for document in documents if all(meets(document, c) for c in query.conditions)]
    for path, downwards in reversed(query.sort):
        kept.sort(key=lambda document: _sort_key(document, path, downwards), reverse=downwards)
    return kept


def meets(document: Document, condition: Condition) -> bool:
    """Whether any value found at the path agrees; with ne, whether none of them is one of the values."""
    found = list(found_at(document, condition.path))
    if condition.operator in ("eq", "ne"):
        equal = any(_equal(value, text) for value in found for text in condition.values)
        return equal if condition.operator == "eq" else not equal
    text = condition.values[0]
    if condition.operator == "regex":
        pattern = re.compile(safe_pattern(text))
        return any(isinstance(value, str) and pattern.search(value) for value in found)
    return any(_ordered(value, text, COMPARE[condition.operator]) for value in found)


def found_at(value: Any, path: str) -> Iterator[Any]:
    """Every value at a dotted path; lists on the way are looked into."""
    if isinstance(value, list):
        for item in value:
            yield from found_at(item, path)
        return
    head, _, rest = path.partition(".")
    if isinstance(value, dict) and head in value:
        if rest:
            yield from found_at(value[head], rest)
        elif isinstance(value[head], list):
            yield from value[head]
        else:
            yield value[head]


def as_instant(text: str) -> datetime | None:
    try:
        at = parse_datetime(text.strip().replace(" ", "+"))
    except ValueError:
        return None
    if at is None or not 1900 <= at.year <= 9000:  # what no time zone can push out of a calendar
        return None
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def as_number(text: str) -> Decimal | None:
    try:
        number = Decimal(text)
    except InvalidOperation:
        return None
    return number if number.is_finite() and abs(number) < 10**12 else None


def _equal(value: Any, text: str) -> bool:
    if isinstance(value, bool):
        return str(value).lower() == text.lower()
    if isinstance(value, int | float):
        return Decimal(str(value)) == as_number(text)
    if isinstance(value, str):
        instant = as_instant(value)
        return value == text or (instant is not None and instant == as_instant(text))
    return False


def _ordered(value: Any, text: str, compare: Callable[[Any, Any], bool]) -> bool:
    if isinstance(value, bool):
        return False
    if isinstance(value, int | float):
        number = as_number(text)
        return number is not None and compare(Decimal(str(value)), number)
    if isinstance(value, str):
        instant, asked = as_instant(value), as_instant(text)
        if instant is not None and asked is not None:
            return compare(instant, asked)
        return compare(value, text)
    return False


def _sort_key(document: Document, path: str, downwards: bool) -> tuple[int, Any]:
    value = next(found_at(document, path), None)
    if value is None:
        return (-1 if downwards else 3), 0.0
    if isinstance(value, bool | int | float):
        return 1, float(value)
    instant = as_instant(str(value))
    return 2, f"{instant.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%f}" if instant else str(value)
