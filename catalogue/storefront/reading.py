"""Packages on sale at an instant, as JSON: as they were written down, or built where nobody has.

What stands is read with its documents; what stood is read from history and built. One statement for any page.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db import connection

from catalogue.models import NoVatRate, PackageVersion, ServicePackage
from catalogue.storefront import asking
from catalogue.storefront.asking import Key, Where
from catalogue.storefront.document import SHAPE, as_json, civil_day, document

CHOICE = ("slug", "sku", "market_segment", "provider")
REVISION = "(SELECT r.revision FROM catalogue_revision r)"
RATE = "(SELECT v.rate FROM vat_rates v WHERE v.valid_from <= %s AND (v.valid_to IS NULL OR v.valid_to > %s))"
TEXT = """CASE WHEN d.shape = %s AND d.vat_rate = {rate} THEN
    CASE WHEN d.promoted_text IS NOT NULL AND (d.promotion_begins IS NULL OR d.promotion_begins <= %s)
              AND (d.promotion_ends IS NULL OR d.promotion_ends > %s)
         THEN d.promoted_text ELSE d.text END END"""
NOW = (
    "service_packages p JOIN service_package_documents d ON d.package_id = p.id",
    "d.search_text",
    "d.search_vector",
)
HISTORY = (
    "service_package_versions p",
    "storefront_search_text(p.name, p.sku, p.description, p.features)",
    "storefront_search_vector(p.name, p.sku, p.description, p.features)",
)  # fmt: skip


@dataclass(frozen=True)
class Shelf:
    """What is on sale `at` an instant, seen from `now`; `vat_rate` is that of now, or None when unknown."""

    now: datetime
    at: datetime
    vat_rate: Decimal | None

    @property
    def is_past(self) -> bool:
        return self.at < self.now

    @property
    def id(self) -> Key:
        return Key("p.id", "bigint" if self.is_past else "uuid")

    def where(self, conditions: Sequence[Where]) -> Where:
        base = asking.stood(self.at) if self.is_past else asking.on_sale(self.at)
        return asking.both([base, *conditions])

    def source(self) -> tuple[str, str, str]:
        return HISTORY if self.is_past else NOW


@dataclass(frozen=True)
class Row:
    text: str
    keys: Sequence[str | None]
    choice: Sequence[str]


@dataclass(frozen=True)
class Found:
    rows: list[Row] = field(default_factory=list)
    total: int | None = None
    revision: int | None = None
    """That of the moment it was read; None when nothing was found."""


def read(
    shelf: Shelf,
    conditions: Sequence[Where],
    keys: Sequence[Key],
    *,
    limit: int,
    offset: int = 0,
    beyond: Where | None = None,
    total: bool = False,
) -> Found:
    """Up to `limit` packages that meet all conditions, in the order of the keys, from after `beyond` on.

    `total` counts all that meet the conditions. Raises NoVatRate when something is found and no rate is recorded.
    """
    rows = _rows(shelf, conditions, keys, limit=limit, offset=offset, beyond=beyond, total=total)
    if not rows:
        return Found()
    number, revision, rate = rows[0][:3]
    if rate is None:
        raise NoVatRate(f"No VAT rate is recorded for {shelf.at:%-d %b %Y}: add one under VAT rates.")
    missing = [row[3] for row in rows if row[4] is None]
    built = _built(shelf, missing, rate) if missing else {}
    width = len(CHOICE)
    return Found(
        [
            Row(row[4] or built[row[3]], row[5 + width :], row[5 : 5 + width])
            for row in rows
            if row[4] or row[3] in built
        ],
        number,
        revision,
    )


def count(shelf: Shelf, conditions: Sequence[Where]) -> int:
    source, text, vector = shelf.source()
    where = shelf.where(conditions)
    sql = f"SELECT count(*) FROM {source} WHERE {where.sql}"  # noqa: S608  (ours alone)
    with connection.cursor() as cursor:
        cursor.execute(_named(sql, text, vector), where.values)
        return int(cursor.fetchone()[0])


def _rows(
    shelf: Shelf,
    conditions: Sequence[Where],
    keys: Sequence[Key],
    *,
    limit: int,
    offset: int,
    beyond: Where | None,
    total: bool,
) -> list[Any]:
    sql, values = statement(shelf, conditions, keys, limit=limit, offset=offset, beyond=beyond, total=total)
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        return cursor.fetchall()


def statement(
    shelf: Shelf,
    conditions: Sequence[Where],
    keys: Sequence[Key],
    *,
    limit: int,
    offset: int = 0,
    beyond: Where | None = None,
    total: bool = False,
) -> tuple[str, list[Any]]:
    """The one statement behind a page, and its values: total, revision, VAT rate, id, text, choice, keys."""
    source, text, vector = shelf.source()
    every, values = shelf.where(conditions), []
    columns = []
    if total:
        columns.append(f"(SELECT count(*) FROM {source} WHERE {every.sql})")  # noqa: S608
        values += every.values
    else:
        columns.append("NULL")
    columns.append(REVISION)
    rate, rate_values = _rate(shelf)
    columns.append(rate)
    values += rate_values
    columns.append("p.id")
    if shelf.is_past:
        columns.append("NULL")
    else:
        columns.append(TEXT.format(rate=rate))
        values += [SHAPE, *rate_values, shelf.at, shelf.at]
    columns += [f"p.{name}" for name in CHOICE]
    for key in keys:
        columns.append(f"({key.sql})::text")
        values += key.values
    where = asking.both([every, *([beyond] if beyond else [])])
    values += where.values
    order = ", ".join(key.order for key in keys)
    values += [value for key in keys for value in key.values]
    sql = f"SELECT {', '.join(columns)} FROM {source} WHERE {where.sql} ORDER BY {order} LIMIT %s"  # noqa: S608
    values.append(limit)
    if offset:
        sql += " OFFSET %s"
        values.append(offset)
    return _named(sql, text, vector), values


def _rate(shelf: Shelf) -> tuple[str, list[Any]]:
    """That of now is known; that of another instant is looked up in the same statement."""
    if shelf.at == shelf.now and shelf.vat_rate is not None:
        return "%s::numeric", [shelf.vat_rate]
    day = civil_day(shelf.at)
    return RATE, [day, day]


def _named(sql: str, text: str, vector: str) -> str:
    return sql.replace("{text}", text).replace("{vector}", vector)


def _built(shelf: Shelf, ids: Sequence[Any], rate: Decimal) -> dict[Any, str]:
    model: Any = PackageVersion if shelf.is_past else ServicePackage
    packages = model.objects.in_bulk(ids)
    return {key: as_json(document(package, shelf.at, rate)) for key, package in packages.items()}


def counts(shelf: Shelf, conditions: Sequence[Where], column: str) -> list[tuple[str, int]]:
    """Each value of a column of ours among what meets all conditions, one spelling of it, with how many have it."""
    source, text, vector = shelf.source()
    where = shelf.where(conditions)
    sql = (
        f"SELECT max(p.{column}), count(*) FROM {source} WHERE {where.sql}"  # noqa: S608
        f" GROUP BY upper(p.{column}) ORDER BY upper(p.{column})"
    )
    with connection.cursor() as cursor:
        cursor.execute(_named(sql, text, vector), where.values)
        return [(value, number) for value, number in cursor.fetchall()]
