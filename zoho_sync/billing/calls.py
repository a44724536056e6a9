"""What every errand to Zoho Billing shares: its paths, its pages, and how answers are taken or refused."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, fields
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any, TypeVar
from urllib.parse import quote
from uuid import UUID

from zoho_sync.connection.errors import RecordGone, ServerTrouble
from zoho_sync.connection.http import Call, ZohoHttp
from zoho_sync.reading import Values, amount, block, day, flag, instant, items, money, number, text

BASE = "/billing/v1"
PER_PAGE = 200
T = TypeVar("T")
# A text whose case says nothing, such as a status.
Lowered = Annotated[str, "in small letters"]
READERS: dict[Any, Callable[[Values, str], Any]] = {
    str: text,
    Lowered: lambda values, name: text(values, name).lower(),
    int: number,
    Decimal: money,
    Decimal | None: amount,
    bool | None: flag,
    date | None: day,
    datetime | None: instant,
}


@dataclass(frozen=True)
class Page:
    """One page of a list, its rows as they came. `has_more` is None where Zoho does not say."""

    rows: list[dict[str, Any]]
    has_more: bool | None


class Calls:
    """The base of every room of the client."""

    def __init__(self, http: ZohoHttp) -> None:
        self.http = http

    def _send(
        self,
        method: str,
        *path: str,
        safe: bool,
        body: dict[str, Any] | None = None,
        params: dict[str, Any] | None = None,
        packages: Sequence[UUID] = (),
    ) -> dict[str, Any]:
        call = Call(
            method,
            path_of(*path),
            safe=safe,
            body=None if body is None else without_none(body),
            params=params or {},
            packages=packages,
            records=1,
        )
        return self.http.send(call).body or {}

    def _get(self, envelope: str, read: Callable[[Any], T], *path: str) -> T:
        return read(record_in(self._send("GET", *path, safe=True), envelope))

    def _delete(self, *path: str) -> None:
        """Make sure that it is gone; that it was already is as good."""
        with suppress(RecordGone):
            self._send("DELETE", *path, safe=True)

    def _rows(self, plural: str, **params: Any) -> Iterator[dict[str, Any]]:
        """Every row of a list, page by page as needed."""
        number = 1
        while True:
            page = self._page(plural, number, **params)
            yield from page.rows
            if not page.rows or not page.has_more:
                return
            number += 1

    def _page(self, plural: str, number: int, **params: Any) -> Page:
        body = self._send("GET", plural, safe=True, params={**params, "page": number, "per_page": PER_PAGE})
        more = block(body, "page_context").get("has_more_page")
        return Page(items(body, plural), None if more is None else bool(more))


def path_of(*parts: str) -> str:
    """`/billing/v1/plans/…`. Raises ValueError for a blank part: it would name the whole list."""
    refuse_blank(*parts)
    return "/".join([BASE, *(quote(part, safe="") for part in parts)])


def refuse_blank(*keys: str) -> None:
    """Raises ValueError when one is blank."""
    if not all(key.strip() for key in keys):
        raise ValueError("A blank key would find a stranger.")


def record_in(body: dict[str, Any], *envelopes: str) -> dict[str, Any]:
    """The one record of an answer, under the first of these names that is there. Raises ServerTrouble."""
    for name in envelopes:
        if isinstance(body.get(name), dict):
            return dict(body[name])
    raise ServerTrouble(f"Zoho Billing answered, but not with the {envelopes[0]}.")


def the_one_asked_for(record: T, found: str, asked: str) -> T:
    """`record`, when its key is the one asked for. Raises ServerTrouble: acting on a stranger is worse than not acting."""
    if found != asked:
        raise ServerTrouble(f"Zoho Billing was asked for {asked} and answered with {found or 'no key'}.")
    return record


def record(cls: type[T], values: Values, **read: Any) -> T:
    """A `cls`, each field read by its type from the value of its name; `read` holds those that are read otherwise."""
    for field in fields(cls):  # type: ignore[arg-type]  # a dataclass
        if field.name not in read:
            read[field.name] = READERS[field.type](values, field.name)
    return cls(**read)


def without_none(value: Any) -> Any:
    """Billing refuses null inside a body: what is not there is left out."""
    if isinstance(value, dict):
        return {key: without_none(item) for key, item in value.items() if item is not None}
    return [without_none(item) for item in value] if isinstance(value, list) else value
