"""Opening a workbook that came from outside: rows of cells, numbered as the spreadsheet shows them."""

import io
import pickle
import struct
import subprocess
import sys
import zipfile
from collections.abc import Generator, Iterator
from contextlib import closing
from itertools import chain, groupby
from operator import itemgetter
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Any, cast

from circletel.core.errors import Refused

LARGEST_FILE_MB = 30
# A workbook is a zip: a small file may unpack to more than a machine holds.
LARGEST_UNPACKED_MB = 400
READER = Path(__file__).with_name("reader.py")
# A list of 17,500 deals takes 40 MB and 0.2 s, the largest file that is taken 680 MB and 6 s.
LARGEST_READER_MB = 1_000
LONGEST_READER_SECONDS = 60

Row = list[Any]


class UnreadableWorkbook(Refused):
    """The file as a whole cannot be used; nothing of it was."""


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
