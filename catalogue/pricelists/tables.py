"""A workbook that came from outside: its sheets, and a supplier's tables in them, found by their titles.

The tables may stand anywhere, several to a sheet.
"""

import io
import pickle
import re
import struct
import subprocess
import sys
import zipfile
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from itertools import chain, groupby
from operator import itemgetter
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Any, cast

from catalogue.models import ColumnMapping, MappedColumn
from circletel.core.errors import Refused

LARGEST_FILE_MB = 30
# A workbook is a zip: a small file may unpack to more than a machine holds.
LARGEST_UNPACKED_MB = 400
READER = Path(__file__).with_name("reader.py")
# A list of 17,500 deals takes 40 MB and 0.2 s, the largest file that is taken 680 MB and 6 s.
LARGEST_READER_MB = 1_000
LONGEST_READER_SECONDS = 60

Row = list[Any]
# Enough of a table's titles to say: this was meant to be that table, and a column was renamed.
NEARLY = 0.6


class UnreadableWorkbook(Refused):
    """The file as a whole cannot be used; nothing of it was."""


@dataclass(frozen=True, slots=True)
class TableRow:
    """A row of a table. Its `cells` are those of the mapping's columns that the table has, by the column's id."""

    mapping: ColumnMapping
    sheet: str
    number: int
    cells: dict[int, Any]


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


def _rows_of_sheet(
    sheet: str, rows: Iterator[tuple[int, Row]], layouts: list[_Layout], found: Found
) -> Iterator[TableRow]:
    layout: _Layout | None = None
    places: dict[int, int] = {}
    for number, row in rows:
        if not any(cell != "" for cell in row):
            layout = None if layout and layout.mapping.ends_at_blank_row else layout
            continue
        header = [same_title(cell) if isinstance(cell, str) else "" for cell in row]
        if recognised := _recognised(set(header), layouts):
            layout, places = recognised, recognised.places(sheet, number, header)
            found.mappings.add(layout.mapping.pk)
        elif layout is None:
            _look_closer(sheet, number, set(header), layouts, found)
        else:
            # A row may end before its last columns.
            cells = {pk: row[index] if index < len(row) else "" for index, pk in places.items()}
            yield TableRow(layout.mapping, sheet, number, cells)


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


def sheets(content: bytes) -> Iterator[tuple[str, Iterator[tuple[int, Row]]]]:
    """Each worksheet's name and its rows, read as they come. Cells are str, float, bool, date, datetime; "" is empty.

    A row ends with its last cell that is not empty; of several blank rows only the first is there. Sheets without
    rows are left out. Raises UnreadableWorkbook, in the middle as well.
    """
    _ensure_reasonable(content)
    with closing(_batches(content)) as batches:
        for (_place, name), group in groupby(batches, key=itemgetter(0, 1)):
            yield name, chain.from_iterable(rows for _, _, rows in group)


def _batches(content: bytes) -> Generator[tuple[int, str, list[tuple[int, Row]]]]:
    """What `reader.py` writes, in a process that may die of the file without taking this one along."""
    limits = (str(LARGEST_READER_MB), str(LONGEST_READER_SECONDS))
    with TemporaryFile() as file:
        file.write(content)
        file.seek(0)
        # -I: neither the environment nor the folder decides what it imports.
        command = [sys.executable, "-I", str(READER), *limits]
        process = subprocess.Popen(command, stdin=file, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)  # noqa: S603
    written = cast("IO[bytes]", process.stdout)
    try:
        # It comes from our own program, not from the file.
        while isinstance(said := pickle.load(written), tuple):  # noqa: S301
            yield said
    except (EOFError, pickle.UnpicklingError) as trouble:
        raise UnreadableWorkbook(
            f"the file is damaged, or has a cell so far out that reading it takes more than {LARGEST_READER_MB} MB:"
            " delete the empty columns and rows behind the last filled one and save it again"
        ) from trouble
    finally:
        process.kill()
        process.wait()
        written.close()
    if said is not None:
        raise UnreadableWorkbook(
            f"the file cannot be read as a workbook ({said}): save it as an Excel workbook (.xlsx)"
        )


def _ensure_reasonable(content: bytes) -> None:
    if not content:
        raise UnreadableWorkbook("the file is empty")
    if len(content) > LARGEST_FILE_MB * 1024 * 1024:
        raise UnreadableWorkbook(
            f"the file has {len(content) / 1024 / 1024:.0f} MB; at most {LARGEST_FILE_MB} MB are read"
        )
    if not content.startswith(b"PK"):
        return
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            unpacked = sum(entry.file_size for entry in archive.infolist())
    except (zipfile.BadZipFile, NotImplementedError, ValueError, struct.error) as trouble:
        # A version of zip that nobody has, a name that is no text: a few altered bytes say anything.
        raise UnreadableWorkbook("the file is damaged: ask for it again") from trouble
    if unpacked > LARGEST_UNPACKED_MB * 1024 * 1024:
        raise UnreadableWorkbook(
            f"the workbook unpacks to {unpacked / 1024 / 1024:.0f} MB; at most {LARGEST_UNPACKED_MB} MB are read"
        )
