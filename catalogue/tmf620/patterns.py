"""`.regex`, as far as it is safe to run for strangers: literal text, `.`, `.*`, `^`, `$` and `\\` before a sign."""

import re

from catalogue.tmf620.errors import InvalidQuery

# Each `.*` multiplies the work of a match that fails.
MOST_WILDCARDS = 3
LONGEST = 100


def safe_pattern(text: str) -> str:
    """A pattern that PostgreSQL and Python read alike, matching anywhere unless anchored. Raises InvalidQuery."""
    if len(text) > LONGEST:
        raise InvalidQuery(f"A pattern has at most {LONGEST} characters.")
    begin, text = ("^", text[1:]) if text.startswith("^") else ("", text)
    anchored = text.endswith("$") and not text.endswith("\\$")
    text = text[:-1] if anchored else text
    parts = re.findall(r"\\.|\.\*|.", text, re.DOTALL)
    if parts.count(".*") > MOST_WILDCARDS:
        raise InvalidQuery(f"A pattern has at most {MOST_WILDCARDS} times `.*`.")
    return begin + "".join(map(_read, parts)) + ("$" if anchored else "")


def _read(part: str) -> str:
    if part in (".", ".*"):
        return part
    literal = part[-1]
    if len(part) == 1 and literal in "*+?()[]{}|^$\\":
        raise InvalidQuery(
            f"A pattern may hold text, `.`, `.*`, `^` and `$`; {literal!r} needs a backslash before it."
        )
    # Letters and digits after a backslash would be classes; everything else is itself.
    return literal if literal.isalnum() or literal.isspace() or ord(literal) > 126 else f"\\{literal}"
