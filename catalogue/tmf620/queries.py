"""What a list or a read asks for: fields, page, order and filters, read strictly as TMF630 writes them.

name=Home Fibre 100          equal; `a,b` or repeated: one of them; also `name.eq=`
price.value.gt=500           gt, gte, lt, lte (also written `price.value>500`), ne
name.regex=Home.*100         what `safe_pattern` takes
fields=name,price.value      what to show; `none` shows id and href only
sort=name,-lastUpdate        a minus reverses
offset=20&limit=10           a page
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django.http import QueryDict

from catalogue.tmf620.errors import InvalidQuery
from circletel.core.rest.parameters import split

# Without `limit`, a list shows this many at most; and nobody gets more than LARGEST_LIMIT at once.
DEFAULT_LIMIT = 500
LARGEST_LIMIT = 1000
LARGEST_OFFSET = 10_000_000
MOST_CONDITIONS = 20
LONGEST_VALUE = 1000
# Each `.*` multiplies the work of a match that fails.
MOST_WILDCARDS = 3
LONGEST_PATTERN = 100
OPERATORS = ("eq", "ne", "gt", "gte", "lt", "lte", "regex")
SYMBOLS = {">": "gt", ">=": "gte", "<": "lt", "<=": "lte"}
_PATH = r"@?[A-Za-z][A-Za-z0-9]*(?:\.@?[A-Za-z][A-Za-z0-9]*)*"
_SYMBOLIC = re.compile(rf"({_PATH})(>=|<=|>|<)(.*)", re.DOTALL)


@dataclass(frozen=True)
class Condition:
    """One filter. Several `values` (with eq and ne only) are alternatives."""

    path: str
    operator: str
    values: tuple[str, ...]


@dataclass(frozen=True)
class Query:
    conditions: tuple[Condition, ...] = ()
    fields: tuple[str, ...] | None = None
    sort: tuple[tuple[str, bool], ...] = ()
    """Pairs of path and whether it runs downwards."""
    offset: int = 0
    limit: int = DEFAULT_LIMIT
    asks_for_a_page: bool = False


def read(query: QueryDict) -> Query:
    """Raises InvalidQuery naming what is not understood."""
    _ensure_readable(query)
    conditions = tuple(_conditions(query))
    if len(conditions) > MOST_CONDITIONS:
        raise InvalidQuery(f"There are more than {MOST_CONDITIONS} filters.")
    return Query(
        conditions=conditions,
        fields=_names(query, "fields"),
        sort=tuple((name.lstrip("+-"), name.startswith("-")) for name in _names(query, "sort") or ()),
        offset=_number(query, "offset", 0, 0, LARGEST_OFFSET),
        limit=min(_number(query, "limit", DEFAULT_LIMIT, 0, LARGEST_OFFSET), LARGEST_LIMIT),
        asks_for_a_page=bool(query.get("offset") or query.get("limit")),
    )


def read_fields(query: QueryDict) -> Query:
    """For one resource: only `fields` is understood there."""
    _ensure_readable(query)
    if unknown := set(query) - {"fields"}:
        raise InvalidQuery(f"{min(unknown)[:80]}: only `fields` is understood here.")
    return Query(fields=_names(query, "fields"))


def chosen(document: Mapping[str, Any], fields: tuple[str, ...] | None, always: tuple[str, ...]) -> Any:
    """The document with only the attributes asked for, and those that are always there."""
    if fields is None:
        return document
    wanted: dict[str, set[str]] = {name: {""} for name in always}
    for path in fields:
        head, _, rest = path.partition(".")
        wanted.setdefault(head, set()).add(rest)
    return {name: _part(value, wanted[name]) for name, value in document.items() if name in wanted}


def _part(value: Any, paths: set[str]) -> Any:
    if "" in paths:
        return value
    if isinstance(value, list):
        return [_part(item, paths) for item in value]
    # An object inside keeps its type and identity: it would mean nothing, and not be valid, without.
    kept = ("id", "@type", "@referredType", "href")
    return chosen(value, tuple(paths), kept) if isinstance(value, dict) else value


def _ensure_readable(query: QueryDict) -> None:
    for name, given in query.lists():
        if "\0" in name or any("\0" in text for text in given):
            raise InvalidQuery(f"{name[:80]!r} holds a NUL character.")
        if len(name) > LONGEST_VALUE or sum(map(len, given)) > LONGEST_VALUE:
            raise InvalidQuery(f"{name[:80]} is longer than {LONGEST_VALUE} characters.")


def _conditions(query: QueryDict) -> Iterator[Condition]:
    for name, given in query.lists():
        if name in ("fields", "sort", "offset", "limit"):
            continue
        for path, operator, values in _read_filter(name, given):
            yield Condition(path, operator, values)


def _read_filter(name: str, given: list[str]) -> Iterator[tuple[str, str, tuple[str, ...]]]:
    if symbolic := _SYMBOLIC.fullmatch(name):
        path, symbol, rest = symbolic.groups()
        for text in given:
            # `a>=5` arrives as the name `a>` with the value 5; `a>5` as a name without a value.
            compares = f"{symbol}=" if text and not rest and len(symbol) == 1 else symbol
            yield path, SYMBOLS[compares], (rest or text,)
        return
    path, _, operator = name.rpartition(".")
    if operator not in OPERATORS or not path:
        path, operator = name, "eq"
    if not re.fullmatch(_PATH, path):
        raise InvalidQuery(f"{name[:80]} is not an attribute, with or without an operator.")
    if operator in ("eq", "ne"):
        # The whole text too: a name may hold a comma without anybody quoting it.
        values = [value for text in given for value in {*_split(text), text}]
        yield path, operator, tuple(values)
        return
    for text in given:
        if operator == "regex":
            safe_pattern(text)  # raises InvalidQuery
        yield path, operator, (text,)


def _split(text: str) -> list[str]:
    try:
        return split(text)
    except ValueError:
        return []


def _names(query: QueryDict, parameter: str) -> tuple[str, ...] | None:
    given = [name.strip() for text in query.getlist(parameter) for name in text.split(",") if name.strip()]
    for name in given:
        if not re.fullmatch(rf"[+-]?{_PATH}", name):
            raise InvalidQuery(f"{parameter}: {name[:80]!r} is not an attribute.")
    return tuple(given) if given else None


def _number(query: QueryDict, parameter: str, default: int, lowest: int, highest: int) -> int:
    text = query.get(parameter, "")
    if not text:
        return default
    if not re.fullmatch(r"[0-9]{1,8}", text) or not lowest <= int(text) <= highest:
        raise InvalidQuery(f"{parameter} expects a whole number from {lowest} to {highest}.")
    return int(text)


def safe_pattern(text: str) -> str:
    """A pattern that is safe to run for strangers, matching anywhere unless anchored. Raises InvalidQuery.

    It holds literal text, `.`, `.*`, `^`, `$` and `\\` before a sign.
    """
    if len(text) > LONGEST_PATTERN:
        raise InvalidQuery(f"A pattern has at most {LONGEST_PATTERN} characters.")
    begin, text = ("^", text[1:]) if text.startswith("^") else ("", text)
    anchored = text.endswith("$") and not text.endswith("\\$")
    text = text[:-1] if anchored else text
    parts = re.findall(r"\\.|\.\*|.", text, re.DOTALL)
    if parts.count(".*") > MOST_WILDCARDS:
        raise InvalidQuery(f"A pattern has at most {MOST_WILDCARDS} times `.*`.")
    return begin + "".join(map(_literal, parts)) + ("$" if anchored else "")


def _literal(part: str) -> str:
    if part in (".", ".*"):
        return part
    literal = part[-1]
    if len(part) == 1 and literal in "*+?()[]{}|^$\\":
        raise InvalidQuery(
            f"A pattern may hold text, `.`, `.*`, `^` and `$`; {literal!r} needs a backslash before it."
        )
    # Letters and digits after a backslash would be classes; everything else is itself.
    return literal if literal.isalnum() or literal.isspace() or ord(literal) > 126 else f"\\{literal}"
