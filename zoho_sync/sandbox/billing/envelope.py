"""How Billing says yes and no: `code` and `message` beside one object under its singular, or a list.

Zoho Billing API v1: "Errors", "Pagination". `code` is 0 for success; there is no `data` around anything.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from itertools import islice
from typing import Any

from aiohttp import web

from zoho_sync.sandbox.store import Document
from zoho_sync.sandbox.web import Refused, reply, whole_number

ROWS_PER_PAGE = 200

# Of these numbers only the last ones were found in public; the first four are plausible inventions, so a
# client does well to go by the message ("already exists") and to read back by key.
DUPLICATE_PRODUCT = 2005
DUPLICATE_PLAN = 101001
DUPLICATE_ADDON = 102002
IN_USE = 2010  # invented as well
DUPLICATE_COUPON = 103002  # invented as well
NO_SUCH_COUPON = 103001  # invented as well
INVALID_VALUE = 2
INVALID_PRODUCT_REFERENCE = 4
INVALID_URL = 5
TOO_LONG = 15  # as in Zoho Books
NO_SUCH_OBJECT = 1002
NO_SUCH_PRODUCT = 2006
NO_SUCH_PLAN = 101002
NO_SUCH_ADDON = 102001
NO_SUCH_CUSTOMER = 3004
DUPLICATE_CUSTOMER = 3062
NO_SUCH_CUSTOM_FIELD = 120129


def refusal(code: int, message: str, status: int = 400) -> Refused:
    return Refused(status, {"code": code, "message": message})


def invalid(name: str) -> Refused:
    """A parameter is missing or wrong; Billing has the same words for both."""
    return refusal(INVALID_VALUE, f"Invalid value passed for {name}")


def already_exists(code: int, what: str, value: str) -> Refused:
    return refusal(code, f'The {what} "{value}" already exists.')


def one(singular: str, message: str, shown: Any, status: int = 200) -> web.Response:
    return reply({"code": 0, "message": message, singular: shown}, status)


def said(message: str) -> web.Response:
    """Deleting and marking answer with words only."""
    return reply({"code": 0, "message": message})


def page(
    request: web.Request, plural: str, rows: Iterable[dict[str, Any]], applied_filter: str, **context: Any
) -> web.Response:
    """One page of rows that come in order of creation. More than 200 to a page is not to be had."""
    number = whole_number(request.query.get("page"), 1)
    size = whole_number(request.query.get("per_page"), ROWS_PER_PAGE)
    if number is None or size is None:
        raise invalid("page" if number is None else "per_page")
    size = min(size, ROWS_PER_PAGE)
    start = (number - 1) * size
    shown = list(islice(rows, start, start + size + 1))
    page_context = {
        "page": number,
        "per_page": size,
        "has_more_page": len(shown) > size,
        "applied_filter": applied_filter,
        "sort_column": "created_time",
        "sort_order": "A",
        **context,
    }
    return reply({"code": 0, "message": "success", plural: shown[:size], "page_context": page_context})


def filtered_by(request: web.Request, allowed: tuple[str, ...], default: str) -> str:
    """The value of `filter_by`; a blank one counts as none."""
    value = request.query.get("filter_by") or default
    if value not in allowed:
        raise invalid("filter_by")
    return value


async def json_body(request: web.Request) -> Document:
    """The JSON object that was sent. Nulls are refused wherever they stand."""
    try:
        body = json.loads(await request.text())
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise refusal(6, "JSON is not well formed")  # the number is the one of Zoho Books
    name = first_null(body)
    if name:
        raise invalid(name)
    return body


def first_null(value: Any, name: str = "") -> str | None:
    """The name under which the first null is found."""
    if value is None:
        return name
    inside = (
        value.items()
        if isinstance(value, dict)
        else ((name, each) for each in value)
        if isinstance(value, list)
        else ()
    )
    return next((found for key, each in inside if (found := first_null(each, key))), None)


def internal_error() -> web.Response:
    return reply({"code": 1000, "message": "Internal error. Please contact support."}, 500)
