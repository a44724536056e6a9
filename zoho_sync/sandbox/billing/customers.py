"""Customers: who is billed. Zoho Billing API v1: "Customers"."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from zoho_sync.sandbox.clock import billing_time
from zoho_sync.sandbox.state import State, state_of
from zoho_sync.sandbox.store import Document

from .envelope import (
    DUPLICATE_CUSTOMER,
    IN_USE,
    NO_SUCH_CUSTOMER,
    filtered_by,
    json_body,
    one,
    page,
    refusal,
    said,
)
from .values import Field, blank, custom_fields_told, custom_values, flag, objects, read, text, whole

ADDRESS = ("attention", "street", "city", "state", "zip", "country", "state_code", "fax")


def address(value: Any) -> dict[str, str]:
    """A nested object. Flat address fields are passed over like everything unknown."""
    if not isinstance(value, dict):
        raise ValueError
    return {name: text(value.get(name, "")) for name in ADDRESS}


def email(value: Any) -> str:
    return text(value) if "@" in text(value) else _fail()


def _fail() -> Any:
    raise ValueError


FIELDS = (
    Field("display_name", text, most=200, required=True),
    Field("email", email, required=True),
    *(
        Field(name, text)
        for name in (
            *("salutation", "first_name", "last_name", "company_name", "phone", "mobile", "website"),
            *("department", "designation", "notes", "twitter", "facebook", "skype"),
            *("vat_reg_no", "tax_id", "payment_terms_label"),
        )
    ),
    Field("payment_terms", whole, default=0),
    Field("currency_code", text, default="ZAR"),
    Field("is_taxable", flag, default=True),
    Field("is_portal_enabled", flag, default=False),
    Field("ach_supported", flag, default=False),
    Field("billing_address", address, default=dict.fromkeys(ADDRESS, "")),
    Field("shipping_address", address, default=dict.fromkeys(ADDRESS, "")),
    Field("custom_fields", objects, default=[]),
)
FILTERS = ("Status.All", "Status.Active", "Status.Inactive", "Status.NonSubscribers")
IN_ROWS = (
    *("customer_id", "display_name", "salutation", "first_name", "last_name", "email", "company_name"),
    *("phone", "mobile", "website", "department", "designation", "currency_code", "status"),
    *("unused_credits", "outstanding", "updated_time", "created_time"),
)
RUNNING = ("live", "trial", "future", "non_renewing", "unpaid", "dunning", "paused")


async def create(request: web.Request) -> web.Response:
    """`POST /customers`: a name nobody else has, and an e-mail address."""
    state = state_of(request)
    body = await json_body(request)
    return one("customer", "The customer has been created.", told(state, added(state, body)), 201)


def added(state: State, body: Document) -> Document:
    """A new customer from a request, be it their own or one for a subscription."""
    values = prepared(state, read(body, FIELDS), {})
    refuse_taken_name(state, values["display_name"], None)
    now = billing_time(state.clock.now())
    customer = {
        "customer_id": state.store.new_id(),
        **blank(FIELDS),
        "custom_fields": {},
        **values,
        "status": "active",
        "created_time": now,
        "updated_time": now,
    }
    return state.billing_customers.put(customer)


async def update(request: web.Request) -> web.Response:
    """`PUT /customers/{customer_id}`: name and e-mail each time."""
    state, customer = found(request)
    values = prepared(state, read(await json_body(request), FIELDS), customer["custom_fields"])
    refuse_taken_name(state, values["display_name"], customer["customer_id"])
    return one(
        "customer", "Customer information has been saved.", told(state, save(state, {**customer, **values}))
    )


async def list_all(request: web.Request) -> web.Response:
    """`GET /customers`: thin rows. A blank `email` filters nothing."""
    state = state_of(request)
    chosen = filtered_by(request, FILTERS, "Status.All")
    mail = request.query.get("email")
    candidates = state.billing_customers.having("email", mail) if mail else state.billing_customers
    rows = (row(state, each) for each in candidates if is_listed(state, each, chosen))
    return page(request, "customers", rows, chosen)


async def get(request: web.Request) -> web.Response:
    """`GET /customers/{customer_id}`"""
    state, customer = found(request)
    return one("customer", "success", told(state, customer))


async def delete(request: web.Request) -> web.Response:
    """`DELETE /customers/{customer_id}`: not while anything was transacted with them."""
    state, customer = found(request)
    id = customer["customer_id"]
    tables = (
        state.billing_subscriptions,
        state.billing_invoices,
        state.billing_payments,
        state.billing_creditnotes,
    )
    if any(table.having("customer_id", id) for table in tables):
        raise refusal(IN_USE, "Customers involved in transactions cannot be deleted.")
    state.billing_customers.remove(id)
    return said("The customer has been deleted.")


async def mark_active(request: web.Request) -> web.Response:
    state, customer = found(request)
    save(state, {**customer, "status": "active"})
    return said("The customer has been marked as active.")


async def mark_inactive(request: web.Request) -> web.Response:
    """Only without a running subscription."""
    state, customer = found(request)
    if has_subscription(state, customer):
        raise refusal(IN_USE, "Customers with active subscriptions cannot be marked as inactive.")
    save(state, {**customer, "status": "inactive"})
    return said("The customer has been marked as inactive.")


def has_subscription(state: State, customer: Document) -> bool:
    held = state.billing_subscriptions.having("customer_id", customer["customer_id"])
    return any(each["status"] in RUNNING for each in held)


def is_listed(state: State, customer: Document, chosen: str) -> bool:
    word = chosen.partition(".")[2]
    if word == "NonSubscribers":
        return not has_subscription(state, customer)
    return word == "All" or word.lower() == customer["status"]


def found(request: web.Request) -> tuple[State, Document]:
    state = state_of(request)
    return state, customer_in(state, request.match_info["customer_id"])


def customer_in(state: State, customer_id: Any) -> Document:
    customer = state.billing_customers.get(customer_id) if isinstance(customer_id, str) else None
    if customer is None:
        raise refusal(NO_SUCH_CUSTOMER, "No valid customer is available for the given customer ID")
    return customer


def refuse_taken_name(state: State, name: str, own_id: str | None) -> None:
    holder = state.billing_customers.first("display_name", name)
    if holder and holder["customer_id"] != own_id:
        raise refusal(DUPLICATE_CUSTOMER, f'The customer "{name}" already exists. Specify a different name.')


def prepared(state: State, values: Document, kept: Document) -> Document:
    if "custom_fields" not in values:
        return values
    return {
        **values,
        "custom_fields": custom_values(state, "customer", kept, values["custom_fields"]),
    }


def save(state: State, customer: Document) -> Document:
    return state.billing_customers.put({**customer, "updated_time": billing_time(state.clock.now())})


def told(state: State, customer: Document) -> Document:
    """The customer as the answers for one tell of them."""
    id = customer["customer_id"]
    invoices = state.billing_invoices.having("customer_id", id)
    notes = state.billing_creditnotes.having("customer_id", id)
    return {
        **customer,
        "custom_fields": custom_fields_told(state, "customer", customer["custom_fields"]),
        "outstanding": round(sum(each["balance"] for each in invoices), 2),
        "unused_credits": round(sum(each["balance"] for each in notes if each["status"] == "open"), 2),
        "currency_id": "",
        "price_precision": 2,
        "source": "Api",
        "tags": [],
        "documents": [],
        "default_templates": {"invoice_template_id": "", "creditnote_template_id": ""},
        "zcrm_account_id": "",
        "zcrm_contact_id": "",
        "is_linked_with_zohocrm": False,
        "primary_contactperson_id": "",
        "can_add_card": False,
        "can_add_bank_account": False,
    }


def row(state: State, customer: Document) -> Document:
    full = told(state, customer)
    return {name: full[name] for name in IN_ROWS}
