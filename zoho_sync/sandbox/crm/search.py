"""The little language of `criteria`: `((Product_Code:equals:X)and(Unit_Price:greater_than:100))`.

Zoho CRM API: "Search Records". Parentheses, commas and backslashes in a value are escaped with a backslash.
On text `equals` acts like "contains"; callers have to filter the answer again.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from zoho_sync.sandbox.state import State
from zoho_sync.sandbox.store import Document

from . import fields
from .envelope import refusal
from .values import NUMBER_TYPES

Criteria = Callable[[Document], bool]
CRITERIA_AT_MOST = 15
TOKEN = re.compile(r"\s*(?:(?P<open>\()|(?P<close>\))|(?P<word>(?:\\.|[^()\\])+))")


def parse_criteria(state: State, text: str) -> Criteria:
    tokens = [(match.lastgroup or "", match.group(match.lastgroup or 0)) for match in TOKEN.finditer(text)]
    if "".join(value for _, value in tokens).replace(" ", "") != text.replace(" ", ""):
        raise invalid_query(text)
    if sum(kind == "word" and ":" in value for kind, value in tokens) > CRITERIA_AT_MOST:
        raise refusal(400, "LIMIT_EXCEEDED", "criteria limit exceeded", {"limit": CRITERIA_AT_MOST})
    criteria, rest = group(state, tokens)
    if rest:
        raise invalid_query(text)
    return criteria


def group(state: State, tokens: list[tuple[str, str]]) -> tuple[Criteria, list[tuple[str, str]]]:
    """A parenthesis and what is joined to it by `and` or `or`, read from left to right."""
    left, tokens = operand(state, tokens)
    while tokens and tokens[0][0] == "word":
        joint = tokens[0][1].strip().casefold()
        if joint not in ("and", "or"):
            raise invalid_query(tokens[0][1])
        right, tokens = operand(state, tokens[1:])
        left = joined(left, joint, right)
    return left, tokens


def operand(state: State, tokens: list[tuple[str, str]]) -> tuple[Criteria, list[tuple[str, str]]]:
    if not tokens or tokens[0][0] != "open":
        raise invalid_query(tokens[0][1] if tokens else "")
    inner = tokens[1:]
    if inner and inner[0][0] == "open":
        criteria, rest = group(state, inner)
    elif inner and inner[0][0] == "word":
        criteria, rest = condition(state, inner[0][1]), inner[1:]
    else:
        raise invalid_query("()")
    if not rest or rest[0][0] != "close":
        raise invalid_query("(")
    return criteria, rest[1:]


def joined(left: Criteria, joint: str, right: Criteria) -> Criteria:
    if joint == "and":
        return lambda row: left(row) and right(row)
    return lambda row: left(row) or right(row)


def condition(state: State, text: str) -> Criteria:
    name, _, rest = text.strip().partition(":")
    operator, _, raw = rest.partition(":")
    field = fields.named(state, name) or ({"data_type": "text"} if name == "id" else None)
    test = OPERATORS.get(operator)
    if field is None or test is None or not raw.strip():
        raise invalid_query(text)
    as_number = field["data_type"] in NUMBER_TYPES or field["data_type"] == "integer"
    several = re.split(r"(?<!\\),", raw) if operator in ("in", "between") else [raw]
    wanted = [comparable(re.sub(r"\\(.)", r"\1", part).strip(), as_number) for part in several]
    if None in wanted:
        raise invalid_query(text)
    return lambda row: test(comparable(row.get(name), as_number), wanted)


def comparable(value: Any, as_number: bool) -> Any:
    if value is None:
        return None
    if as_number:
        try:
            return float(value)
        except (TypeError, ValueError):
            return None
    return str(value).casefold()


def contains(have: Any, wanted: list[Any]) -> bool:
    """The notorious `equals`: exact for numbers, "contains" for texts."""
    return wanted[0] in have if isinstance(have, str) else have is not None and have == wanted[0]


OPERATORS: dict[str, Callable[[Any, list[Any]], bool]] = {
    "equals": contains,
    "not_equal": lambda have, wanted: have != wanted[0],
    "starts_with": lambda have, wanted: isinstance(have, str) and have.startswith(wanted[0]),
    "in": lambda have, wanted: have in wanted,
    "greater_than": lambda have, wanted: have is not None and have > wanted[0],
    "greater_equal": lambda have, wanted: have is not None and have >= wanted[0],
    "less_than": lambda have, wanted: have is not None and have < wanted[0],
    "less_equal": lambda have, wanted: have is not None and have <= wanted[0],
    "between": lambda have, wanted: have is not None and wanted[0] <= have <= wanted[-1],
}


def invalid_query(near: str) -> Exception:
    return refusal(
        400,
        "INVALID_QUERY",
        "invalid query formed",
        {"reason": "the criteria could not be read", "near": near},
    )
