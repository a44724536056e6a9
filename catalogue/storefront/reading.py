"""Packages on sale at an instant, as JSON: as they were written down, or built where nobody has.

What stands is read with its documents; what stood is read from history and built. One statement for any page.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from catalogue.models import NoVatRate, PackageVersion, ServicePackage
from catalogue.storefront import asking
from catalogue.storefront.asking import Key, Where
from catalogue.storefront.document import SHAPE, as_json, civil_day, document
from catalogue.storefront.wire import ask

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
        base = [Where(asking.LIVE, [self.at] * 3)]
        if self.is_past:
            base.insert(0, Where(asking.STOOD, [self.at] * 2))
        return asking.both([*base, *conditions])

    def source(self) -> tuple[str, str, str]:
        return HISTORY if self.is_past else NOW


@dataclass(frozen=True, slots=True)
class Row:
    """Everything as the database wrote it."""

    text: bytes
    rest: Sequence[bytes | None]

    @property
    def slug(self) -> str:
        return (self.rest[0] or b"").decode()

    @property
    def choice(self) -> dict[str, str]:
        """What tells it from others of the same SKU."""
        return {name: (value or b"").decode() for name, value in zip(CHOICE, self.rest, strict=False)}

    @property
    def keys(self) -> list[str | None]:
        """Its values in the order that was asked for."""
        return [None if value is None else value.decode() for value in self.rest[len(CHOICE) :]]


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
    rows = ask(*statement(shelf, conditions, keys, limit=limit, offset=offset, beyond=beyond, total=total))
    if not rows:
        return Found()
    number, revision, rate = rows[0][:3]
    if rate is None:
        raise NoVatRate(f"No VAT rate is recorded for {shelf.at:%-d %b %Y}: add one under VAT rates.")
    missing = [_id(row) for row in rows if row[4] is None]
    built = _built(shelf, missing, Decimal(rate.decode())) if missing else {}
    return Found(
        [Row(text, row[5:]) for row in rows if (text := row[4] or built.get(_id(row)))],
        None if number is None else int(number),
        None if revision is None else int(revision),
    )


def count(shelf: Shelf, conditions: Sequence[Where]) -> int:
    source, text, vector = shelf.source()
    where = shelf.where(conditions)
    sql = f"SELECT count(*) FROM {source} WHERE {where.sql}"  # noqa: S608  (ours alone)
    [[number]] = ask(_named(sql, text, vector), where.values)
    return int(number or 0)


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
    every = shelf.where(conditions)
    values: list[Any] = []
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
    sql = f"SELECT {', '.join(columns)} FROM {source} WHERE {where.sql} ORDER BY {order}"  # noqa: S608
    # Written out, for a plan that is made without knowing them would not stop early.
    sql += f" LIMIT {int(limit)}" + (f" OFFSET {int(offset)}" if offset else "")
    return _named(sql, text, vector), values


def _rate(shelf: Shelf) -> tuple[str, list[Any]]:
    """That of now is known; that of another instant is looked up in the same statement."""
    if shelf.at == shelf.now and shelf.vat_rate is not None:
        return "%s::numeric", [shelf.vat_rate]
    day = civil_day(shelf.at)
    return RATE, [day, day]


def _named(sql: str, text: str, vector: str) -> str:
    return sql.replace("{text}", text).replace("{vector}", vector)


def _built(shelf: Shelf, ids: Sequence[str], rate: Decimal) -> dict[str, bytes]:
    model: Any = PackageVersion if shelf.is_past else ServicePackage
    packages = model.objects.in_bulk(ids)
    return {
        str(key): as_json(document(package, shelf.at, rate)).encode() for key, package in packages.items()
    }


def _id(row: Sequence[bytes | None]) -> str:
    return (row[3] or b"").decode()


def counts(shelf: Shelf, conditions: Sequence[Where], column: str) -> list[tuple[str, int]]:
    """Each value of a column of ours among what meets all conditions, one spelling of it, with how many have it."""
    source, text, vector = shelf.source()
    where = shelf.where(conditions)
    sql = (
        f"SELECT max(p.{column}), count(*) FROM {source} WHERE {where.sql}"  # noqa: S608
        f" GROUP BY upper(p.{column}) ORDER BY upper(p.{column})"
    )
    rows = ask(_named(sql, text, vector), where.values)
    return [((value or b"").decode(), int(number or 0)) for value, number in rows]
