"""Filters and order over documents: what is on sale, drafts, and events before they are sent.

Offerings, specifications and prices can be asked for by what `KNOWN` lists; other kinds by any attribute.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from django.utils.dateparse import parse_datetime

from catalogue.tmf620.dialects import Kind
from catalogue.tmf620.errors import InvalidQuery
from catalogue.tmf620.queries import Condition, Query, safe_pattern
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


@dataclass(frozen=True)
class Type:
    """`read` answers None for what it cannot read."""

    read: Callable[[str], Any]
    expected: str


TEXT = Type(str, "a text")
NUMBER = Type(as_number, "a number")
INSTANT = Type(as_instant, "an instant such as 2026-10-01T08:00:00Z")
BOOLEAN = Type(lambda text: {"true": True, "false": False}.get(text.lower()), "true or false")

AMOUNT = "productOfferingPrice.price.taxIncludedAmount.value"
_SHARED = {
    "id": TEXT,
    "href": TEXT,
    "name": TEXT,
    "version": TEXT,
    "lastUpdate": INSTANT,
    "lifecycleStatus": TEXT,
    "isBundle": BOOLEAN,
    "@type": TEXT,
}
_OF_A_PACKAGE = {
    **_SHARED,
    "description": TEXT,
    "validFor.startDateTime": INSTANT,
    "validFor.endDateTime": INSTANT,
}
KNOWN: Mapping[Kind, Mapping[str, Type]] = {
    Kind.OFFERING: {
        **_OF_A_PACKAGE,
        "isSellable": BOOLEAN,
        "category.id": TEXT,
        "category.name": TEXT,
        "marketSegment.id": TEXT,
        "productSpecification.id": TEXT,
        "productSpecification.name": TEXT,
        "productOfferingTerm.duration.amount": NUMBER,
        AMOUNT: NUMBER,
    },
    Kind.SPECIFICATION: {**_OF_A_PACKAGE, "brand": TEXT, "productNumber": TEXT},
    Kind.PRICE: {
        **_SHARED,
        "priceType": TEXT,
        "price.value": NUMBER,
        "price.unit": TEXT,
        "recurringChargePeriodType": TEXT,
    },
}


def ensure_known(kind: Kind, query: Query) -> None:
    """Raises InvalidQuery for an attribute that cannot be asked for, and for a value it cannot have."""
    known = KNOWN.get(kind)
    if known is None:
        return
    for path in (*(condition.path for condition in query.conditions), *(path for path, _ in query.sort)):
        if path not in known:
            raise InvalidQuery(
                f"{path[:80]} cannot be filtered or sorted by here; understood are {', '.join(known)}."
            )
    for condition in query.conditions:
        type_ = known[condition.path]
        if condition.operator == "regex" and type_ is not TEXT:
            raise InvalidQuery(f"{condition.path}: a pattern needs an attribute that holds text.")
        # The whole of a comma list is among the values; it alone need not be readable.
        if condition.operator != "regex" and all(type_.read(text) is None for text in condition.values):
            raise InvalidQuery(f"{condition.path} expects {type_.expected}.")
