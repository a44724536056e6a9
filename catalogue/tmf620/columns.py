"""Filters and order over packages in SQL: what may be asked of offerings, specifications and prices."""

import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from django.db.models import BooleanField, F, Q, QuerySet, TextField, Value
from django.db.models.functions import Cast, Coalesce, Concat, Least

from catalogue.models import ServicePackage
from catalogue.tmf620.errors import InvalidQuery
from catalogue.tmf620.matching import as_instant, as_number
from catalogue.tmf620.patterns import safe_pattern
from catalogue.tmf620.queries import Condition, Query
from catalogue.tmf620.resources import ACTIVE, CHARGES, HARDWARE, PRICE_TYPES
from catalogue.tmf620.values import CURRENCY

Packages = QuerySet[ServicePackage]


class NothingMatches(ValueError):
    """The value is well written but nothing can have it."""


@dataclass(frozen=True)
class Column:
    """An attribute as SQL: several expressions are alternatives. `read` raises ValueError on what it cannot read."""

    read: Callable[[str], Any]
    expressions: tuple[Any, ...]
    expected: str = "a text"
    textual: bool = False


Columns = Mapping[str, Column]


def restrict(packages: Packages, query: Query, columns: Columns) -> Packages:
    """Only what meets every condition. Raises InvalidQuery for an attribute that cannot be filtered by."""
    for number, condition in enumerate(query.conditions):
        column = _column(condition.path, columns)
        met = Q()
        for alternative, expression in enumerate(column.expressions):
            alias = f"filter_{number}_{alternative}"
            packages = packages.alias(**{alias: expression})
            met |= _clause(alias, condition, column)
        packages = packages.filter(~met if condition.operator == "ne" else met)
    return packages


def sort_keys(query: Query, columns: Columns) -> dict[str, Any]:
    """`{alias: expression}` for the order asked for. Raises InvalidQuery."""
    return {
        f"sort_{number}": _column(path, columns).expressions[0] for number, (path, _) in enumerate(query.sort)
    }


def sort_terms(query: Query) -> list[Any]:
    terms = [F(f"sort_{number}") for number in range(len(query.sort))]
    return [
        term.desc(nulls_last=True) if downwards else term.asc(nulls_last=True)
        for term, (_, downwards) in zip(terms, query.sort, strict=True)
    ]


def _column(path: str, columns: Columns) -> Column:
    if path not in columns:
        raise InvalidQuery(
            f"{path[:80]} cannot be filtered or sorted by here; understood are {', '.join(columns)}."
        )
    return columns[path]


def _clause(alias: str, condition: Condition, column: Column) -> Q:
    """With ne, the clause that must not be met."""
    if condition.operator == "regex":
        if not column.textual:
            raise InvalidQuery(f"{condition.path}: a pattern needs an attribute that holds text.")
        return Q(**{f"{alias}__regex": safe_pattern(condition.values[0])})
    if condition.operator in ("eq", "ne"):
        wanted = list(_readable(condition, column))
        return Q(**{f"{alias}__in": wanted}) if wanted else Q(pk__in=[])
    wanted = list(_readable(condition, column))
    return Q(**{f"{alias}__{condition.operator}": wanted[0]}) if wanted else Q(pk__in=[])


def _readable(condition: Condition, column: Column) -> list[Any]:
    wanted, unread = [], 0
    for text in condition.values:
        try:
            wanted.append(column.read(text))
        except NothingMatches:
            continue
        except ValueError:
            unread += 1
    # The whole of a comma list is among the values; it alone need not be readable.
    if unread and not wanted:
        raise InvalidQuery(f"{condition.path} expects {column.expected}.")
    return wanted


def _uuid(text: str) -> uuid.UUID:
    try:
        return uuid.UUID(text)
    except ValueError:
        raise NothingMatches(text) from None


def _number(text: str) -> Any:
    if (number := as_number(text)) is None:
        raise ValueError(text)
    return number


def _instant(text: str) -> Any:
    if (at := as_instant(text)) is None:
        raise ValueError(text)
    return at


def _boolean(text: str) -> bool:
    if text.lower() not in ("true", "false"):
        raise ValueError(text)
    return text.lower() == "true"


def _last_segment(text: str) -> str:
    return text.rstrip("/").rpartition("/")[2]


def text(*expressions: Any) -> Column:
    return Column(str, expressions, textual=True)


def number(*expressions: Any) -> Column:
    return Column(_number, expressions, "a number")


def instant(*expressions: Any) -> Column:
    return Column(_instant, expressions, "an instant such as 2026-10-01T08:00:00Z")


def boolean(constant: bool) -> Column:
    return Column(_boolean, (Value(constant, BooleanField()),), "true or false")


def constant(value: str) -> Column:
    return text(Value(value, TextField()))


def _as_text(name: str) -> Any:
    return Cast(name, TextField())


PRICE_NOW = Coalesce("new_customer_price", "price")
INSTALLATION_NOW = Coalesce("discounted_installation_fee", "installation_fee")

_SHARED: dict[str, Column] = {
    "id": Column(_uuid, (F("id"),), "an id"),
    "href": Column(lambda href: _uuid(_last_segment(href)), (F("id"),), "an address"),
    "name": text(F("name")),
    "description": text(F("description")),
    "version": text(_as_text("version")),
    "lastUpdate": instant(F("changed_at")),
    "lifecycleStatus": constant(ACTIVE),
    "isBundle": boolean(False),
    "validFor.startDateTime": instant(F("valid_from")),
    "validFor.endDateTime": instant(Least("valid_to", "end_of_sale")),
}
OFFERING: Columns = {
    **_SHARED,
    "isBundle": Column(_boolean, (~Q(components=[]),), "true or false"),
    "isSellable": boolean(True),
    "category.name": text(F("service_type")),
    "marketSegment.id": text(F("market_segment")),
    "productSpecification.id": _SHARED["id"],
    "productSpecification.name": _SHARED["name"],
    "productOfferingTerm.duration.amount": number(F("contract_months")),
    "productOfferingPrice.price.taxIncludedAmount.value": number(
        PRICE_NOW, INSTALLATION_NOW, F("hardware_price")
    ),
    "@type": constant("ProductOffering"),
}
SPECIFICATION: Columns = {
    **_SHARED,
    "brand": text(F("service_type")),
    "productNumber": text(F("sku")),
    "@type": constant("ProductSpecification"),
}


def price_columns(charge: str, amount: Any, name: Any) -> Columns:
    """The columns of one kind of charge; `amount` and `name` are its SQL."""

    def package_of(id: str) -> uuid.UUID:
        for known in CHARGES:
            if id.endswith(f"-{known}"):
                if known == charge:
                    return _uuid(id.removesuffix(f"-{known}"))
                break
        raise NothingMatches(id)

    recurs = PRICE_TYPES[charge] != PRICE_TYPES[HARDWARE]
    return {
        "id": Column(package_of, (F("id"),), "an id"),
        "href": Column(lambda href: package_of(_last_segment(href)), (F("id"),), "an address"),
        "name": text(name),
        "version": _SHARED["version"],
        "lastUpdate": _SHARED["lastUpdate"],
        "lifecycleStatus": constant(ACTIVE),
        "isBundle": boolean(False),
        "priceType": constant(PRICE_TYPES[charge]),
        "price.value": number(amount),
        "price.unit": constant(CURRENCY),
        "recurringChargePeriodType": text(Value("month" if recurs else None, TextField())),
        "@type": constant("ProductOfferingPrice"),
    }


def price_name(title: Any) -> Any:
    return Concat("name", Value(": "), title, output_field=TextField())
