"""Reads the workbook on standard input and writes its rows to standard output, pickled. A program of its own.

The reader of workbooks is native code that lays a sheet out whole: one cell in the last corner of a sheet asks for
hundreds of gigabytes, and then it ends the process, not the call. This process may end. It imports nothing of ours,
and what it writes are only texts, numbers and dates.
"""

import io
import pickle
import resource
import sys
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any, BinaryIO

from python_calamine import CalamineError, CalamineWorkbook, SheetTypeEnum

ROWS_AT_ONCE = 500


def write_rows(content: bytes, out: BinaryIO) -> None:
    """`(sheet's place, sheet's name, [(number, cells), …])` again and again, then None; a text if it is no workbook.

    Cells after the last one of a row that holds something are left out, and blank rows after a blank row.
    """
    end = None
    try:
        workbook = CalamineWorkbook.from_filelike(io.BytesIO(content))
        for place, sheet in enumerate(workbook.sheets_metadata):
            if sheet.typ == SheetTypeEnum.WorkSheet:
                rows = _numbered(workbook.get_sheet_by_name(sheet.name).iter_rows())
                while batch := list(islice(rows, ROWS_AT_ONCE)):
                    pickle.dump((place, sheet.name, batch), out)
    except CalamineError as trouble:
        end = str(trouble)
    pickle.dump(end, out)


def _numbered(rows: Iterable[list[Any]]) -> Iterator[tuple[int, list[Any]]]:
    was_blank = False
    for number, row in enumerate(rows, start=1):
        while row and row[-1] == "":
            row.pop()
        if row or not was_blank:
            yield number, row
        was_blank = not row


if __name__ == "__main__":
    megabytes, seconds = map(int, sys.argv[1:])
    resource.setrlimit(resource.RLIMIT_AS, (megabytes * 1024 * 1024,) * 2)
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
    # No core of gigabytes is left behind.
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    write_rows(sys.stdin.buffer.read(), sys.stdout.buffer)
    sys.stdout.buffer.flush()
