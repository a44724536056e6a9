"""CSV files for people who open them in a spreadsheet: no cell is executed, and any number of rows fits."""

import csv
import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from django.http import StreamingHttpResponse

# What makes a spreadsheet take a cell for a formula, also after blanks it passes over, and full-width twins.
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "|", "%", "＝", "＋", "－", "＠")


def safe_cell(value: Any) -> str:
    """`value` as text; what looks like a formula gets an apostrophe before it, which makes it text. None is empty."""
    if value is None:
        return ""
    text = json.dumps(value, ensure_ascii=False) if isinstance(value, dict | list) else str(value)
    risky = text.startswith(FORMULA) or text.lstrip().startswith(FORMULA)
    return f"'{text}" if risky and not isinstance(value, int | float) else text


def csv_lines(titles: Sequence[str], rows: Iterable[Iterable[Any]]) -> Iterator[str]:
    """Each line as its row is read. A mark before the first tells spreadsheets that it is UTF-8."""
    writer = csv.writer(_Echo())
    yield "\ufeff" + writer.writerow(titles)
    for row in rows:
        yield writer.writerow([safe_cell(cell) for cell in row])


def download(
    pieces: Iterable[str], name: str, content_type: str = "text/csv; charset=utf-8"
) -> StreamingHttpResponse:
    response = StreamingHttpResponse(pieces, content_type=content_type)
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    response["Cache-Control"] = "no-store"
    return response


class _Echo:
    """A file that hands back each line instead of keeping it."""

    def write(self, line: str) -> str:
        return line
