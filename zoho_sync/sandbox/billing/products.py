"""Products: a name over plans and add-ons. They have no code, no custom fields and no search by name."""

from __future__ import annotations

from aiohttp import web

from zoho_sync.sandbox.clock import billing_time
from zoho_sync.sandbox.state import State, state_of
from zoho_sync.sandbox.store import Document

from .envelope import (
    DUPLICATE_PRODUCT,
    IN_USE,
    NO_SUCH_PRODUCT,
    already_exists,
    filtered_by,
    json_body,
    one,
    page,
    refusal,
    said,
)
from .values import Field, blank, read, text

FIELDS = (
    Field("name", text, most=100, required=True),
    Field("description", text, most=2000),
    Field("email_ids", text),
    Field("redirect_url", text),
)
FILTERS = ("ProductStatus.All", "ProductStatus.ACTIVE", "ProductStatus.INACTIVE")


async def create(request: web.Request) -> web.Response:
    """`POST /products`"""
    state = state_of(request)
    values = read(await json_body(request), FIELDS)
    refuse_taken_name(state, values["name"], None)
    now = billing_time(state.clock.now())
    product = {
        "product_id": state.store.new_id(),
        **blank(FIELDS),
        **values,
        "status": "active",
        "created_time": now,
        "updated_time": now,
    }
    return one("product", "The product has been created", state.billing_products.put(product), 201)


async def update(request: web.Request) -> web.Response:
    """`PUT /products/{product_id}`: the name is needed each time."""
    state, product = found(request)
    values = read(await json_body(request), FIELDS)
    refuse_taken_name(state, values["name"], product["product_id"])
    return one("product", "The product details have been updated.", save(state, {**product, **values}))


async def list_all(request: web.Request) -> web.Response:
    """`GET /products`"""
    state = state_of(request)
    chosen = filtered_by(request, FILTERS, "ProductStatus.All")
    status = chosen.partition(".")[2].lower()
    return page(
        request, "products", (p for p in state.billing_products if status in ("all", p["status"])), chosen
    )


async def get(request: web.Request) -> web.Response:
    """`GET /products/{product_id}`"""
    return one("product", "success", found(request)[1])


async def delete(request: web.Request) -> web.Response:
    """`DELETE /products/{product_id}`: not while it has plans or add-ons (expected, not documented)."""
    state, product = found(request)
    id = product["product_id"]
    if state.billing_plans.first("product_id", id) or state.billing_addons.first("product_id", id):
        raise refusal(IN_USE, "The product has plans or addons associated with it and cannot be deleted.")
    state.billing_products.remove(id)
    return said("The product has been deleted.")


async def mark_active(request: web.Request) -> web.Response:
    state, product = found(request)
    save(state, {**product, "status": "active"})
    return said("The product has been marked as active.")


async def mark_inactive(request: web.Request) -> web.Response:
    state, product = found(request)
    save(state, {**product, "status": "inactive"})
    return said("The product has been marked as inactive.")


def found(request: web.Request) -> tuple[State, Document]:
    state = state_of(request)
    product = state.billing_products.get(request.match_info["product_id"])
    if product is None:
        raise refusal(NO_SUCH_PRODUCT, "Invalid Product ID")
    return state, product


def save(state: State, product: Document) -> Document:
    return state.billing_products.put({**product, "updated_time": billing_time(state.clock.now())})


def refuse_taken_name(state: State, name: str, own_id: str | None) -> None:
    """Whether Zoho minds equal names is not documented. This one does: the harder case to live with."""
    holder = state.billing_products.first("name", name)
    if holder and holder["product_id"] != own_id:
        raise already_exists(DUPLICATE_PRODUCT, "product", name)
