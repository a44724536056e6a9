"""Finding a supplier's tables in a workbook: by their titles, wherever they stand, several to a sheet."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from catalogue.models import ColumnMapping, MappedColumn
from catalogue.pricelists.workbook import Row, UnreadableWorkbook, sheets

# Enough of a table's titles to say: this was meant to be that table, and a column was renamed.
NEARLY = 0.6


@dataclass(frozen=True, slots=True)
class TableRow:
    """A row of a table, with the cell of each column that the mapping knows. `columns` are those there, by field."""

    mapping: ColumnMapping
    sheet: str
    number: int
    cells: dict[int, Any]
    """By the column's id."""
    columns: dict[str, list[MappedColumn]]


@dataclass
class Found:
    """What stood in the workbook beside the rows, gathered while these are read."""

    mappings: set[int] = field(default_factory=set)
    outside: dict[str, int] = field(default_factory=dict)
    nearest: tuple[float, str] = (0.0, "")
    near: list[str] = field(default_factory=list)

    @property
    def remarks(self) -> list[str]:
        return self.near + [
            f"sheet “{sheet}”: {number} row{'s' if number != 1 else ''} outside of any known table, not read"
            for sheet, number in self.outside.items()
        ]


def table_rows(content: bytes, mappings: Sequence[ColumnMapping], found: Found) -> Iterator[TableRow]:
    """Every row of every table, as it is read. Raises UnreadableWorkbook; also at the end, when no table was there.

    The mappings come with their columns prefetched.
    """
    layouts = [_Layout(mapping) for mapping in mappings]
    for name, rows in sheets(content):
        yield from _rows_of_sheet(name, rows, layouts, found)
    if not found.mappings:
        hint = found.nearest[1] or "none of its rows has the titles of a mapping"
        raise UnreadableWorkbook(f"no price table was found in the workbook: {hint}")


def same_title(title: Any) -> str:
    """`title` without regard to capitals, blanks and punctuation."""
    return re.sub(r"[\W_]+", "", str(title).casefold())


class _Layout:
    """A mapping, ready to be compared with rows."""

    def __init__(self, mapping: ColumnMapping) -> None:
        self.mapping = mapping
        self.columns = list(mapping.columns.all())
        self.titles = {
            column.pk: {same_title(one) for one in column.title.split("|")} for column in self.columns
        }
        self.required = [column for column in self.columns if column.required]

    def missing(self, titles: set[str]) -> list[MappedColumn]:
        return [column for column in self.required if not self.titles[column.pk] & titles]

    def places(self, sheet: str, number: int, header: list[str]) -> dict[int, int]:
        """Where each column stands: {index in the row: the column's id}."""
        places: dict[int, int] = {}
        for column in self.columns:
            at = [index for index, title in enumerate(header) if title and title in self.titles[column.pk]]
            if len(at) > 1:
                raise UnreadableWorkbook(
                    f"sheet “{sheet}”, row {number}: the column “{column.title}” stands there twice; which one counts?"
                )
            if at:
                places[at[0]] = column.pk
        return places

    def by_field(self, places: dict[int, int]) -> dict[str, list[MappedColumn]]:
        """The columns that stand in the header, by what they mean."""
        there, found = set(places.values()), dict[str, list[MappedColumn]]()
        for column in self.columns:
            if column.pk in there:
                found.setdefault(column.field, []).append(column)
        return found


def _rows_of_sheet(
    sheet: str, rows: Iterator[tuple[int, Row]], layouts: list[_Layout], found: Found
) -> Iterator[TableRow]:
    layout: _Layout | None = None
    places: dict[int, int] = {}
    columns: dict[str, list[MappedColumn]] = {}
    for number, row in rows:
        if not any(cell != "" for cell in row):
            layout = None if layout and layout.mapping.ends_at_blank_row else layout
            continue
        header = [same_title(cell) if isinstance(cell, str) else "" for cell in row]
        if recognised := _recognised(set(header), layouts):
            layout, places = recognised, recognised.places(sheet, number, header)
            columns = recognised.by_field(places)
            found.mappings.add(layout.mapping.pk)
        elif layout is None:
            _look_closer(sheet, number, set(header), layouts, found)
        else:
            # A row may end before its last columns.
            cells = {pk: row[index] if index < len(row) else "" for index, pk in places.items()}
            yield TableRow(layout.mapping, sheet, number, cells, columns)


def _recognised(titles: set[str], layouts: list[_Layout]) -> _Layout | None:
    """The layout with the most required titles, all of which are there."""
    complete = [layout for layout in layouts if layout.required and not layout.missing(titles)]
    return max(complete, key=lambda layout: len(layout.required), default=None)


def _look_closer(sheet: str, number: int, titles: set[str], layouts: list[_Layout], found: Found) -> None:
    found.outside[sheet] = found.outside.get(sheet, 0) + 1
    for layout in layouts:
        missing = layout.missing(titles)
        share = 1 - len(missing) / max(1, len(layout.required))
        if share <= found.nearest[0] and share < NEARLY:
            continue
        names = ", ".join(f"“{column.title}”" for column in missing)
        sentence = (
            f"sheet “{sheet}”, row {number} looks like the titles of “{layout.mapping.name}”, but {names} "
            f"{'is' if len(missing) == 1 else 'are'} missing: mend the title there or in the mapping"
        )
        if share > found.nearest[0]:
            found.nearest = share, sentence
        if share >= NEARLY:
            found.near.append(sentence)
