"""Plans: what recurs, at which price. Editing one changes what new subscriptions pay, and no others.

Zoho Billing API v1: "Plans"; help: "Creating plans", "Plan operations".
"""

from __future__ import annotations

from typing import Any

from aiohttp import web

from zoho_sync.sandbox.clock import billing_time
from zoho_sync.sandbox.state import State, state_of
from zoho_sync.sandbox.store import Document

from .envelope import (
    DUPLICATE_PLAN,
    IN_USE,
    INVALID_PRODUCT_REFERENCE,
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
    positive,
    read,
    tax_told,
    text,
    whole,
)


def cycles(value: Any) -> int:
    """How many times the plan bills, after which it expires. -1 is until cancelled; 0 is refused."""
    return -1 if value == -1 and not isinstance(value, bool) else positive(value)


def taxable(value: Any) -> bool:
    return value.lower() == "true" if value in ("true", "false", "True", "False") else flag(value)


FIELDS = (
    Field("plan_code", code, most=99, required=True),
    Field("name", text, most=99, required=True),
    Field("recurring_price", number, default=0, required=True),
    Field("interval", positive, default=1, required=True),
    Field("interval_unit", one_of("months", "years"), default="months"),
    Field("billing_cycles", cycles, default=-1),
    Field("trial_period", whole, default=0),
    Field("setup_fee", number, default=0),
    Field("setup_fee_account_id", text),
    Field("unit", text),
    Field("tax_id", text),
    Field("is_taxable", taxable, default=True),
    Field("tax_exemption_id", text),
    Field("tax_exemption_code", text),
    Field("product_type", one_of("goods", "service", "digital_service")),
    Field("description", text, most=2000),
    Field("store_markup_description", text),
    Field("custom_fields", objects, default=[]),
    Field("tags", objects, default=[]),
)
UPDATE_FIELDS = (*FIELDS, Field("addons", objects, default=[]))
FILTERS = ("PlanStatus.All", "PlanStatus.ACTIVE", "PlanStatus.INACTIVE")
ONLY_IN_FULL = ("custom_fields", "tags", "url", "account_id", "account_name")


async def create(request: web.Request) -> web.Response:
    """`POST /plans`: needs a product that exists."""
    state = state_of(request)
    body = await json_body(request)
    values = read(body, FIELDS)
    product_id = body.get("product_id")
    if not isinstance(product_id, str) or state.billing_products.get(product_id) is None:
        raise refusal(INVALID_PRODUCT_REFERENCE, "Invalid value passed for product_id")
    refuse_taken_code(state, values["plan_code"], None)
    now = billing_time(state.clock.now())
    plan = {
        "plan_id": state.store.new_id(),
        **blank(UPDATE_FIELDS),
        "custom_fields": {},
        **prepared(state, values, {}),
        "product_id": product_id,
        "status": "active",
        "created_time": now,
        "updated_time": now,
    }
    return one("plan", "The plan has been created.", told(state, state.billing_plans.put(plan)), 201)


async def update(request: web.Request) -> web.Response:
    """`PUT /plans/{plan_code}`: code, name, price and interval each time; the product cannot change.

    What is left out stays as it was. Whether a plan in use may get another code or interval is not
    documented; here it may.
    """
    state, plan = found(request)
    values = read(await json_body(request), UPDATE_FIELDS)
    refuse_taken_code(state, values["plan_code"], plan["plan_id"])
    changed = {**plan, **prepared(state, values, plan["custom_fields"])}
    return one("plan", "The plan details has been updated.", told(state, save(state, changed)))


async def list_all(request: web.Request) -> web.Response:
    """`GET /plans`: thin rows. A blank `product_id` or `plan_code` filters nothing."""
    state = state_of(request)
    chosen = filtered_by(request, FILTERS, "PlanStatus.All")
    status = chosen.partition(".")[2].lower()
    rows = (row(state, plan) for plan in candidates(request, state) if status in ("all", plan["status"]))
    return page(request, "plans", rows, chosen)


async def get(request: web.Request) -> web.Response:
    """`GET /plans/{plan_code}`"""
    state, plan = found(request)
    return one("plan", "success", told(state, plan))


async def delete(request: web.Request) -> web.Response:
    """`DELETE /plans/{plan_code}`: for plans without transactions."""
    state, plan = found(request)
    if state.billing_subscriptions.having("plan_code", plan["plan_code"]):
        raise refusal(IN_USE, "Plans with transactions cannot be deleted.")
    state.billing_plans.remove(plan["plan_id"])
    return said("The plan has been deleted.")


async def mark_active(request: web.Request) -> web.Response:
    state, plan = found(request)
    save(state, {**plan, "status": "active"})
    return said("The plan has been marked as active.")


async def mark_inactive(request: web.Request) -> web.Response:
    state, plan = found(request)
    save(state, {**plan, "status": "inactive"})
    return said("The plan has been marked as inactive.")


def found(request: web.Request) -> tuple[State, Document]:
    """By its code. A plan's id is not accepted in its place."""
    state = state_of(request)
    plan = state.billing_plans.first("plan_code", request.match_info["plan_code"])
    if plan is None:
        raise refusal(NO_SUCH_PLAN, "Invalid Plan Code")
    return state, plan


def candidates(request: web.Request, state: State) -> Any:
    plan_code, product_id = request.query.get("plan_code"), request.query.get("product_id")
    if plan_code:
        try:
            return state.billing_plans.having("plan_code", code(plan_code))
        except ValueError:
            raise invalid("plan_code") from None
    if product_id:
        return state.billing_plans.having("product_id", product_id)
    return state.billing_plans


def refuse_taken_code(state: State, plan_code: str, own_id: str | None) -> None:
    holder = state.billing_plans.first("plan_code", plan_code)
    if holder and holder["plan_id"] != own_id:
        raise already_exists(DUPLICATE_PLAN, "plan code", plan_code)


def prepared(state: State, values: Document, kept: Document) -> Document:
    """The values as they are stored: custom fields by id, add-ons by code."""
    check_tax(state, values)
    changed = dict(values)
    if "custom_fields" in values:
        changed["custom_fields"] = custom_values(state, "plan", kept, values["custom_fields"])
    if "addons" in values:
        codes = [str(addon.get("addon_code", "")) for addon in values["addons"]]
        if not all(state.billing_addons.first("addon_code", each) for each in codes):
            raise invalid("addon_code")
        changed["addons"] = codes
    return changed


def save(state: State, plan: Document) -> Document:
    return state.billing_plans.put({**plan, "updated_time": billing_time(state.clock.now())})


def told(state: State, plan: Document) -> Document:
    """The plan as the answers for one plan tell of it."""
    addons = [addon for c in plan["addons"] if (addon := state.billing_addons.first("addon_code", c))]
    names = ("addon_code", "name", "status", "pricing_scheme", "unit_name", "price_brackets")
    return {
        **plan,
        **tax_told(state, plan["tax_id"]),
        "account_id": "",
        "account_name": "Sales",
        "custom_fields": custom_fields_told(state, "plan", plan["custom_fields"]),
        "addons": [{name: addon[name] for name in names} for addon in addons],
        "url": f"https://billing.zoho.example/subscribe/{plan['plan_id']}/{plan['plan_code']}",
    }


def row(state: State, plan: Document) -> Document:
    """The plan as lists show it: without custom fields, tags and accounts."""
    return {name: value for name, value in told(state, plan).items() if name not in ONLY_IN_FULL}
