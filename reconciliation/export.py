"""Findings as CSV that a spreadsheet shows and does not run."""

import csv
import io
from collections.abc import Iterable
from typing import Any

from circletel.core.spreadsheet import safe_cell

COLUMNS = (
    "system",
    "kind",
    "type",
    "key",
    "field",
    "ours",
    "theirs",
    "since",
    "changed_by",
    "at_stake",
    "state",
    "first_seen",
    "times_seen",
    "sku",
    "package",
    "remote_id",
    "remote_name",
)


def as_csv(findings: Iterable[dict[str, Any]]) -> str:
    """With a header line; amounts and texts as they are, except that no cell can be taken for a formula."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    writer.writerows([safe_cell(each.get(name)) for name in COLUMNS] for each in findings)
    return file.getvalue()
