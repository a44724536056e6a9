"""How a value is told in a sentence."""

import json
from typing import Any

LONGEST = 80


def said(value: Any, longest: int = LONGEST) -> str:
    """A value of ours or of Zoho's in one line, cut where it is long; an empty one is “nothing”."""
    if value is None or value == "":
        return "nothing"
    plain = isinstance(value, str | int | float) and not isinstance(value, bool)
    text = str(value) if plain else json.dumps(value, ensure_ascii=False)
    line = " ".join(text.split())
    return line if len(line) <= longest else f"{line[: longest - 1]}…"
