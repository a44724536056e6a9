"""Credit notes: what a customer is given back on paper. Zoho Billing API v1: "Credit notes".

They cannot be listed. Zoho's file calls the envelope `credit_note`, recorded answers `creditnote`; here it is
the file's.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from aiohttp import web

from zoho_sync.sandbox.clock import billing_time
from zoho_sync.sandbox.state import State, state_of
from zoho_sync.sandbox.store import Document

from .customers import customer_in
from .envelope import IN_USE, NO_SUCH_OBJECT, invalid, json_body, one, refusal, said
from .invoices import invoice_in, settle
from .payments import applications, day
from .sums import amount, cents, line_total, totals
from .values import Field, blank, check_tax, number, objects, positive, read, text

FIELDS = (
    Field("customer_id", text, required=True),
    Field("date", day, required=True),
    Field("creditnote_number", text, required=True),
    Field("creditnote_items", objects, default=[], required=True),
    *(Field(name, text) for name in ("reference_number", "notes", "terms")),
)
ITEM = (
    Field("code", text, required=True),
    Field("quantity", positive, required=True),
    Field("price", number, required=True),
    Field("description", text),
    Field("tax_id", text),
)


async def create(request: web.Request) -> web.Response:
    """`POST /creditnotes`"""
    state = state_of(request)
    values = read(await json_body(request), FIELDS)
    customer_in(state, values["customer_id"])
    lines = [{**blank(ITEM), **read(each, ITEM)} for each in values.pop("creditnote_items")]
    for line in lines:
        check_tax(state, line)
    if not lines:
        raise invalid("creditnote_items")
    note = add(state, {**blank(FIELDS), **values}, lines, state.settings.prices_include_vat)
    return one("credit_note", "Credit note has been created.", told(state, note), 201)


def add(state: State, values: Document, lines: Sequence[Document], inclusive: bool) -> Document:
    """Keep a new, open credit note over `lines` ({code, quantity, price, tax_id})."""
    sums = totals(state, lines, inclusive)
    now = billing_time(state.clock.now())
    return state.billing_creditnotes.put(
        {
            **dict.fromkeys(("reference_number", "notes", "terms"), ""),
            **values,
            "creditnote_id": state.store.new_id(),
            "creditnote_items": [
                {
                    "item_id": state.store.new_id(),
                    "name": "",
                    "description": "",
                    **line,
                    "item_total": amount(line_total(line)),
                }
                for line in lines
            ],
            "total": sums["total"],
            "taxes": sums["taxes"],
            "balance": sums["total"],
            "status": "open",
            "applied": [],
            "created_time": now,
            "updated_time": now,
        }
    )


async def get(request: web.Request) -> web.Response:
    """`GET /creditnotes/{creditnote_id}`"""
    state, note = found(request)
    return one("credit_note", "success", told(state, note))


async def apply_to_invoices(request: web.Request) -> web.Response:
    """`POST /creditnotes/{creditnote_id}/invoices`"""
    state, note = found(request)
    sent: Any = (await json_body(request)).get("invoices")
    if not isinstance(sent, list) or not sent:
        raise invalid("invoices")
    applied = applications(state, sent, note["customer_id"])
    if note["status"] != "open" or sum(cents(a["amount_applied"]) for a in applied) > cents(note["balance"]):
        raise refusal(IN_USE, "The amount applied is more than the balance of the credit note.")
    for each in applied:
        note = apply(state, note, each)
    said_of = [{"invoice_id": a["invoice_id"], "amount_applied": a["amount_applied"]} for a in applied]
    return one("invoices", "Credits have been applied to the invoice(s).", said_of)


def apply(state: State, note: Document, application: Document) -> Document:
    """The credit note, less what now stands on the invoice."""
    invoice = invoice_in(state, application["invoice_id"])
    given = cents(application["amount_applied"])
    settle(state, {**invoice, "credits_applied": amount(cents(invoice["credits_applied"]) + given)})
    balance = cents(note["balance"]) - given
    return state.billing_creditnotes.put(
        {
            **note,
            "applied": [*note["applied"], application],
            "balance": amount(balance),
            "status": "closed" if balance == 0 else "open",
            "updated_time": billing_time(state.clock.now()),
        }
    )


async def void(request: web.Request) -> web.Response:
    state, note = found(request)
    refuse_when_applied(note, "voided")
    state.billing_creditnotes.put({**note, "status": "void", "balance": 0})
    return said("Credit note status has been changed to Void.")


async def delete(request: web.Request) -> web.Response:
    state, note = found(request)
    refuse_when_applied(note, "deleted")
    state.billing_creditnotes.remove(note["creditnote_id"])
    return said("The credit note has been deleted.")


def refuse_when_applied(note: Document, deed: str) -> None:
    if note["applied"]:
        raise refusal(IN_USE, f"Credit notes that are applied to invoices cannot be {deed}.")


def found(request: web.Request) -> tuple[State, Document]:
    state = state_of(request)
    note = state.billing_creditnotes.get(request.match_info["creditnote_id"])
    if note is None:
        raise refusal(NO_SUCH_OBJECT, "Credit note does not exist.", 404)
    return state, note


def told(state: State, note: Document) -> Document:
    customer = state.billing_customers.get(note["customer_id"]) or {}
    invoices = [(each, state.billing_invoices.get(each["invoice_id"]) or {}) for each in note["applied"]]
    return {
        **{name: value for name, value in note.items() if name != "applied"},
        "customer_name": customer.get("display_name", ""),
        "email": customer.get("email", ""),
        "currency_code": "ZAR",
        "currency_symbol": "R",
        "template_id": "",
        "template_name": "",
        "custom_fields": [],
        "invoices": [
            {
                "invoice_id": each["invoice_id"],
                "invoice_number": invoice.get("number", ""),
                "amount": each["amount_applied"],
            }
            for each, invoice in invoices
        ],
    }
