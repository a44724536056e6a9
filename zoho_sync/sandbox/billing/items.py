"""Items: things for stand-alone invoices and quotes. No subscription has a place for one.

Zoho Billing API v1: "Items". They are switched with `/active` and `/inactive`, unlike everything else.
"""

from __future__ import annotations

from collections.abc import Callable

from aiohttp import web

from zoho_sync.sandbox.clock import billing_time
from zoho_sync.sandbox.state import State, state_of
from zoho_sync.sandbox.store import Document

from .envelope import (
    DUPLICATE_SKU,
    NO_SUCH_OBJECT,
    already_exists,
    filtered_by,
    invalid,
    json_body,
    one,
    page,
    refusal,
    said,
)
from .values import (
    Field,
    blank,
    check_tax,
    custom_fields_told,
    custom_values,
    flag,
    number,
    objects,
    one_of,
    read,
    tax_told,
    text,
)

FIELDS = (
    Field("name", text, most=100, required=True),
    Field("rate", number, default=0, required=True),
    Field("description", text, most=2000),
    Field("sku", text, most=100),
    Field("unit", text),
    Field("product_type", one_of("goods", "service"), default="goods"),
    Field("tax_id", text),
    Field("is_taxable", flag, default=True),
    Field("tax_exemption_id", text),
    Field("custom_fields", objects, default=[]),
)
FILTERS = ("Status.All", "Status.Active", "Status.Inactive")


async def create(request: web.Request) -> web.Response:
    """`POST /items`"""
    state = state_of(request)
    values = prepared(state, read(await json_body(request), FIELDS), {})
    refuse_taken_sku(state, values.get("sku"), None)
    now = billing_time(state.clock.now())
    item = {
        "item_id": state.store.new_id(),
        **blank(FIELDS),
        "custom_fields": {},
        **values,
        "status": "active",
        "created_time": now,
        "last_modified_time": now,
    }
    return one("item", "The item has been added.", told(state, state.billing_items.put(item)), 201)


async def update(request: web.Request) -> web.Response:
    """`PUT /items/{item_id}`: name and rate each time."""
    state, item = found(request)
    values = prepared(state, read(await json_body(request), FIELDS), item)
    refuse_taken_sku(state, values.get("sku"), item["item_id"])
    return one("item", "Item details have been saved.", told(state, save(state, {**item, **values})))


async def list_all(request: web.Request) -> web.Response:
    """`GET /items`: the active ones unless asked otherwise. Blank filters filter nothing."""
    state = state_of(request)
    chosen = filtered_by(request, FILTERS, "Status.Active")
    status = chosen.partition(".")[2].lower()
    tests = wanted(request)
    sku = request.query.get("sku")
    items = state.billing_items.having("sku", sku) if sku else state.billing_items
    rows = (
        told(state, i) for i in items if status in ("all", i["status"]) and all(test(i) for test in tests)
    )
    return page(request, "items", rows, chosen)


async def get(request: web.Request) -> web.Response:
    """`GET /items/{item_id}`"""
    state, item = found(request)
    return one("item", "success", told(state, item))


async def delete(request: web.Request) -> web.Response:
    """`DELETE /items/{item_id}`"""
    state, item = found(request)
    state.billing_items.remove(item["item_id"])
    return said("The item has been deleted.")


async def mark_active(request: web.Request) -> web.Response:
    state, item = found(request)
    save(state, {**item, "status": "active"})
    return said("The item has been marked Active.")


async def mark_inactive(request: web.Request) -> web.Response:
    state, item = found(request)
    save(state, {**item, "status": "inactive"})
    return said("The item has been marked Inactive.")


def found(request: web.Request) -> tuple[State, Document]:
    state = state_of(request)
    item = state.billing_items.get(request.match_info["item_id"])
    if item is None:
        raise refusal(NO_SUCH_OBJECT, "Item does not exist.", 404)
    return state, item


def wanted(request: web.Request) -> list[Callable[[Document], bool]]:
    """The filters on name and description, and the text searched for."""
    tests = [
        text_test(name, kind, sought)
        for name in ("name", "description")
        for kind in ("", "_startswith", "_contains")
        if (sought := request.query.get(name + kind))
    ]
    if word := request.query.get("search_text", "").casefold():
        tests.append(lambda item: any(word in item[n].casefold() for n in ("name", "description", "sku")))
    return tests


def text_test(name: str, kind: str, sought: str) -> Callable[[Document], bool]:
    sought = sought.casefold()
    if kind == "_startswith":
        return lambda item: bool(item[name].casefold().startswith(sought))
    if kind == "_contains":
        return lambda item: sought in item[name].casefold()
    return lambda item: bool(item[name].casefold() == sought)


def refuse_taken_sku(state: State, sku: str | None, own_id: str | None) -> None:
    holder = state.billing_items.first("sku", sku)
    if holder and holder["item_id"] != own_id:
        raise already_exists(DUPLICATE_SKU, "SKU", holder["sku"])


def prepared(state: State, values: Document, former: Document) -> Document:
    check_tax(state, values)
    merged = {**former, **values}
    if merged.get("is_taxable") is False and not merged.get("tax_exemption_id"):
        raise invalid("tax_exemption_id")
    if "custom_fields" not in values:
        return values
    kept = former.get("custom_fields", {})
    return {
        **values,
        "custom_fields": custom_values(state, "item", kept, values["custom_fields"], by="customfield_id"),
    }


def save(state: State, item: Document) -> Document:
    return state.billing_items.put({**item, "last_modified_time": billing_time(state.clock.now())})


def told(state: State, item: Document) -> Document:
    return {
        **item,
        **tax_told(state, item["tax_id"]),
        "custom_fields": custom_fields_told(state, "item", item["custom_fields"]),
    }
