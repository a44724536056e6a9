"""Filters and order over documents: what is on sale, drafts, and events before they are sent.

Offerings, specifications and prices can be asked for by what `KNOWN` lists; other kinds by any attribute.
"""

import operator
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

COMPARE = {"eq": operator.eq, "gt": operator.gt, "gte": operator.ge, "lt": operator.lt, "lte": operator.le}


def filtered(documents: list[Document], query: Query) -> list[Document]:
    """Those that meet every condition, in the order asked for; equals keep theirs, and what has no value goes last."""
    kept = [document for document in documents if all(meets(document, c) for c in query.conditions)]
    for path, downwards in reversed(query.sort):
        kept.sort(key=lambda document: _sort_key(document, path, downwards), reverse=downwards)
    return kept


def meets(document: Document, condition: Condition) -> bool:
    """Whether any value found at the path agrees; with ne, whether none of them is one of the values."""
    found = list(found_at(document, condition.path))
    if condition.operator == "ne":
        return not any(_agrees(value, text, "eq") for value in found for text in condition.values)
    if condition.operator == "regex":
        pattern = re.compile(safe_pattern(condition.values[0]))
        return any(isinstance(value, str) and pattern.search(value) for value in found)
    return any(_agrees(value, text, condition.operator) for value in found for text in condition.values)


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


def _agrees(value: Any, text: str, how: str) -> bool:
    """Numbers and instants are compared as such, anything else as text; what is true or false has no order."""
    pair: tuple[Any, Any] = value, text
    if isinstance(value, bool):
        return how == "eq" and str(value).lower() == text.lower()
    if isinstance(value, int | float):
        pair = Decimal(str(value)), as_number(text)
    elif isinstance(value, str):
        instants = as_instant(value), as_instant(text)
        pair = pair if None in instants else instants
    else:
        return False
    return pair[1] is not None and COMPARE[how](*pair)


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
_SHARED = ("id", "href", "name", "version", "lastUpdate", "lifecycleStatus", "isBundle", "@type")
_OF_A_PACKAGE = (*_SHARED, "description", "validFor.startDateTime", "validFor.endDateTime")
KNOWN: Mapping[Kind, tuple[str, ...]] = {
    Kind.OFFERING: (
        *_OF_A_PACKAGE,
        "isSellable",
        "category.id",
        "category.name",
        "marketSegment.id",
        "productSpecification.id",
        "productSpecification.name",
        "productOfferingTerm.duration.amount",
        AMOUNT,
    ),
    Kind.SPECIFICATION: (*_OF_A_PACKAGE, "brand", "productNumber"),
    Kind.PRICE: (*_SHARED, "priceType", "price.value", "price.unit", "recurringChargePeriodType"),
}
# Any other is a text.
TYPES = {
    **dict.fromkeys(("lastUpdate", "validFor.startDateTime", "validFor.endDateTime"), INSTANT),
    **dict.fromkeys(("isBundle", "isSellable"), BOOLEAN),
    **dict.fromkeys(("productOfferingTerm.duration.amount", AMOUNT, "price.value"), NUMBER),
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
        type_ = TYPES.get(condition.path, TEXT)
        if condition.operator == "regex" and type_ is not TEXT:
            raise InvalidQuery(f"{condition.path}: a pattern needs an attribute that holds text.")
        # The whole of a comma list is among the values; it alone need not be readable.
        if condition.operator != "regex" and all(type_.read(text) is None for text in condition.values):
            raise InvalidQuery(f"{condition.path} expects {type_.expected}.")
