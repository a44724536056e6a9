"""COQL: `select … from Products where … order by … limit … offset …`.

Zoho CRM API: "Query API". WHERE is required; LIMIT is 200 unless said, 2,000 at most; more than two criteria
in one bracket are not understood; comparisons are blind to case and pass over empty fields.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from zoho_sync.sandbox.clock import parse_time
from zoho_sync.sandbox.state import State, state_of
from zoho_sync.sandbox.store import Document
from zoho_sync.sandbox.web import Refused, reply

from . import fields
from .envelope import json_body, no_content, refusal
from .reads import project
from .values import NUMBER_TYPES

Test = Callable[[Document], bool]
COLUMNS_AT_MOST = 50
CRITERIA_AT_MOST = 25
VALUES_IN_AT_MOST = 50
DEFAULT_LIMIT = 200
LIMIT_AT_MOST = 2_000
ROWS_AT_MOST = 100_000

TOKEN = re.compile(
    r"""\s*(?:(?P<text>'(?:\\.|[^'\\])*')
      |(?P<number>-?\d+(?:\.\d+)?)(?![\w:-])
      |(?P<word>[A-Za-z_$][\w.$]*)
      |(?P<sign><=|>=|!=|<>|[=<>(),*]))""",
    re.VERBOSE,
)


@dataclass
class Query:
    """A query that was understood."""

    columns: list[str]
    accepts: Test
    order: list[tuple[str, bool]] = field(default_factory=list)
    limit: int = DEFAULT_LIMIT
    offset: int = 0


async def run(request: web.Request) -> web.Response:
    """`POST /coql` with `{"select_query": "…"}`"""
    state = state_of(request)
    text = (await json_body(request)).get("select_query")
    if not isinstance(text, str) or not text.strip():
        place = {"api_name": "select_query", "json_path": "$.select_query"}
        raise refusal(400, "MANDATORY_NOT_FOUND", "required field not found", place)
    query = Parser(state, text).query()
    rows = [row for row in state.crm_products if query.accepts(row)]
    for name, descending in reversed(query.order):
        kind = data_type(state, name)
        rows.sort(key=lambda row: sort_key(row.get(name), kind), reverse=descending)
    shown = rows[query.offset : query.offset + query.limit]
    if not shown:
        return no_content()
    info = {"count": len(shown), "more_records": len(rows) > query.offset + query.limit}
    shape = fields.blanks(state, query.columns)
    return reply({"data": [project(row, shape) for row in shown], "info": info})


def sort_key(value: Any, kind: str) -> tuple[bool, Any]:
    """Empty values come first when ascending."""
    return value is not None, comparable(value, kind) if value is not None else 0


def data_type(state: State, name: str) -> str:
    known = fields.named(state, name)
    return known["data_type"] if known else "text"


def comparable(value: Any, kind: str) -> Any:
    """Numbers as numbers, instants as instants, the rest as text without case."""
    if value is None:
        return None
    if kind in NUMBER_TYPES or kind == "integer":
        try:
            return float(value)
        except (TypeError, ValueError):
            return None
    if kind == "boolean":
        return value if isinstance(value, bool) else str(value).casefold() == "true"
    if kind == "datetime":
        instant = parse_time(str(value))
        return instant.timestamp() if instant else None
    if isinstance(value, dict):
        return value["id"]
    return str(value).casefold()


class Parser:
    """Reads one query from left to right."""

    def __init__(self, state: State, text: str) -> None:
        self.state = state
        self.tokens = self.split(text.strip())
        self.at = 0
        self.criteria = 0

    @staticmethod
    def split(text: str) -> list[tuple[str, str]]:
        tokens, at = [], 0
        while at < len(text):
            match = TOKEN.match(text, at)
            if match is None or match.lastgroup is None:
                raise syntax_error({"near": text[at : at + 50]})
            tokens.append((match.lastgroup, match.group(match.lastgroup)))
            at = match.end()
        return tokens

    def peek(self) -> str:
        return self.tokens[self.at][1].casefold() if self.at < len(self.tokens) else ""

    def next(self) -> tuple[str, str]:
        if self.at >= len(self.tokens):
            raise syntax_error({"near": "end of query"})
        self.at += 1
        return self.tokens[self.at - 1]

    def take(self, *words: str) -> bool:
        """Step over these words when they come next."""
        upcoming = [value.casefold() for _, value in self.tokens[self.at : self.at + len(words)]]
        if upcoming != list(words):
            return False
        self.at += len(words)
        return True

    def expect(self, word: str) -> None:
        if not self.take(word):
            raise syntax_error(
                {"clause": word} if word in ("select", "from", "where") else {"near": self.peek()}
            )

    def query(self) -> Query:
        self.expect("select")
        columns = [self.column()]
        while self.take(","):
            columns.append(self.column())
        if len(columns) > COLUMNS_AT_MOST:
            raise limit_exceeded(COLUMNS_AT_MOST, "select")
        self.expect("from")
        module = self.next()[1]
        if module != "Products":
            raise invalid_query("module given seems to be invalid", {"module": module})
        self.expect("where")
        query = Query(columns, self.conditions())
        self.tail(query)
        if self.at < len(self.tokens):
            raise syntax_error({"near": self.tokens[self.at][1]})
        return query

    def tail(self, query: Query) -> None:
        if self.take("order", "by"):
            query.order.append(self.ordering())
            while self.take(","):
                query.order.append(self.ordering())
        if self.take("limit"):
            query.limit = self.number()
            if self.take(","):  # limit offset, rows
                query.offset, query.limit = query.limit, self.number()
        if self.take("offset"):
            query.offset = self.number()
        if query.limit > LIMIT_AT_MOST:
            raise limit_exceeded(LIMIT_AT_MOST, "limit")
        if query.offset + query.limit > ROWS_AT_MOST:
            raise limit_exceeded(ROWS_AT_MOST, "offset")

    def ordering(self) -> tuple[str, bool]:
        name = self.column()
        descending = self.take("desc")
        if not descending:
            self.take("asc")
        return name, descending

    def number(self) -> int:
        kind, value = self.next()
        if kind != "number" or not value.isdecimal():
            raise syntax_error({"near": value})
        return int(value)

    def column(self) -> str:
        kind, name = self.next()
        if kind != "word":
            raise syntax_error({"near": name})
        if name != "id" and not fields.named(self.state, name):
            raise invalid_query("column given seems to be invalid", {"column_name": name})
        return name

    def conditions(self) -> Test:
        """One criterion, or two joined. More have to be put in brackets, two by two."""
        left = self.operand()
        if self.peek() not in ("and", "or"):
            return left
        joint = self.next()[1].casefold()
        right = self.operand()
        if self.peek() in ("and", "or"):
            raise syntax_error({"near": self.peek()})
        if joint == "and":
            return lambda row: left(row) and right(row)
        return lambda row: left(row) or right(row)

    def operand(self) -> Test:
        if self.take("("):
            inner = self.conditions()
            self.expect(")")
            return inner
        self.criteria += 1
        if self.criteria > CRITERIA_AT_MOST:
            raise limit_exceeded(CRITERIA_AT_MOST, "where")
        return self.criterion()

    def criterion(self) -> Test:
        name = self.column()
        kind = data_type(self.state, name)
        if self.take("is", "not", "null"):
            return lambda row: row.get(name) is not None
        if self.take("is", "null"):
            return lambda row: row.get(name) is None
        if self.take("not", "in"):
            excluded = self.values(kind)
            return lambda row: row.get(name) is not None and comparable(row[name], kind) not in excluded
        if self.take("in"):
            wanted = self.values(kind)
            return lambda row: row.get(name) is not None and comparable(row[name], kind) in wanted
        if self.take("not", "like"):
            dislike = self.pattern()
            return lambda row: not dislike.fullmatch(str(row.get(name, "")))
        if self.take("like"):
            like = self.pattern()
            return lambda row: bool(like.fullmatch(str(row.get(name, ""))))
        if self.take("between"):
            low = self.value(kind)
            self.expect("and")
            high = self.value(kind)
            return lambda row: row.get(name) is not None and low <= comparable(row[name], kind) <= high
        return self.comparison(name, kind)

    def comparison(self, name: str, kind: str) -> Test:
        operator = self.next()[1]
        compare = COMPARISONS.get(operator)
        if compare is None:
            raise syntax_error({"operator": operator})
        wanted = self.value(kind)
        return lambda row: row.get(name) is not None and compare(comparable(row[name], kind), wanted)

    def values(self, kind: str) -> list[Any]:
        self.expect("(")
        values = [self.value(kind)]
        while self.take(","):
            values.append(self.value(kind))
        self.expect(")")
        if len(values) > VALUES_IN_AT_MOST:
            raise limit_exceeded(VALUES_IN_AT_MOST, "in")
        return values

    def value(self, kind: str) -> Any:
        sort, value = self.next()
        if sort == "word" and value.casefold() in ("true", "false"):
            value = value.casefold()
        elif sort == "text":
            value = re.sub(r"\\(.)", r"\1", value[1:-1])
        elif sort != "number":
            raise syntax_error({"near": value})
        wanted = comparable(value, kind)
        if wanted is None:
            raise invalid_query(
                "value given seems to be invalid for the column", {"reason": f"not a {kind}: {value}"}
            )
        return wanted

    def pattern(self) -> re.Pattern[str]:
        wanted = self.value("text")
        return re.compile(".*".join(map(re.escape, wanted.split("%"))), re.IGNORECASE | re.DOTALL)


COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "=": lambda have, wanted: have == wanted,
    "!=": lambda have, wanted: have != wanted,
    "<>": lambda have, wanted: have != wanted,
    "<": lambda have, wanted: have < wanted,
    "<=": lambda have, wanted: have <= wanted,
    ">": lambda have, wanted: have > wanted,
    ">=": lambda have, wanted: have >= wanted,
}


def rows_asked_for(text: str) -> int:
    """The LIMIT of a query, as far as the price of the call depends on it."""
    found = re.search(r"\blimit\s+(?:\d+\s*,\s*)?(\d+)", text, re.IGNORECASE)
    return int(found.group(1)) if found else DEFAULT_LIMIT


def syntax_error(details: dict[str, Any]) -> Refused:
    return refusal(400, "SYNTAX_ERROR", "error occurred while parsing the query", details)


def invalid_query(message: str, details: dict[str, Any]) -> Refused:
    return refusal(400, "INVALID_QUERY", message, details)


def limit_exceeded(limit: int, clause: str) -> Refused:
    return refusal(400, "LIMIT_EXCEEDED", "limit exceeded", {"limit": limit, "clause": clause})
