"""The doors for reading Products: list, one, search, deleted, count and timeline.

Zoho CRM API: "Get Records", "Search Records", "List of Deleted Records", "Timeline of a Record".
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from aiohttp import web

from zoho_sync.sandbox.clock import crm_time, parse_time
from zoho_sync.sandbox.state import State, state_of
from zoho_sync.sandbox.store import Document
from zoho_sync.sandbox.web import reply, whole_number

from . import fields
from .envelope import check_module, no_content, refusal, required_parameter
from .records import MODULE
from .search import Criteria, parse_criteria

ROWS_PER_PAGE = 200
ROWS_BY_PAGE_NUMBER = 2_000
ROWS_BY_TOKEN = 100_000
FIELDS_PER_CALL = 50
TOKEN_LIFE = timedelta(hours=24)
SORTABLE = ("id", "Created_Time", "Modified_Time")


async def list_records(request: web.Request) -> web.Response:
    """`GET /Products?fields=…`: by page number up to 2,000 rows, by page token beyond."""
    check_module(request.match_info["module"])
    state = state_of(request)
    shape = wanted_fields(request)
    per_page = rows_per_page(request)
    sort_by, descending = order_of(request)
    rows = sorted_rows(state, sort_by, descending)
    if request.query.get("ids"):
        ids = set(request.query["ids"].split(","))
        rows = [row for row in rows if row["id"] in ids]
    rows, refused = modified_since(request, rows)
    if refused:
        return refused
    start, page = position(request, per_page, state)
    shown = rows[start : start + per_page]
    if not shown:
        return no_content()
    more = len(rows) > start + per_page
    next_token = page_token(request, start + per_page, state) if more else None
    info = {
        "per_page": per_page,
        "count": len(shown),
        "page": page,
        "sort_by": sort_by,
        "sort_order": "desc" if descending else "asc",
        "more_records": more,
        "next_page_token": next_token,
        "previous_page_token": page_token(request, start - per_page, state) if start >= per_page else None,
        "page_token_expiry": crm_time(state.clock.now() + TOKEN_LIFE) if next_token else None,
    }
    return reply({"data": [project(row, shape) for row in shown], "info": info})


async def get_record(request: web.Request) -> web.Response:
    """`GET /Products/{id}`: all fields, or those asked for; 204 when there is no such record."""
    check_module(request.match_info["module"])
    state = state_of(request)
    id = request.match_info["id"]
    if not id.isdecimal():
        place = {"api_name": "id", "resource_path_index": 1}
        raise refusal(400, "INVALID_DATA", "the id given seems to be invalid", place)
    record = state.crm_products.get(id)
    if record is None:
        return no_content()
    rows, refused = modified_since(request, [record])
    if refused:
        return refused
    return reply({"data": [project(rows[0], requested(request))]})


async def search(request: web.Request) -> web.Response:
    """`GET /Products/search`: out of date by some seconds, and `equals` finds what merely contains."""
    check_module(request.match_info["module"])
    state = state_of(request)
    per_page = rows_per_page(request)
    page = page_number(request)
    if page * per_page > ROWS_BY_PAGE_NUMBER:
        raise refusal(
            400, "LIMIT_REACHED", "the limit of search has been reached", {"limit": ROWS_BY_PAGE_NUMBER}
        )
    accepts = search_filter(request, state)
    found = [row for row in state.search_index.documents() if accepts(row)]
    shown = found[(page - 1) * per_page : page * per_page]
    if not shown:
        return no_content()
    shape = requested(request)
    info = {
        "per_page": per_page,
        "count": len(shown),
        "page": page,
        "more_records": len(found) > page * per_page,
    }
    return reply({"data": [project(row, shape) for row in shown], "info": info})


def search_filter(request: web.Request, state: State) -> Callable[[Document], bool]:
    """The one of criteria, word, email and phone that was given."""
    given = [name for name in ("criteria", "email", "phone", "word") if name in request.query]
    if not given:
        required_parameter(request, "criteria")
    if given[0] == "criteria":
        criteria: Criteria = parse_criteria(state, request.query["criteria"])
        return criteria
    word = request.query[given[0]].casefold()
    if len(word) < 2:
        raise refusal(400, "INVALID_QUERY", "invalid query formed", {"param_name": given[0]})
    return lambda row: any(isinstance(value, str) and word in value.casefold() for value in row.values())


async def list_deleted(request: web.Request) -> web.Response:
    """`GET /Products/deleted?type=all|recycle|permanent`, latest first."""
    check_module(request.match_info["module"])
    state = state_of(request)
    kind = request.query.get("type", "all")
    if kind not in ("all", "recycle", "permanent"):
        raise refusal(400, "INVALID_DATA", "invalid data", {"param_name": "type"})
    per_page, page = rows_per_page(request), page_number(request)
    rows = [row for row in state.crm_deleted.newest_first() if kind in ("all", row["type"])]
    rows, refused = modified_since(request, rows, "deleted_time")
    if refused:
        return refused
    shown = rows[(page - 1) * per_page : page * per_page]
    if not shown:
        return no_content()
    info = {
        "per_page": per_page,
        "count": len(shown),
        "page": page,
        "more_records": len(rows) > page * per_page,
    }
    return reply({"data": shown, "info": info})


async def count(request: web.Request) -> web.Response:
    """`GET /Products/actions/count`, of all or of those a `criteria` matches."""
    check_module(request.match_info["module"])
    state = state_of(request)
    if "criteria" not in request.query:
        return reply({"count": len(state.crm_products)})
    criteria = parse_criteria(state, request.query["criteria"])
    return reply({"count": sum(criteria(row) for row in state.search_index.documents())})


async def timeline(request: web.Request) -> web.Response:
    """`GET /Products/{id}/__timeline`: who changed what, from what to what, latest first."""
    check_module(request.match_info["module"])
    state = state_of(request)
    record = state.crm_products.get(request.match_info["id"])
    kept = state.crm_timelines.get(request.match_info["id"])
    if record is None or kept is None:
        return no_content()
    about = {"id": record["id"], "name": record["Product_Name"], "module": MODULE}
    entries = [
        {
            "id": entry["id"],
            "action": entry["action"],
            "source": entry["source"],
            "audited_time": entry["audited_time"],
            "done_by": entry["done_by"],
            "record": about,
            "related_record": None,
            "automation_details": None,
            "field_history": field_history(state, entry["history"]),
        }
        for entry in kept["entries"]
    ]
    per_page = rows_per_page(request)
    info = {"per_page": per_page, "count": len(entries[:per_page]), "more_records": len(entries) > per_page}
    return reply({"__timeline": entries[:per_page], "info": info})


def field_history(state: State, history: list[Document] | None) -> list[dict[str, Any]] | None:
    if not history:
        return None
    told = []
    for change in history:
        field = fields.named(state, change["api_name"])
        if field:
            values = {"old": change["old"], "new": change["new"]}
            names = ("id", "api_name", "field_label", "data_type")
            told.append({**{name: field[name] for name in names}, "_value": values})
    return told


def project(row: Document, blanks: dict[str, Any]) -> dict[str, Any]:
    """The id, and the fields of `blanks`, which says how a field reads while nothing is set."""
    return {"id": row["id"], **{name: row.get(name, blank) for name, blank in blanks.items()}}


def requested(request: web.Request) -> dict[str, Any]:
    """The fields asked for, or all."""
    state = state_of(request)
    names = split(request.query.get("fields")) or [field["api_name"] for field in state.crm_fields]
    return fields.blanks(state, names)


def split(names: str | None) -> list[str]:
    return [name.strip() for name in names.split(",") if name.strip()] if names else []


def wanted_fields(request: web.Request) -> dict[str, Any]:
    names = split(required_parameter(request, "fields"))
    if len(names) > FIELDS_PER_CALL:
        details = {"limit": FIELDS_PER_CALL, "param_name": "fields"}
        raise refusal(400, "LIMIT_EXCEEDED", "Max field limit exceeded", details)
    return fields.blanks(state_of(request), names)


def rows_per_page(request: web.Request) -> int:
    number = whole_number(request.query.get("per_page"), ROWS_PER_PAGE)
    if number is None or number > ROWS_PER_PAGE:
        details = {"param_name": "per_page", "maximum_value": ROWS_PER_PAGE}
        raise refusal(400, "INVALID_DATA", "invalid data", details)
    return number


def page_number(request: web.Request) -> int:
    number = whole_number(request.query.get("page"), 1)
    if number is None:
        raise refusal(
            400, "INVALID_DATA", "invalid data", {"param_name": "page", "expected_data_type": "integer"}
        )
    return number


def order_of(request: web.Request) -> tuple[str, bool]:
    sort_by, order = request.query.get("sort_by", "id"), request.query.get("sort_order", "desc")
    if sort_by not in SORTABLE or order not in ("asc", "desc"):
        raise refusal(
            400, "INVALID_DATA", "invalid data", {"param_name": "sort_by", "supported_values": list(SORTABLE)}
        )
    return sort_by, order == "desc"


def sorted_rows(state: State, sort_by: str, descending: bool) -> list[Document]:
    """Ids and creation times grow together, so only Modified_Time needs sorting."""
    if sort_by == "Modified_Time":
        return sorted(
            state.crm_products, key=lambda row: (row["Modified_Time"], row["id"]), reverse=descending
        )
    return list(state.crm_products.newest_first() if descending else state.crm_products)


def modified_since(
    request: web.Request, rows: list[Document], field: str = "Modified_Time"
) -> tuple[list[Document], web.Response | None]:
    """With `If-Modified-Since` only the newer rows, or 304 when there is none."""
    header = request.headers.get("If-Modified-Since")
    if not header:
        return rows, None
    since = parse_time(header)
    if since is None:
        raise refusal(
            400,
            "INVALID_DATA",
            "invalid data",
            {"header": "If-Modified-Since", "expected_data_type": "datetime"},
        )
    mark = crm_time(since)  # all stored times are in the same zone, so they compare as texts
    newer = [row for row in rows if row[field] > mark]
    return newer, None if newer else web.Response(status=304)


def position(request: web.Request, per_page: int, state: State) -> tuple[int, int]:
    """Where the page starts, and its number."""
    token = request.query.get("page_token")
    if token is None:
        page = page_number(request)
        if page * per_page > ROWS_BY_PAGE_NUMBER:
            message = "More than 2000 records can be read with page_token only"
            details = {"limit": ROWS_BY_PAGE_NUMBER, "param_name": "page"}
            raise refusal(400, "DISCRETE_PAGINATION_LIMIT_EXCEEDED", message, details)
        return (page - 1) * per_page, page
    if "page" in request.query:
        message = "page and page_token exclude each other"
        raise refusal(
            400, "AMBIGUITY_DURING_PROCESSING", message, {"ambiguity_due_to": ["page", "page_token"]}
        )
    start = read_token(request, token, state)
    if start + per_page > ROWS_BY_TOKEN:
        raise refusal(
            400, "PAGINATION_LIMIT_EXCEEDED", "no more than 100000 records", {"limit": ROWS_BY_TOKEN}
        )
    return start, start // per_page + 1


def page_token(request: web.Request, start: int, state: State) -> str:
    """A token for the page that begins at `start`, bound to the parameters of this call and to 24 hours."""
    expiry = (state.clock.now() + TOKEN_LIFE).timestamp()
    return base64.urlsafe_b64encode(json.dumps([start, expiry, fingerprint(request)]).encode()).decode()


def read_token(request: web.Request, token: str, state: State) -> int:
    try:
        start, expiry, parameters = json.loads(base64.urlsafe_b64decode(token))
    except (ValueError, TypeError):
        raise refusal(400, "INVALID_DATA", "invalid data", {"param_name": "page_token"}) from None
    if parameters != fingerprint(request):
        message = "the parameters differ from those the token was made for"
        raise refusal(400, "TOKEN_BOUND_DATA_MISMATCH", message, {"param_name": "page_token"})
    if expiry < state.clock.now().timestamp():
        raise refusal(400, "EXPIRED_VALUE", "the page token has expired", {"param_name": "page_token"})
    return int(start)


def fingerprint(request: web.Request) -> str:
    bound = sorted(
        (name, value) for name, value in request.query.items() if name not in ("page", "page_token")
    )
    return hashlib.sha256(json.dumps(bound).encode()).hexdigest()[:16]
