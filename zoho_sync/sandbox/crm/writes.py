"""The doors for writing Products: insert, update, upsert and delete, up to 100 records a call."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from aiohttp import web

from zoho_sync.sandbox.clock import parse_time
from zoho_sync.sandbox.state import State, state_of
from zoho_sync.sandbox.store import Document
from zoho_sync.sandbox.web import Refused

from . import fields, records
from .envelope import (
    ItemRefused,
    Result,
    batch,
    check_module,
    items,
    json_body,
    no_content,
    refusal,
    required_parameter,
)
from .records import Author

RECORDS_PER_CALL = 100
SYSTEM_DUPLICATE_FIELD = "Product_Name"


async def insert(request: web.Request) -> web.Response:
    """`POST /Products`"""
    state, sent = await opened(request)
    author = Author.of_api(request)
    results = each(
        sent, lambda data, path: records.done(records.insert(state, data, path, author), "record added")
    )
    return batch("data", results, all_good=201)


async def update_many(request: web.Request) -> web.Response:
    """`PUT /Products`: each item names its record by `id`."""
    state, sent = await opened(request)
    refuse_if_modified(request, [state.crm_products.get(str(data.get("id"))) for data in sent])
    author = Author.of_api(request)

    def update(data: dict[str, Any], path: str) -> Result:
        record = records.by_id(state, data.get("id"), path)
        return records.done(records.update(state, record, data, path, author), "record updated")

    return batch("data", each(sent, update), all_good=200)


async def update_one(request: web.Request) -> web.Response:
    """`PUT /Products/{id}`"""
    state, sent = await opened(request, most=1)
    id = request.match_info["id"]
    refuse_if_modified(request, [state.crm_products.get(id)])
    author = Author.of_api(request)

    def update(data: dict[str, Any], path: str) -> Result:
        record = records.by_id(state, id, path)
        return records.done(records.update(state, record, data, path, author), "record updated")

    return batch("data", each(sent, update), all_good=200)


async def upsert(request: web.Request) -> web.Response:
    """`POST /Products/upsert`, in the order sent: the same key twice inserts once and then updates."""
    state, sent = await opened(request)
    check_fields = fields_to_match_by(state, (await json_body(request)).get("duplicate_check_fields"))
    refuse_if_modified(request, [records.match(state, data, check_fields)[0] for data in sent])
    author = Author.of_api(request)

    def upsert_one(data: dict[str, Any], path: str) -> Result:
        found, by = records.match(state, data, check_fields)
        if data.get("id"):
            found, by = records.by_id(state, data["id"], path), None
        if found is None:
            record = records.insert(state, data, path, author)
            return records.done(record, "record added", duplicate_field=None, action="insert")
        record = records.update(state, found, data, path, author)
        return records.done(record, "record updated", duplicate_field=by, action="update")

    return batch("data", each(sent, upsert_one), all_good=200)


async def delete_many(request: web.Request) -> web.Response:
    """`DELETE /Products?ids=a,b`"""
    check_module(request.match_info["module"])
    ids = [id.strip() for id in required_parameter(request, "ids").split(",")]
    if len(ids) > RECORDS_PER_CALL:
        details = {"limit": RECORDS_PER_CALL, "param_name": "ids"}
        raise refusal(400, "LIMIT_EXCEEDED", "Record count exceeded", details)
    return delete(request, ids)


async def delete_one(request: web.Request) -> web.Response:
    """`DELETE /Products/{id}`"""
    check_module(request.match_info["module"])
    return delete(request, [request.match_info["id"]])


def delete(request: web.Request, ids: list[str]) -> web.Response:
    state, author = state_of(request), Author.of_api(request)

    def delete_one(data: dict[str, Any], path: str) -> Result:
        record = records.by_id(state, data["id"], path)
        records.delete(state, record, author)
        return {
            "code": "SUCCESS",
            "details": {"id": record["id"]},
            "message": "record deleted",
            "status": "success",
        }

    results = each([{"id": id} for id in ids], delete_one)
    return batch("data", results, all_good=200) if results else no_content()


async def opened(request: web.Request, most: int = RECORDS_PER_CALL) -> tuple[State, list[dict[str, Any]]]:
    check_module(request.match_info["module"])
    return state_of(request), await items(request, "data", most)


def each(sent: list[dict[str, Any]], deed: Callable[[dict[str, Any], str], Result]) -> list[Result]:
    """One result per item, in the order sent; a refused item does not stop the next."""
    results = []
    for index, data in enumerate(sent):
        try:
            results.append(deed(data, f"$.data[{index}]"))
        except ItemRefused as refused:
            results.append(refused.result)
    return results


def fields_to_match_by(state: State, given: Any) -> list[str]:
    """The order of matching. Zoho CRM API: "Upsert Records".

    Listed fields first, then all remaining unique fields; the system's own duplicate field counts only when
    it is listed. Without a list it is the system's field first, then the unique ones.
    """
    unique = fields.unique_fields(state)
    if not given:
        return [SYSTEM_DUPLICATE_FIELD, *unique]
    allowed = {SYSTEM_DUPLICATE_FIELD, *unique}
    for index, name in enumerate(given if isinstance(given, list) else [given]):
        if not isinstance(given, list) or name not in allowed:
            place = {"api_name": "duplicate_check_fields", "json_path": f"$.duplicate_check_fields[{index}]"}
            raise refusal(400, "INVALID_DATA", "invalid data", place)
    return [*given, *(name for name in unique if name not in given)]


def refuse_if_modified(request: web.Request, targets: list[Document | None]) -> None:
    """`If-Unmodified-Since`: when one of the records is newer, nothing of the request is done."""
    since = parse_time(request.headers.get("If-Unmodified-Since", ""))
    if since is None:
        return
    for record in targets:
        modified = parse_time(record["Modified_Time"]) if record else None
        if record and modified and modified > since:
            names = ("Modified_Time", "Modified_By", "Created_Time", "id", "Created_By")
            error = {
                "code": "ALREADY_MODIFIED",
                "details": {name: record[name] for name in names},
                "message": "record already modified",
                "status": "error",
            }
            raise Refused(412, {"data": [error]})
