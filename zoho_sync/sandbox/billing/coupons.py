"""Coupons: what is taken off invoices, by how much, of which lines, and how often. Zoho Billing API v1: "Coupons".

What they take off an invoice: `discounts`.
"""

from __future__ import annotations

from typing import Any

from aiohttp import web

from zoho_sync.sandbox.clock import billing_time
from zoho_sync.sandbox.state import State, state_of
from zoho_sync.sandbox.store import Document

from .addons import plan_code_in, product_in
from .envelope import (
    DUPLICATE_COUPON,
    IN_USE,
    NO_SUCH_ADDON,
    NO_SUCH_COUPON,
    already_exists,
    filtered_by,
    invalid,
    json_body,
    one,
    page,
    refusal,
    said,
)
from .payments import day
from .values import Field, blank, code, number, objects, one_of, positive, read, text, whole

FIELDS = (
    Field("coupon_code", code, most=99, required=True),
    Field("name", text, most=99, required=True),
    Field("description", text, most=2000),
    Field("type", one_of("one_time", "duration", "forever"), required=True),
    Field("duration", positive, default=0),
    Field("discount_by", one_of("flat", "percentage"), required=True),
    Field("discount_value", number, default=0, required=True),
    Field("max_redemption", whole, default=0),
    Field("expiry_at", day),
    Field("apply_to_plans", one_of("all", "none", "select"), default="all"),
    Field("plans", objects, default=[]),
    Field(
        "apply_to_addons",
        one_of("all_addons", "all_recurring", "all_onetime", "none", "select"),
        default="none",
    ),
    Field("addons", objects, default=[]),
)
EDITABLE = tuple(
    Field(field.name, field.read, field.default, field.most, required=field.name == "name")
    for field in FIELDS
    if field.name in ("name", "description", "max_redemption", "expiry_at")
)
FILTERS = tuple(
    f"CouponStatus.{word}" for word in ("All", "ACTIVE", "INACTIVE", "EXPIRED", "MAXED_OUT", "ONETIME")
)
ONLY_IN_FULL = ("duration", "apply_to_plans", "plans", "apply_to_addons", "addons", "coupon_id")


async def create(request: web.Request) -> web.Response:
    """`POST /coupons`"""
    state = state_of(request)
    body = await json_body(request)
    values = prepared(state, {**blank(FIELDS), **read(body, FIELDS)})
    if state.billing_coupons.first("coupon_code", values["coupon_code"]):
        raise already_exists(DUPLICATE_COUPON, "coupon code", values["coupon_code"])
    now = billing_time(state.clock.now())
    coupon = {
        "coupon_id": state.store.new_id(),
        **values,
        "product_id": product_in(state, body),
        "status": "active",
        "redemption_count": 0,
        "created_time": now,
        "updated_time": now,
    }
    return one("coupon", "The coupon has been created", told(state, state.billing_coupons.put(coupon)), 201)


async def update(request: web.Request) -> web.Response:
    """`PUT /coupons/{coupon_code}`: the name each time; what it takes off cannot change."""
    state, coupon = found(request)
    values = read(await json_body(request), EDITABLE)
    return one(
        "coupon", "The coupon details have been updated.", told(state, save(state, {**coupon, **values}))
    )


async def list_all(request: web.Request) -> web.Response:
    """`GET /coupons`: rows that tell neither how often it is taken off nor of what."""
    state = state_of(request)
    chosen = filtered_by(request, FILTERS, "CouponStatus.All")
    product_id = request.query.get("product_id")
    coupons = state.billing_coupons.having("product_id", product_id) if product_id else state.billing_coupons
    rows = (row(state, each) for each in coupons if is_listed(state, each, chosen))
    return page(request, "coupons", rows, chosen)


async def get(request: web.Request) -> web.Response:
    """`GET /coupons/{coupon_code}`"""
    state, coupon = found(request)
    return one("coupon", "success", told(state, coupon))


async def delete(request: web.Request) -> web.Response:
    """`DELETE /coupons/{coupon_code}`: only one that no subscription has. Help: "Coupons"."""
    state, coupon = found(request)
    if any(each["coupon_code"] == coupon["coupon_code"] for each in state.billing_subscriptions):
        raise refusal(IN_USE, "Coupons associated with subscriptions cannot be deleted.")
    state.billing_coupons.remove(coupon["coupon_id"])
    return said("The coupon has been deleted.")


async def mark_active(request: web.Request) -> web.Response:
    state, coupon = found(request)
    save(state, {**coupon, "status": "active"})
    return said("The coupon has been marked as active.")


async def mark_inactive(request: web.Request) -> web.Response:
    """Subscriptions that have it keep it. Help: "Coupons"."""
    state, coupon = found(request)
    save(state, {**coupon, "status": "inactive"})
    return said("The coupon has been marked as inactive.")


def prepared(state: State, values: Document) -> Document:
    """The values as they are stored, once what depends on each other agrees."""
    is_limited = values["type"] == "duration"
    if bool(values["duration"]) != is_limited:
        raise invalid("duration")
    if values["discount_by"] == "percentage" and values["discount_value"] > 100:
        raise invalid("discount_value")
    plans = [plan_code_in(state, each) for each in values["plans"]]
    addons = [addon_code_in(state, each) for each in values["addons"]]
    if values["apply_to_plans"] == "select" and not plans:
        raise invalid("plans")
    if values["apply_to_addons"] == "select" and not addons:
        raise invalid("addons")
    return {**values, "plans": plans, "addons": addons}


def addon_code_in(state: State, sent: Document) -> str:
    addon_code: Any = sent.get("addon_code")
    if not isinstance(addon_code, str) or state.billing_addons.first("addon_code", addon_code) is None:
        raise refusal(NO_SUCH_ADDON, "Invalid Addon Code")
    return addon_code


def found(request: web.Request) -> tuple[State, Document]:
    state = state_of(request)
    return state, coupon_in(state, request.match_info["coupon_code"])


def coupon_in(state: State, coupon_code: Any) -> Document:
    coupon = state.billing_coupons.first("coupon_code", coupon_code) if isinstance(coupon_code, str) else None
    if coupon is None:
        raise refusal(NO_SUCH_COUPON, "Invalid Coupon Code")
    return coupon


def save(state: State, coupon: Document) -> Document:
    return state.billing_coupons.put({**coupon, "updated_time": billing_time(state.clock.now())})


def status_of(state: State, coupon: Document) -> str:
    if coupon["status"] == "inactive":
        return "inactive"
    if coupon["expiry_at"] and coupon["expiry_at"] < state.clock.now().date().isoformat():
        return "expired"
    is_used_up = coupon["max_redemption"] and coupon["redemption_count"] >= coupon["max_redemption"]
    return "maxed_out" if is_used_up else "active"


def is_listed(state: State, coupon: Document, chosen: str) -> bool:
    word = chosen.partition(".")[2].lower()
    return word in ("all", status_of(state, coupon), coupon["type"].replace("_", ""))


def told(state: State, coupon: Document) -> Document:
    """The coupon as the answers for one tell of it."""
    plans = [plan for c in coupon["plans"] if (plan := state.billing_plans.first("plan_code", c))]
    addons = [addon for c in coupon["addons"] if (addon := state.billing_addons.first("addon_code", c))]
    return {
        **coupon,
        "status": status_of(state, coupon),
        "plans": [{"plan_code": plan["plan_code"], "name": plan["name"]} for plan in plans],
        "addons": [{"addon_code": addon["addon_code"], "name": addon["name"]} for addon in addons],
    }


def row(state: State, coupon: Document) -> Document:
    return {name: value for name, value in told(state, coupon).items() if name not in ONLY_IN_FULL}


# --- on a subscription


def put_on(state: State, subscription: Document, coupon_code: str) -> Document:
    """The subscription with the coupon, which the next invoices bear. Another one it had goes."""
    coupon = coupon_in(state, coupon_code)
    fits = coupon["product_id"] == subscription["product_id"]
    if status_of(state, coupon) != "active" or not fits:
        raise refusal(NO_SUCH_COUPON, "The coupon cannot be applied to this subscription.")
    save(state, {**coupon, "redemption_count": coupon["redemption_count"] + 1})
    return {**subscription, "coupon_code": coupon_code, "coupon_used": 0}
