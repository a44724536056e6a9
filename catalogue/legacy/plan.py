"""What a migration would do with each row. Reads, and writes nothing."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from catalogue.content import product_content
from catalogue.legacy.mapping import ColumnMapping, map_columns
from catalogue.legacy.matching import Ambiguous, Catalogue, Found
from catalogue.legacy.reading import LegacyProblem, Options, Reader, ReadRow
from catalogue.legacy.source import LegacyTrouble, Row, Session, Table, rows_of
from catalogue.models import FoundBy, LegacyProduct, LegacyTable, Product, ProductStatus
from catalogue.product_import.parsing import Key
from catalogue.product_import.plan import NOTHING, PlannedRow, wanted_content


class Outcome(StrEnum):
    NEW = "new"
    CHANGED = "changed"
    UNCHANGED = "migrated before"
    THERE = "in the catalogue already"
    EDITED = "edited in the catalogue since"
    SKIPPED = "not active, left out"
    CANNOT = "cannot"


@dataclass(frozen=True)
class LegacyRow:
    """One row and what becomes of it. `planned` is set for what would be written."""

    read: ReadRow
    outcome: Outcome
    found: Found | None = None
    planned: PlannedRow | None = None
    link: LegacyProduct | None = None
    content: dict[str, Any] = field(default_factory=dict)
    problems: tuple[LegacyProblem, ...] = ()


@dataclass(frozen=True)
class Plan:
    """`missing` are required fields that no column or default gives; with any, no new row can be migrated."""

    table: Table
    mapping: ColumnMapping
    missing: list[str]
    rows: list[LegacyRow]

    def of(self, *outcomes: Outcome) -> list[LegacyRow]:
        return [row for row in self.rows if row.outcome in outcomes]

    @property
    def counts(self) -> dict[str, int]:
        counted = Counter(row.outcome for row in self.rows)
        return {outcome.value: counted[outcome] for outcome in Outcome}

    @property
    def problems(self) -> list[LegacyProblem]:
        return [problem for row in self.rows for problem in row.problems]


def plan_migration(session: Session, table: Table, options: Options) -> Plan:
    """Raises LegacyTrouble when the options do not fit the table, or its key does not tell its rows apart."""
    reader = Reader(map_columns(table, options.maps), options)
    rows = [reader.read(row) for row in _with_distinct_ids(table, rows_of(session, table))]
    planner = _Planner(table, options, cannot_be_new=bool(reader.missing))
    return Plan(table, reader.mapping, reader.missing, [planner.plan(row) for row in rows])


class _Planner:
    def __init__(self, table: Table, options: Options, *, cannot_be_new: bool) -> None:
        self._options, self._cannot_be_new = options, cannot_be_new
        self._catalogue = Catalogue()
        self._links = _links(table)
        self._first_with: dict[Key, str] = {}

    def plan(self, row: ReadRow) -> LegacyRow:
        link = self._links.get(row.id)
        if link is not None and link.found_by == FoundBy.MIGRATION:
            return self._migrated_before(row, link)
        if link is not None:
            return LegacyRow(row, Outcome.THERE, link=link)
        try:
            found = self._catalogue.find(row)
        except Ambiguous as several:
            expected = f"one product of this {_words(several.by)}, but there are {several}"
            return _refused(row, LegacyProblem(row.id, "", row.values["name"], expected))
        if found:
            return LegacyRow(row, Outcome.THERE, found)
        if not row.is_active and self._options.skip_inactive:
            return LegacyRow(row, Outcome.SKIPPED)
        return self._new(row)

    def _new(self, row: ReadRow) -> LegacyRow:
        if row.problems or self._cannot_be_new or row.key is None:
            return _refused(row)
        if (first := self._first_with.setdefault(row.key, row.id)) != row.id:
            expected = f"each SKU once per segment and provider, but row {first} has the same"
            return _refused(row, LegacyProblem(row.id, "", row.values["sku"], expected))
        content = wanted_content(NOTHING, row.said, is_new=True)
        return LegacyRow(row, Outcome.NEW, planned=PlannedRow(0, None, NOTHING, content), content=content)

    def _migrated_before(self, row: ReadRow, link: LegacyProduct) -> LegacyRow:
        if row.problems or self._cannot_be_new:
            return _refused(row)
        content = wanted_content(NOTHING, row.said, is_new=True)
        if content == link.content:
            return LegacyRow(row, Outcome.UNCHANGED, link=link)
        product = link.product
        untouched = product.version == link.product_version and product.status == ProductStatus.DRAFT
        if not untouched:
            return LegacyRow(row, Outcome.EDITED, link=link)
        before = product_content(product)
        planned = PlannedRow(0, product, before, wanted_content(before, row.said, is_new=False))
        return LegacyRow(row, Outcome.CHANGED, planned=planned, link=link, content=content)


def _refused(row: ReadRow, *more: LegacyProblem) -> LegacyRow:
    return LegacyRow(row, Outcome.CANNOT, problems=(*row.problems, *more))


def _words(by: FoundBy) -> str:
    return "SKU" if by == FoundBy.SKU else "name and price"


def _links(table: Table) -> dict[str, LegacyProduct]:
    tables = LegacyTable.objects.filter(database=table.database, schema=table.schema, name=table.name)
    links = list(LegacyProduct.objects.filter(table__in=tables))
    products = Product.objects.with_content().in_bulk({link.product_id for link in links})
    for link in links:
        link.product = products[link.product_id]
    return {link.legacy_id: link for link in links}


def _with_distinct_ids(table: Table, rows: Iterable[Row]) -> Iterable[Row]:
    seen: set[str] = set()
    for row in rows:
        if not row.id or row.id in seen:
            found = f"{row.id} stands in two rows" if row.id else "it is empty in a row"
            raise LegacyTrouble(
                f"{table.key!r} does not tell the rows of {table} apart: {found}. Name another with --key COLUMN."
            )
        seen.add(row.id)
        yield row
