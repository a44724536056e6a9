"""Findings as CSV that a spreadsheet shows and does not run."""

import csv
import io
import json
from collections.abc import Iterable
from typing import Any

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
    "state",
    "first_seen",
    "times_seen",
    "sku",
    "package",
    "remote_id",
    "remote_name",
)
# What makes a spreadsheet take a cell for a formula, also after blanks it passes over, and full-width twins.
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "|", "%", "＝", "＋", "－", "＠")


def as_csv(findings: Iterable[dict[str, Any]]) -> str:
    """With a header line; amounts and texts as they are, except that no cell can be taken for a formula."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    writer.writerows([safe_cell(each.get(name)) for name in COLUMNS] for each in findings)
    return file.getvalue()


def safe_cell(value: Any) -> str:
    """A text that no spreadsheet executes: what looks like a formula gets an apostrophe before it."""
    if value is None:
        return ""
    text = json.dumps(value, ensure_ascii=False) if isinstance(value, dict | list) else str(value)
    risky = text.startswith(FORMULA) or text.lstrip().startswith(FORMULA)
    return f"'{text}" if risky and not isinstance(value, int | float) else text
