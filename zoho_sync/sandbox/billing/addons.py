"""Add-ons: what is sold on top of a plan, once or each time. Zoho Billing API v1: "Addons"."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from zoho_sync.sandbox.clock import billing_time
from zoho_sync.sandbox.state import State, state_of
from zoho_sync.sandbox.store import Document

from .envelope import (
    DUPLICATE_ADDON,
    INVALID_PRODUCT_REFERENCE,
    NO_SUCH_ADDON,
    NO_SUCH_PLAN,
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
    code,
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
    Field("addon_code", code, most=99, required=True),
    Field("name", text, most=99, required=True),
    Field("unit_name", text, required=True),
    Field("price_brackets", objects, default=[], required=True),
    Field("pricing_scheme", one_of("unit", "volume", "tier", "package"), default="unit"),
    Field("type", one_of("recurring", "one_time"), default="recurring"),
    Field("interval_unit", one_of("monthly", "yearly"), default="monthly"),
    Field("applicable_to_all_plans", flag, default=True),
    Field("plans", objects, default=[]),
    Field("description", text, most=2000),
    Field("store_markup_description", text),
    Field("tax_id", text),
    Field("tax_exemption_id", text),
    Field("tax_exemption_code", text),
    Field("product_type", one_of("goods", "service", "digital_service")),
    Field("custom_fields", objects, default=[]),
    Field("tags", objects, default=[]),
)
FILTERS = tuple(f"AddonStatus.{word}" for word in ("All", "ACTIVE", "INACTIVE", "ONETIME", "RECURRING"))


async def create(request: web.Request) -> web.Response:
    """`POST /addons`"""
    state = state_of(request)
    body = await json_body(request)
    values = prepared(state, read(body, FIELDS), {})
    product_id = product_in(state, body)
    refuse_taken_code(state, values["addon_code"], None)
    now = billing_time(state.clock.now())
    addon = {
        "addon_id": state.store.new_id(),
        **blank(FIELDS),
        "custom_fields": {},
        **values,
        "product_id": product_id,
        "status": "active",
        "created_time": now,
        "updated_time": now,
    }
    return one("addon", "The addon has been created", told(state, state.billing_addons.put(addon)), 201)


async def update(request: web.Request) -> web.Response:
    """`PUT /addons/{addon_code}`: needs code, name, unit name, price and product each time."""
    state, addon = found(request)
    body = await json_body(request)
    values = prepared(state, read(body, FIELDS), addon)
    refuse_taken_code(state, values["addon_code"], addon["addon_id"])
    changed = {**addon, **values, "product_id": product_in(state, body)}
    return one("addon", "The addon details have been updated.", told(state, save(state, changed)))


async def list_all(request: web.Request) -> web.Response:
    """`GET /addons`: rows without the plans they apply to."""
    state = state_of(request)
    chosen = filtered_by(request, FILTERS, "AddonStatus.All")
    product_id = request.query.get("product_id")
    addons = state.billing_addons.having("product_id", product_id) if product_id else state.billing_addons
    rows = (row(state, addon) for addon in addons if is_listed(addon, chosen))
    return page(request, "addons", rows, chosen)


async def get(request: web.Request) -> web.Response:
    """`GET /addons/{addon_code}`"""
    state, addon = found(request)
    return one("addon", "success", told(state, addon))


async def delete(request: web.Request) -> web.Response:
    """`DELETE /addons/{addon_code}`"""
    state, addon = found(request)
    state.billing_addons.remove(addon["addon_id"])
    return said("The addon has been deleted.")


async def mark_active(request: web.Request) -> web.Response:
    state, addon = found(request)
    save(state, {**addon, "status": "active"})
    return said("The addon has been marked as active.")


async def mark_inactive(request: web.Request) -> web.Response:
    state, addon = found(request)
    save(state, {**addon, "status": "inactive"})
    return said("The addon has been marked as inactive.")


def is_listed(addon: Document, chosen: str) -> bool:
    word = chosen.partition(".")[2].lower()
    return word == "all" or word in (addon["status"], addon["type"].replace("_", ""))


def found(request: web.Request) -> tuple[State, Document]:
    state = state_of(request)
    addon = state.billing_addons.first("addon_code", request.match_info["addon_code"])
    if addon is None:
        raise refusal(NO_SUCH_ADDON, "Invalid Addon Code")
    return state, addon


def product_in(state: State, body: Document) -> str:
    product_id = body.get("product_id")
    if not isinstance(product_id, str) or state.billing_products.get(product_id) is None:
        raise refusal(INVALID_PRODUCT_REFERENCE, "Invalid value passed for product_id")
    return product_id


def refuse_taken_code(state: State, addon_code: str, own_id: str | None) -> None:
    holder = state.billing_addons.first("addon_code", addon_code)
    if holder and holder["addon_id"] != own_id:
        raise already_exists(DUPLICATE_ADDON, "addon code", addon_code)


def prepared(state: State, values: Document, former: Document) -> Document:
    """The values as they are stored, once what depends on each other agrees."""
    check_tax(state, values)
    changed = dict(values)
    scheme = str(values.get("pricing_scheme") or former.get("pricing_scheme") or "unit")
    changed["price_brackets"] = [bracket(each, scheme) for each in values["price_brackets"]]
    if not changed["price_brackets"]:
        raise invalid("price_brackets")
    if "custom_fields" in values:
        kept = former.get("custom_fields", {})
        changed["custom_fields"] = custom_values(state, "addon", kept, values["custom_fields"])
    if "plans" in values:
        changed["plans"] = [plan_code_in(state, each) for each in values["plans"]]
    for_all = values.get("applicable_to_all_plans", former.get("applicable_to_all_plans", True))
    if not for_all and not changed.get("plans", former.get("plans")):
        raise invalid("plans")
    return changed


def bracket(sent: Document, scheme: str) -> Document:
    """For unit pricing just a price; a package has its size too, a tier where it begins and ends."""
    names = {"unit": (), "package": ("end_quantity",)}.get(scheme, ("start_quantity", "end_quantity"))
    try:
        return {**{name: int(sent[name]) for name in names}, "price": number(sent["price"])}
    except (KeyError, TypeError, ValueError):
        raise invalid("price_brackets") from None


def plan_code_in(state: State, sent: Document) -> str:
    plan_code: Any = sent.get("plan_code")
    if not isinstance(plan_code, str) or state.billing_plans.first("plan_code", plan_code) is None:
        raise refusal(NO_SUCH_PLAN, "Invalid Plan Code")
    return plan_code


def save(state: State, addon: Document) -> Document:
    return state.billing_addons.put({**addon, "updated_time": billing_time(state.clock.now())})


def told(state: State, addon: Document) -> Document:
    """The add-on as the answers for one tell of it. One that is sold once has no interval."""
    plans = [plan for c in addon["plans"] if (plan := state.billing_plans.first("plan_code", c))]
    shown = {
        **addon,
        **tax_told(state, addon["tax_id"]),
        "account_id": "",
        "account_name": "Sales",
        "custom_fields": custom_fields_told(state, "addon", addon["custom_fields"]),
        "plans": [{"plan_code": plan["plan_code"], "name": plan["name"]} for plan in plans],
    }
    if addon["type"] == "one_time":
        del shown["interval_unit"]
    return shown


def row(state: State, addon: Document) -> Document:
    return {name: value for name, value in told(state, addon).items() if name != "plans"}
