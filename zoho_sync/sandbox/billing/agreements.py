"""What a subscription agrees on: its plan and add-ons, at prices of its own, and the terms it runs in.

Zoho Billing API v1: "Subscriptions"; help: "Renewal pricing". A price that is not given is the list price of the
moment, and stays: what the plan costs later is nothing to this subscription.
"""

from __future__ import annotations

from calendar import monthrange
from datetime import date, timedelta
from typing import Any

from zoho_sync.sandbox.state import State
from zoho_sync.sandbox.store import Document

from .envelope import NO_SUCH_ADDON, NO_SUCH_PLAN, invalid, refusal
from .values import Field, blank, check_tax, flag, number, objects, positive, read, text, whole

PLAN = (
    Field("plan_code", text, required=True),
    Field("plan_description", text),
    Field("price", number),
    Field("quantity", positive, default=1),
    Field("setup_fee", number),
    Field("tax_id", text),
    Field("exclude_trial", flag, default=False),
    Field("exclude_setup_fee", flag, default=False),
    Field("trial_days", whole),
)
ADDON = (
    Field("addon_code", text, required=True),
    Field("addon_description", text),
    Field("price", number),
    Field("quantity", positive, default=1),
    Field("tax_id", text),
)


def agreed(state: State, body: Document) -> Document:
    """`plan`, `addons` and what follows from the plan, from the body of a create or an update.

    Add-ons that are left out are not agreed on: whether an update keeps them is not documented.
    """
    if not isinstance(body.get("plan"), dict):
        raise invalid("plan")
    wanted = {**blank(PLAN), **read(body["plan"], PLAN)}
    listed = state.billing_plans.first("plan_code", wanted["plan_code"])
    if listed is None:
        raise refusal(NO_SUCH_PLAN, "Invalid Plan Code")
    if listed["status"] != "active":
        raise refusal(NO_SUCH_PLAN, "The plan is inactive and cannot be subscribed to.")
    check_tax(state, wanted)
    addons = read(body, (Field("addons", objects),)).get("addons", [])
    plan = {
        "plan_code": listed["plan_code"],
        "plan_id": listed["plan_id"],
        "name": listed["name"],
        "price": listed["recurring_price"] if wanted["price"] == "" else wanted["price"],
        "quantity": wanted["quantity"],
        "tax_id": wanted["tax_id"] or listed["tax_id"],
        "plan_description": wanted["plan_description"],
        "setup_fee": 0 if wanted["exclude_setup_fee"] else _first(wanted["setup_fee"], listed["setup_fee"]),
        "trial_days": 0 if wanted["exclude_trial"] else _first(wanted["trial_days"], listed["trial_period"]),
    }
    return {
        "plan_code": plan["plan_code"],
        "plan": plan,
        "addons": [addon_in(state, plan, each) for each in addons],
        "product_id": listed["product_id"],
        "interval": listed["interval"],
        "interval_unit": listed["interval_unit"],
        "billing_cycles": listed["billing_cycles"],
    }


def _first(given: Any, otherwise: Any) -> Any:
    return otherwise if given == "" else given


def addon_in(state: State, plan: Document, sent: Document) -> Document:
    wanted = {**blank(ADDON), **read(sent, ADDON)}
    listed = state.billing_addons.first("addon_code", wanted["addon_code"])
    if listed is None:
        raise refusal(NO_SUCH_ADDON, "Invalid Addon Code")
    fits = listed["applicable_to_all_plans"] or plan["plan_code"] in listed["plans"]
    if listed["status"] != "active" or not fits:
        raise refusal(NO_SUCH_ADDON, "The addon is inactive or not applicable to the plan.")
    check_tax(state, wanted)
    return {
        "addon_code": listed["addon_code"],
        "name": listed["name"],
        "price": _first(wanted["price"], listed["price_brackets"][0]["price"]),
        "quantity": wanted["quantity"],
        "tax_id": wanted["tax_id"] or listed["tax_id"],
        "addon_description": wanted["addon_description"],
        "type": listed["type"],
    }


def recurring_lines(subscription: Document) -> list[Document]:
    """What each term bills: the plan and the add-ons that recur."""
    addons = [each for each in subscription["addons"] if each["type"] == "recurring"]
    return [_plan_line(subscription), *(_addon_line(subscription, each) for each in addons)]


def first_lines(subscription: Document) -> list[Document]:
    """What is billed once: the plan's setup fee and the one-time add-ons."""
    plan = subscription["plan"]
    named = {"of": "setup_fee", "name": f"Setup fee: {plan['name']}", "price": plan["setup_fee"]}
    fee = {**_plan_line(subscription), **named}
    return [*([{**fee, "quantity": 1}] if plan["setup_fee"] else []), *addon_lines(subscription)]


def addon_lines(subscription: Document) -> list[Document]:
    """The one-time add-ons."""
    return [_addon_line(subscription, each) for each in subscription["addons"] if each["type"] == "one_time"]


def _plan_line(subscription: Document) -> Document:
    plan = subscription["plan"]
    return _line(subscription, "plan", plan, plan["plan_code"], plan["plan_description"])


def _addon_line(subscription: Document, addon: Document) -> Document:
    return _line(subscription, addon["type"], addon, addon["addon_code"], addon["addon_description"])


def _line(subscription: Document, of: str, sold: Document, code: str, description: str) -> Document:
    shared = {name: sold[name] for name in ("name", "price", "quantity", "tax_id")}
    named = {"of": of, "code": code, "description": description}
    return {**shared, **named, "product_id": subscription["product_id"]}


def at_latest_prices(state: State, subscription: Document) -> Document:
    """The subscription as an organisation that uses the latest prices renews it.

    A price that was given for this subscription only is replaced as well: what becomes of it is not documented.
    """
    plan = state.billing_plans.first("plan_code", subscription["plan_code"])
    addons = []
    for addon in subscription["addons"]:
        listed = state.billing_addons.first("addon_code", addon["addon_code"])
        addons.append({**addon, "price": listed["price_brackets"][0]["price"]} if listed else addon)
    if plan is None:
        return subscription
    return {
        **subscription,
        "plan": {**subscription["plan"], "price": plan["recurring_price"]},
        "addons": addons,
    }


def in_term(subscription: Document, anchor: date, number: int) -> Document:
    """The subscription in its term `number`, counted from nought at `anchor`."""
    start, following = (
        _term_start(subscription, anchor, number),
        _term_start(subscription, anchor, number + 1),
    )
    return {
        **subscription,
        "anchor": anchor.isoformat(),
        "term": number,
        "current_term_starts_at": start.isoformat(),
        "current_term_ends_at": (following - timedelta(days=1)).isoformat(),
        "next_billing_at": following.isoformat(),
    }


def term_on(subscription: Document, anchor: date, day: date) -> int:
    """The number of the term that `day` falls in."""
    number = 0
    while _term_start(subscription, anchor, number + 1) <= day:
        number += 1
    return number


def _term_start(subscription: Document, anchor: date, number: int) -> date:
    months = number * subscription["interval"] * (12 if subscription["interval_unit"] == "years" else 1)
    index = anchor.year * 12 + anchor.month - 1 + months
    year, month = index // 12, index % 12 + 1
    return date(year, month, min(anchor.day, monthrange(year, month)[1]))
