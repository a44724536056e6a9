"""Opening a workbook that came from outside: rows of cells, numbered as the spreadsheet shows them."""

import io
import struct
import zipfile
from collections.abc import Iterator
from typing import Any

from python_calamine import CalamineError, CalamineWorkbook, SheetTypeEnum

from catalogue.errors import Refused

LARGEST_FILE_MB = 30
# A workbook is a zip: a small file may unpack to more than a machine holds.
LARGEST_UNPACKED_MB = 400

Row = list[Any]


class UnreadableWorkbook(Refused):
    """The file as a whole cannot be used; nothing of it was."""


def sheets(content: bytes) -> Iterator[tuple[str, Iterator[tuple[int, Row]]]]:
    """Each worksheet's name and its rows, read one by one. Cells are str, float, bool, date, datetime; "" is empty.

    Raises UnreadableWorkbook.
    """
    _ensure_reasonable(content)
    try:
        workbook = CalamineWorkbook.from_filelike(io.BytesIO(content))
        for sheet in workbook.sheets_metadata:
            if sheet.typ == SheetTypeEnum.WorkSheet:
                yield sheet.name, enumerate(workbook.get_sheet_by_name(sheet.name).iter_rows(), start=1)
    except CalamineError as trouble:
        raise UnreadableWorkbook(
            f"the file cannot be read as a workbook ({trouble}): save it as an Excel workbook (.xlsx)"
        ) from trouble


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
