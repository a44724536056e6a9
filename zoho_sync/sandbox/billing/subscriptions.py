"""Subscriptions: who pays for which plan, when, and at which price. Zoho Billing API v1: "Subscriptions".

Offline ones only: there are no cards here, so `auto_collect` has to be off. There is no `item` in a
subscription, only a plan and add-ons.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from aiohttp import web

from zoho_sync.sandbox.clock import billing_time
from zoho_sync.sandbox.state import State, state_of
from zoho_sync.sandbox.store import Document

from . import coupons, customers
from .agreements import agreed, recurring_lines, term_on
from .changes import change_now
from .discounts import coupon_of, discounted, taken_off
from .envelope import (
    IN_USE,
    NO_SUCH_OBJECT,
    filtered_by,
    invalid,
    json_body,
    one,
    page,
    refusal,
    said,
)
from .invoices import coupon_told, next_number
from .payments import day as civil_day
from .renewals import WAITING, ended, resumed, started
from .sums import amount, line_total, totals
from .values import Field, blank, custom_fields_told, custom_values, flag, objects, read, text, whole

FIELDS = (
    Field("starts_at", civil_day),
    Field("auto_collect", flag, default=False),
    Field("reference_id", text),
    Field("payment_terms", whole, default=0),
    Field("payment_terms_label", text, default="Due on Receipt"),
    Field("custom_fields", objects, default=[]),
    Field("end_of_term", flag, default=False),
    Field("coupon_code", text),
)
PAUSE = (Field("pause_date", civil_day), Field("resume_date", civil_day))
STATUSES = (
    *("All", "ACTIVE", "LIVE", "FUTURE", "TRIAL", "PAST_DUE", "UNPAID", "NON_RENEWING"),
    *("CANCELLED_FROM_DUNNING", "CANCELLED", "EXPIRED", "TRIAL_EXPIRED"),
)
FILTERS = tuple(f"SubscriptionStatus.{word}" for word in STATUSES)
# No plan code and no price in them: each has to be read by itself to know these.
IN_ROWS = (
    *("customer_id", "customer_name", "email", "plan_name", "subscription_id", "subscription_number", "name"),
    *("status", "amount", "created_at", "activated_at", "current_term_ends_at", "current_term_starts_at"),
    *("last_billing_at", "next_billing_at", "expires_at", "interval", "interval_unit", "auto_collect"),
    *("created_time", "updated_time", "reference_id", "salesperson_id", "salesperson_name"),
    *("currency_code", "currency_symbol"),
)


async def create(request: web.Request) -> web.Response:
    """`POST /subscriptions`: a plan, and a customer by id or inline."""
    state = state_of(request)
    body = await json_body(request)
    values = {**blank(FIELDS), **read(body, FIELDS)}
    if values["auto_collect"]:
        raise invalid("card_id")
    terms = agreed(state, body)
    custom = custom_values(state, "subscription", {}, values["custom_fields"])
    if "customer_id" in body:
        customer = customers.customer_in(state, body["customer_id"])
    elif isinstance(body.get("customer"), dict):
        customer = customers.added(state, body["customer"])
    else:
        raise invalid("customer_id")
    now = state.clock.now()
    subscription = {
        "subscription_id": state.store.new_id(),
        "subscription_number": f"SUB-{next_number(state, 'subscription'):05}",
        "customer_id": customer["customer_id"],
        **{name: value for name, value in values.items() if name not in ("starts_at", "end_of_term")},
        "coupon_code": "",
        "coupon_used": 0,
        **terms,
        "custom_fields": custom,
        "remaining_billing_cycles": terms["billing_cycles"],
        "is_inclusive_tax": state.settings.prices_include_vat,
        **dict.fromkeys(("activated_at", "last_billing_at", "cancelled_at", "expires_at"), ""),
        **dict.fromkeys(("pause_date", "resume_date", "unbilled_charge_id"), ""),
        "child_invoice_id": "",
        "scheduled": {},
        "scheduled_on": "",
        "created_at": now.date().isoformat(),
        "created_time": billing_time(now),
        "updated_time": billing_time(now),
    }
    if values["coupon_code"]:
        subscription = coupons.put_on(state, subscription, values["coupon_code"])
    kept = state.billing_subscriptions.put(begun(state, subscription, values["starts_at"], now.date()))
    return one("subscription", "The subscription has been created.", told(state, kept), 201)


def begun(state: State, subscription: Document, starts_at: str, today: date) -> Document:
    """The new subscription, live or waiting for its day. One that starts in the past is billed for today's term."""
    start = date.fromisoformat(starts_at) if starts_at else today
    trial = subscription["plan"]["trial_days"]
    if start > today:
        return waiting(subscription, "future", start)
    if trial and start + timedelta(days=trial) > today:
        return waiting(subscription, "trial", start + timedelta(days=trial))
    return started(state, subscription, start, term_on(subscription, start, today))


def waiting(subscription: Document, status: str, until: date) -> Document:
    day = until.isoformat()
    return {
        **subscription,
        "status": status,
        "current_term_starts_at": "",
        "current_term_ends_at": "",
        "next_billing_at": day,
    }


async def list_all(request: web.Request) -> web.Response:
    """`GET /subscriptions`: thin rows. Blank filters filter nothing."""
    state = state_of(request)
    chosen = filtered_by(request, FILTERS, "SubscriptionStatus.All")
    customer_id, contained = request.query.get("customer_id"), request.query.get("reference_contains", "")
    table = state.billing_subscriptions
    candidates: Any = table.having("customer_id", customer_id) if customer_id else table
    rows = (
        row(state, each)
        for each in candidates
        if contained in each["reference_id"] and is_listed(each, chosen)
    )
    return page(request, "subscriptions", rows, chosen)


async def get(request: web.Request) -> web.Response:
    """`GET /subscriptions/{subscription_id}`"""
    state, subscription = found(request)
    return one("subscription", "success", told(state, subscription))


async def update(request: web.Request) -> web.Response:
    """`PUT /subscriptions/{subscription_id}`: now, or with `end_of_term` at the next renewal.

    A price or add-on that is left out is not kept: the plan's list price applies, and the add-on goes. A coupon
    that is left out stays.
    """
    state, subscription = found(request)
    body = await json_body(request)
    values = read(body, FIELDS)
    if subscription["status"] not in ("live", *WAITING, "unpaid", "dunning"):
        raise refusal(IN_USE, "The subscription is not active and cannot be updated.")
    terms = agreed(state, body)
    kept: Document = {name: values[name] for name in ("reference_id", "payment_terms") if name in values}
    if values.get("coupon_code"):
        subscription = coupons.put_on(state, subscription, values["coupon_code"])
    if values.get("end_of_term"):
        changed = {**subscription, **kept, "scheduled": terms, "scheduled_on": ""}
    elif subscription["status"] in WAITING:
        changed = {**subscription, **kept, **terms}
    else:
        changed = change_now(state, {**subscription, **kept}, terms, state.clock.now().date())
    return one("subscription", "The subscription has been updated.", told(state, save(state, changed)))


async def scheduled_changes(request: web.Request) -> web.Response:
    """`GET …/scheduledchanges`: the subscription as it will be. What Zoho answers when it will not, nobody wrote down."""
    state, subscription = found(request)
    if not subscription["scheduled"]:
        raise refusal(NO_SUCH_OBJECT, "There are no scheduled changes.", 404)
    return one("subscription", "success", told(state, {**subscription, **subscription["scheduled"]}))


async def drop_scheduled_changes(request: web.Request) -> web.Response:
    """`DELETE …/scheduledchanges`"""
    state, subscription = found(request)
    if not subscription["scheduled"]:
        raise refusal(NO_SUCH_OBJECT, "There are no scheduled changes.", 404)
    save(state, {**subscription, "scheduled": {}, "scheduled_on": ""})
    return said("The scheduled changes have been deleted.")


async def cancel(request: web.Request) -> web.Response:
    """`POST …/cancel?cancel_at_end=true|false`: at the end of the term, or now."""
    state, subscription = found(request)
    at_end = request.query.get("cancel_at_end")
    if at_end not in ("true", "false"):
        raise invalid("cancel_at_end")
    if subscription["status"] in ("cancelled", "expired"):
        raise refusal(IN_USE, "The subscription has already been cancelled.")
    if at_end == "true" and subscription["status"] not in WAITING:
        changed = {**subscription, "status": "non_renewing"}
    else:
        changed = ended(state, subscription, "cancelled", state.clock.now().date())
    return one("subscription", "The subscription has been canceled.", told(state, save(state, changed)))


async def reactivate(request: web.Request) -> web.Response:
    """`POST …/reactivate`: takes back a cancellation that is still to come."""
    state, subscription = found(request)
    if subscription["status"] != "non_renewing":
        raise refusal(IN_USE, "The subscription cannot be reactivated.")
    return one(
        "subscription",
        "The subscription has been reactivated.",
        told(state, save(state, {**subscription, "status": "live"})),
    )


async def pause(request: web.Request) -> web.Response:
    """`POST …/pause`: from today on, until it is resumed or `resume_date`. What was scheduled is gone.

    Zoho Billing KB: "What happens when I pause my customer's subscription?"
    """
    state, subscription = found(request)
    body = await json_body(request) if request.body_exists else {}
    values = {**blank(PAUSE), **read(body, PAUSE)}
    today = state.clock.now().date().isoformat()
    if subscription["status"] != "live":
        raise refusal(IN_USE, "The subscription is not live and cannot be paused.")
    for name in ("pause_date", "resume_date"):
        if values[name] and (values[name] < today or (name == "pause_date" and values[name] > today)):
            raise invalid(name)
    paused = {"status": "paused", "pause_date": today, "resume_date": values["resume_date"]}
    changed = {**subscription, **paused, "scheduled": {}, "scheduled_on": ""}
    return one("subscription", "The subscription has been paused.", told(state, save(state, changed)))


async def resume(request: web.Request) -> web.Response:
    """`POST …/resume`: now."""
    state, subscription = found(request)
    if subscription["status"] != "paused":
        raise refusal(IN_USE, "The subscription is not paused.")
    changed = resumed(state, subscription, state.clock.now().date())
    return one("subscription", "The subscription has been resumed.", told(state, save(state, changed)))


async def put_coupon(request: web.Request) -> web.Response:
    """`POST …/coupons/{coupon_code}`"""
    state, subscription = found(request)
    changed = coupons.put_on(state, subscription, request.match_info["coupon_code"])
    save(state, changed)
    return said("The coupon has been added to the subscription.")


async def take_coupon_off(request: web.Request) -> web.Response:
    """`DELETE …/coupons`"""
    state, subscription = found(request)
    save(state, taken_off(subscription))
    return said("The coupon has been removed from the subscription.")


async def delete(request: web.Request) -> web.Response:
    """`DELETE /subscriptions/{subscription_id}`: not while it has invoices that are not void."""
    state, subscription = found(request)
    id = subscription["subscription_id"]
    if any(each["status"] != "void" for each in state.billing_invoices.having("subscription_id", id)):
        raise refusal(IN_USE, "Subscriptions with invoices cannot be deleted.")
    state.billing_subscriptions.remove(id)
    return said("The subscription has been deleted.")


def is_listed(subscription: Document, chosen: str) -> bool:
    word = chosen.partition(".")[2].lower()
    if word == "active":
        return subscription["status"] in ("live", "non_renewing")
    return word in ("all", subscription["status"])


def found(request: web.Request) -> tuple[State, Document]:
    state = state_of(request)
    subscription = state.billing_subscriptions.get(request.match_info["subscription_id"])
    if subscription is None:
        raise refusal(NO_SUCH_OBJECT, "Subscription does not exist.", 404)
    return state, subscription


def save(state: State, subscription: Document) -> Document:
    return state.billing_subscriptions.put({**subscription, "updated_time": billing_time(state.clock.now())})


def told(state: State, subscription: Document) -> Document:
    """The subscription as the answers for one tell of it. `amount` has the VAT in it, `sub_total` not."""
    customer = state.billing_customers.get(subscription["customer_id"]) or {}
    product = state.billing_products.get(subscription["product_id"]) or {}
    coupon = coupon_of(state, subscription)
    lines = discounted(recurring_lines(subscription), coupon)
    sums = totals(state, lines, subscription["is_inclusive_tax"])
    kept = coupon or state.billing_coupons.first("coupon_code", subscription["coupon_code"])
    plan = {**subscription["plan"], "discount": 0, "tags": [], "item_custom_fields": []}
    addons = [
        {**each, "discount": 0, "tags": [], "item_custom_fields": []} for each in subscription["addons"]
    ]
    for each in (plan, *addons):
        each["total"] = amount(line_total(each))
    hidden = (
        *("anchor", "term", "plan_code", "billing_cycles", "scheduled", "scheduled_on"),
        *("coupon_code", "coupon_used"),
    )
    return {
        **{name: value for name, value in subscription.items() if name not in hidden},
        "name": f"{product.get('name', '')}-{plan['name']}",
        "interval": str(subscription["interval"]),
        "plan": plan,
        "addons": addons,
        "amount": sums["total"],
        "sub_total": sums["sub_total"],
        "taxes": sums["taxes"],
        "tax_rounding": "entity_level",
        "customer_name": customer.get("display_name", ""),
        "email": customer.get("email", ""),
        "customer": {
            name: customer.get(name, "")
            for name in (
                *("customer_id", "display_name", "salutation", "first_name", "last_name", "email"),
                *("company_name", "payment_terms", "payment_terms_label"),
                *("billing_address", "shipping_address"),
            )
        },
        "custom_fields": custom_fields_told(state, "subscription", subscription["custom_fields"]),
        "product_name": product.get("name", ""),
        "currency_code": customer.get("currency_code", "ZAR"),
        "currency_symbol": "R",
        **({"coupon": coupon_told(kept, lines)} if kept else {}),
        "is_scheduled_update": bool(subscription["scheduled"]),
        "end_of_term": bool(subscription["scheduled"]) and not subscription["scheduled_on"],
        "apply_changes_on": (subscription["scheduled_on"] or subscription["next_billing_at"])
        if subscription["scheduled"]
        else "",
        "can_prorate": state.settings.proration,
        "can_add_bank_account": False,
        "can_charge_setup_fee_immediately": False,
        "place_of_supply": "",
        "salesperson_id": "",
        "salesperson_name": "",
        **{name: [] for name in ("contactpersons", "notes", "payment_gateways")},
    }


def row(state: State, subscription: Document) -> Document:
    full = {**told(state, subscription), "plan_name": subscription["plan"]["name"]}
    return {name: full[name] for name in IN_ROWS}
