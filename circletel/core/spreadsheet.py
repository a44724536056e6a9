"""Cells for people who open our CSV files in a spreadsheet: none of them is executed."""

import json
from typing import Any

# What makes a spreadsheet take a cell for a formula, also after blanks it passes over, and full-width twins.
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "|", "%", "＝", "＋", "－", "＠")


def safe_cell(value: Any) -> str:
    """`value` as text; what looks like a formula gets an apostrophe before it, which makes it text. None is empty."""
    if value is None:
        return ""
    text = json.dumps(value, ensure_ascii=False) if isinstance(value, dict | list) else str(value)
    risky = text.startswith(FORMULA) or text.lstrip().startswith(FORMULA)
    return f"'{text}" if risky and not isinstance(value, int | float) else text
