"""What offerings, specifications and prices can be filtered and sorted by. Other kinds take any attribute."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from catalogue.tmf620.dialects import Kind
from catalogue.tmf620.errors import InvalidQuery
from catalogue.tmf620.matching import as_instant, as_number
from catalogue.tmf620.queries import Query


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
