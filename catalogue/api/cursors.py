"""Pages of a list: by cursor, which costs the same wherever one is, or by number, with how many there are."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

from django.core import signing
from rest_framework.utils.urls import replace_query_param

from catalogue.api.asked import Parameter, Values
from catalogue.storefront import asking
from catalogue.storefront.asking import Key, Where
from catalogue.storefront.reading import Found, Row, Shelf, count, read
from circletel.core.rest import parameters
from circletel.core.rest.pages import LARGEST_PAGE, LAST_PAGE, PAGE_SIZE
from circletel.core.rest.parameters import between
from circletel.core.rest.problems import InvalidParameters

_signer = signing.Signer(salt="catalogue.api.cursors")


@dataclass(frozen=True)
class Cursor:
    """Between two packages: after, or with `backwards` before, the one with these keys."""

    terms: Sequence[str]
    keys: Sequence[str | None]
    backwards: bool = False

    def __str__(self) -> str:
        return _signer.sign_object([list(self.terms), list(self.keys), self.backwards])

    @classmethod
    def read(cls, text: str) -> "Cursor":
        """Raises ValueError for what this server has not signed."""
        try:
            terms, keys, backwards = _signer.unsign_object(text)
        except (signing.BadSignature, ValueError, json.JSONDecodeError) as error:
            raise ValueError(text) from error
        return cls(terms, keys, backwards)


PAGES: dict[str, Parameter] = {
    "cursor": Parameter(
        read=Cursor.read,
        expected="what next or previous of an earlier answer with the same ordering held",
        schema={"type": "string"},
        meaning="Where to go on.",
    ),
    "page": Parameter(
        read=between(1, LAST_PAGE),
        expected="a page number of 1 or more",
        schema={"type": "integer", "minimum": 1},
        meaning="Which page, where pages are to be numbered and counted; beyond the last page is refused.",
    ),
    "page_size": Parameter(
        read=between(1, LARGEST_PAGE),
        expected=f"a whole number from 1 to {LARGEST_PAGE}",
        schema={"type": "integer", "minimum": 1, "maximum": LARGEST_PAGE, "default": PAGE_SIZE},
        meaning="How many packages a page holds.",
    ),
    "total": Parameter(
        read=parameters.yes_or_no,
        expected="true or false",
        schema={"type": "boolean", "default": False},
        meaning="Whether to count the packages on all pages; numbered pages are always counted.",
    ),
}


@dataclass(frozen=True)
class Page:
    rows: Sequence[Row]
    total: int | None
    next: str | None
    previous: str | None
    revision: int | None


def page(
    shelf: Shelf, conditions: Sequence[Where], terms: Sequence[str], keys: Sequence[Key], values: Values, url: str
) -> Page:  # fmt: skip
    """The page that `values` ask for; its neighbours are addresses made from `url`. Raises InvalidParameters."""
    cursor, number = values.get("cursor"), values.get("page")
    if cursor and number:
        raise InvalidParameters([("page", "is given beside cursor: pages go by one or the other")])
    if cursor and (list(cursor.terms) != list(terms) or len(cursor.keys) != len(keys)):
        raise InvalidParameters([("cursor", f"expects {PAGES['cursor'].expected}")])
    if number:
        return _numbered(shelf, conditions, keys, values, url)
    return _from_cursor(shelf, conditions, terms, keys, values, url)


def _numbered(
    shelf: Shelf, conditions: Sequence[Where], keys: Sequence[Key], values: Values, url: str
) -> Page:
    number, size = values["page"], values.get("page_size") or PAGE_SIZE
    offset = (number - 1) * size
    found = read(shelf, conditions, keys, limit=size, offset=offset, total=True)
    total = _total(found, shelf, conditions, is_first=number == 1)
    if number > 1 and offset >= total:
        last = max(1, -(-total // size))
        there_is = "there is one page" if last == 1 else f"there are {last} pages"
        raise InvalidParameters([("page", f"is beyond the end: {there_is}")])
    further = replace_query_param(url, "page", number + 1) if offset + size < total else None
    before = replace_query_param(url, "page", number - 1) if number > 1 else None
    return Page(found.rows, total, further, before, found.revision)


def _from_cursor(
    shelf: Shelf, conditions: Sequence[Where], terms: Sequence[str], keys: Sequence[Key], values: Values, url: str
) -> Page:  # fmt: skip
    size, cursor = values.get("page_size") or PAGE_SIZE, values.get("cursor")
    backwards = bool(cursor and cursor.backwards)
    direction = [key.reversed() for key in keys] if backwards else keys
    beyond = asking.after(direction, cursor.keys) if cursor else None
    found = read(shelf, conditions, direction, limit=size + 1, beyond=beyond, total=bool(values.get("total")))
    rows, more = found.rows[:size], len(found.rows) > size
    if backwards:
        rows.reverse()
    has_next, has_previous = (bool(cursor), more) if backwards else (more, bool(cursor))
    further = _link(url, terms, rows[-1].keys) if rows and has_next else None
    before = _link(url, terms, rows[0].keys, backwards=True) if rows and has_previous else None
    total = _total(found, shelf, conditions, is_first=cursor is None) if values.get("total") else None
    return Page(rows, total, further, before, found.revision)


def _total(found: Found, shelf: Shelf, conditions: Sequence[Where], *, is_first: bool) -> int:
    """It comes with the rows; a page without rows has none."""
    if found.total is not None:
        return found.total
    return 0 if is_first else count(shelf, conditions)


def _link(url: str, terms: Sequence[str], keys: Sequence[str | None], *, backwards: bool = False) -> str:
    return replace_query_param(url, "cursor", str(Cursor(terms, keys, backwards)))
