"""Payments recorded against invoices. Zoho Billing API v1: "Payments"."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

from aiohttp import web

from zoho_sync.sandbox.clock import billing_time
from zoho_sync.sandbox.state import State, state_of
from zoho_sync.sandbox.store import Document

from .customers import customer_in
from .envelope import IN_USE, NO_SUCH_OBJECT, invalid, json_body, one, page, refusal, said
from .invoices import invoice_in, settle
from .sums import amount, cents
from .values import Field, blank, number, objects, one_of, read, text

MODES = ("check", "cash", "creditcard", "banktransfer", "bankremittance", "autotransaction", "others")


def day(value: Any) -> str:
    return date.fromisoformat(text(value)).isoformat()


FIELDS = (
    Field("customer_id", text, required=True),
    Field("payment_mode", one_of(*MODES), required=True),
    Field("amount", number, required=True),
    Field("date", day),
    Field("reference_number", text),
    Field("description", text),
    Field("invoices", objects, default=[]),
)


async def create(request: web.Request) -> web.Response:
    """`POST /payments`: the same reference twice is two payments."""
    state = state_of(request)
    values = read(await json_body(request), FIELDS)
    customer = customer_in(state, values["customer_id"])
    if not values["amount"]:
        raise invalid("amount")
    applied = applications(state, values.pop("invoices", []), customer["customer_id"])
    if sum((cents(each["amount_applied"]) for each in applied), Decimal()) > cents(values["amount"]):
        raise invalid("amount_applied")
    now = state.clock.now()
    payment = {
        "payment_id": state.store.new_id(),
        **blank(FIELDS[:-1]),
        "date": now.date().isoformat(),
        **values,
        "status": "success",
        "created_time": billing_time(now),
        "applied": [],
    }
    for each in applied:
        apply(state, payment, each)
    return one(
        "payment", "The payment has been created.", told(state, state.billing_payments.put(payment)), 201
    )


def applications(state: State, sent: list[Document], customer_id: str) -> list[Document]:
    """What goes to which invoice: an open one of this customer, and not more than it lacks."""
    found = []
    for each in sent:
        invoice = invoice_in(state, each.get("invoice_id"))
        try:
            given = number(each.get("amount_applied"))
        except ValueError:
            raise invalid("amount_applied") from None
        if invoice["customer_id"] != customer_id or invoice["status"] in ("draft", "void"):
            raise invalid("invoice_id")
        if cents(given) > cents(invoice["balance"]):
            raise refusal(IN_USE, "The amount applied is more than the balance of the invoice.")
        found.append({"invoice_id": invoice["invoice_id"], "amount_applied": given})
    return found


def apply(state: State, payment: Document, application: Document) -> None:
    invoice = invoice_in(state, application["invoice_id"])
    paid = amount(cents(invoice["payment_made"]) + cents(application["amount_applied"]))
    settled = settle(state, {**invoice, "payment_made": paid})
    payment["applied"].append({**application, "balance_amount": settled["balance"]})


async def list_all(request: web.Request) -> web.Response:
    """`GET /payments`: known from the current documentation, absent from Zoho's file."""
    state = state_of(request)
    customer_id = request.query.get("customer_id")
    payments = (
        state.billing_payments.having("customer_id", customer_id) if customer_id else state.billing_payments
    )
    rows = ({k: v for k, v in told(state, each).items() if k != "invoices"} for each in payments)
    return page(request, "payments", rows, "Status.All")


async def get(request: web.Request) -> web.Response:
    """`GET /payments/{payment_id}`"""
    state, payment = found(request)
    return one("payment", "success", told(state, payment))


async def delete(request: web.Request) -> web.Response:
    """`DELETE /payments/{payment_id}`: its invoices are owed again."""
    state, payment = found(request)
    for each in payment["applied"]:
        if invoice := state.billing_invoices.get(each["invoice_id"]):
            left = amount(cents(invoice["payment_made"]) - cents(each["amount_applied"]))
            settle(state, {**invoice, "payment_made": left})
    state.billing_payments.remove(payment["payment_id"])
    return said("The payment has been deleted.")


def found(request: web.Request) -> tuple[State, Document]:
    state = state_of(request)
    payment = state.billing_payments.get(request.match_info["payment_id"])
    if payment is None:
        raise refusal(NO_SUCH_OBJECT, "Payment does not exist.", 404)
    return state, payment


def told(state: State, payment: Document) -> Document:
    customer = state.billing_customers.get(payment["customer_id"]) or {}
    return {
        **{name: value for name, value in payment.items() if name != "applied"},
        "amount_refunded": 0,
        "bank_charges": 0,
        "customer_name": customer.get("display_name", ""),
        "email": customer.get("email", ""),
        "currency_code": customer.get("currency_code", "ZAR"),
        "currency_symbol": "R",
        "autotransaction": {},
        "custom_fields": [],
        "invoices": [application_told(state, each) for each in payment["applied"]],
    }


def application_told(state: State, application: Document) -> Document:
    invoice = state.billing_invoices.get(application["invoice_id"]) or {}
    return {
        **application,
        "invoice_number": invoice.get("number", ""),
        "date": invoice.get("invoice_date", ""),
        "invoice_amount": invoice.get("total", 0),
    }
