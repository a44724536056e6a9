"""Invoices: what subscriptions bill. Zoho Billing API v1: "Invoices". None is made by hand here."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from aiohttp import web

from zoho_sync.sandbox.clock import billing_time
from zoho_sync.sandbox.state import State, state_of
from zoho_sync.sandbox.store import Document

from .discounts import discounted
from .envelope import IN_USE, NO_SUCH_OBJECT, filtered_by, one, page, refusal, said
from .sums import amount, cents, discount_of, line_total, totals

FILTERS = tuple(
    f"Status.{word}"
    for word in ("All", "Sent", "Draft", "OverDue", "Paid", "PartiallyPaid", "Void", "Unpaid")
)
IN_ROWS = (
    *("invoice_id", "number", "status", "invoice_date", "due_date", "customer_id", "customer_name", "email"),
    *("balance", "total", "currency_code", "currency_symbol", "has_attachment", "created_time"),
    "updated_time",
)
# Zoho's file lists these for invoices made by hand, not for one that is read.
OF_TAX = ("sub_total", "tax_total", "taxes", "is_inclusive_tax")


def raise_invoice(
    state: State,
    subscription: Document,
    lines: Sequence[Document],
    day: date,
    coupon: Document | None = None,
) -> Document:
    """Bill `lines` ({of, code, name, price, quantity, tax_id, product_id, description}) on `day`, less the coupon."""
    lines, inclusive = discounted(lines, coupon), subscription["is_inclusive_tax"]
    sums = totals(state, lines, inclusive)
    now = billing_time(state.clock.now())
    status = "draft" if state.settings.draft_invoices else "sent"
    invoice = {
        "invoice_id": state.store.new_id(),
        "number": f"INV-{next_number(state, 'invoice'):06}",
        "subscription_id": subscription["subscription_id"],
        "customer_id": subscription["customer_id"],
        "invoice_date": day.isoformat(),
        "due_date": (day + timedelta(days=subscription["payment_terms"])).isoformat(),
        "invoice_items": [item(state, line) for line in lines],
        **sums,
        "coupons": [coupon_told(coupon, lines)] if coupon else [],
        "is_inclusive_tax": inclusive,
        "balance": sums["total"],
        "payment_made": 0,
        "credits_applied": 0,
        "status": "paid" if sums["total"] == 0 and status == "sent" else status,
        "created_time": now,
        "updated_time": now,
    }
    return state.billing_invoices.put(invoice)


def coupon_told(coupon: Document, lines: Sequence[Document]) -> Document:
    taken_off = sum((discount_of(line) for line in lines), Decimal())
    names = {"coupon_code": coupon["coupon_code"], "coupon_name": coupon["name"]}
    return {**names, "discount_amount": amount(taken_off)}


def next_number(state: State, what: str) -> int:
    """Counts up for good: the number of a deleted invoice is not used again."""
    last = int(state.store.values.get(f"{what}_number", {}).get("last", 0)) + 1
    state.store.set_value(f"{what}_number", {"last": last})
    return last


def item(state: State, line: Document) -> Document:
    """A line as invoices have it: the price is text, the id is the line's own."""
    return {
        "item_id": state.store.new_id(),
        "product_id": line["product_id"],
        "code": line["code"],
        "name": line["name"],
        "description": line.get("description", ""),
        "price": f"{cents(line['price'])}",
        "quantity": line["quantity"],
        "discount_amount": line["discount_amount"],
        "item_total": amount(line_total(line)),
        "tax_id": line["tax_id"],
        "tax_exemption_id": "",
        "tax_exemption_code": "",
        "tags": [],
        "item_custom_fields": [],
    }


async def list_all(request: web.Request) -> web.Response:
    """`GET /invoices`: rows without lines. Blank filters filter nothing."""
    state = state_of(request)
    chosen = filtered_by(request, FILTERS, "Status.All")
    subscription_id, customer_id = request.query.get("subscription_id"), request.query.get("customer_id")
    candidates: Any = state.billing_invoices
    if subscription_id:
        candidates = candidates.having("subscription_id", subscription_id)
    elif customer_id:
        candidates = candidates.having("customer_id", customer_id)
    shown = (told(state, each) for each in candidates)
    rows = ({name: each[name] for name in IN_ROWS} for each in shown if is_listed(each, chosen))
    return page(request, "invoices", rows, chosen)


async def get(request: web.Request) -> web.Response:
    """`GET /invoices/{invoice_id}`"""
    state, invoice = found(request)
    return one("invoice", "success", told(state, invoice))


async def convert_to_open(request: web.Request) -> web.Response:
    """`POST /invoices/{invoice_id}/converttoopen`: a draft becomes a bill."""
    state, invoice = found(request)
    if invoice["status"] == "draft":
        settle(state, {**invoice, "status": "sent"})
    return said("Invoice status has been changed to Sent.")


async def void(request: web.Request) -> web.Response:
    """`POST /invoices/{invoice_id}/void`"""
    state, invoice = found(request)
    refuse_when_settled(invoice, "voided")
    save(state, {**invoice, "status": "void", "balance": 0})
    return said("Invoice status has been changed to Void.")


async def delete(request: web.Request) -> web.Response:
    """`DELETE /invoices/{invoice_id}`: not once a payment or credit note is applied."""
    state, invoice = found(request)
    refuse_when_settled(invoice, "deleted")
    state.billing_invoices.remove(invoice["invoice_id"])
    return said("The invoice has been deleted.")


def refuse_when_settled(invoice: Document, deed: str) -> None:
    if invoice["payment_made"] or invoice["credits_applied"]:
        raise refusal(IN_USE, f"Invoices with payments or credits applied cannot be {deed}.")


def is_listed(invoice: Document, chosen: str) -> bool:
    word = chosen.partition(".")[2].lower()
    if word == "unpaid":
        return invoice["status"] in ("sent", "overdue", "partially_paid")
    return word in ("all", invoice["status"].replace("_", ""))


def found(request: web.Request) -> tuple[State, Document]:
    state = state_of(request)
    return state, invoice_in(state, request.match_info["invoice_id"])


def invoice_in(state: State, invoice_id: Any) -> Document:
    invoice = state.billing_invoices.get(invoice_id) if isinstance(invoice_id, str) else None
    if invoice is None:
        raise refusal(NO_SUCH_OBJECT, "Invoice does not exist.", 404)
    return invoice


def settle(state: State, invoice: Document) -> Document:
    """The invoice with balance and status that follow from its payments and credits, kept."""
    if invoice["status"] in ("draft", "void"):
        return save(state, invoice)
    balance = cents(invoice["total"]) - cents(invoice["payment_made"]) - cents(invoice["credits_applied"])
    touched = bool(invoice["payment_made"] or invoice["credits_applied"])
    status = "paid" if balance == 0 else "partially_paid" if touched else "sent"
    return save(state, {**invoice, "balance": amount(balance), "status": status})


def save(state: State, invoice: Document) -> Document:
    return state.billing_invoices.put({**invoice, "updated_time": billing_time(state.clock.now())})


def told(state: State, invoice: Document) -> Document:
    """The invoice as the answers for one tell of it."""
    customer = state.billing_customers.get(invoice["customer_id"]) or {}
    overdue = invoice["status"] == "sent" and invoice["due_date"] < state.clock.now().date().isoformat()
    hidden = () if state.settings.invoices_tell_tax else OF_TAX
    return {
        **{name: value for name, value in invoice.items() if name not in ("subscription_id", *hidden)},
        "status": "overdue" if overdue else invoice["status"],
        "subscriptions": [{"subscription_id": invoice["subscription_id"]}],
        "customer_name": customer.get("display_name", ""),
        "email": customer.get("email", ""),
        "currency_code": customer.get("currency_code", "ZAR"),
        "currency_symbol": "R",
        "transaction_type": "renewal",
        "payments": payments_of(state, invoice),
        "credits": credits_of(state, invoice),
        "write_off_amount": 0,
        "payment_expected_date": "",
        "ach_payment_initiated": False,
        "billing_address": customer.get("billing_address", {}),
        "shipping_address": customer.get("shipping_address", {}),
        "comments": [],
        "custom_fields": [],
        "documents": [],
        "salesperson_id": "",
        "salesperson_name": "",
        "invoice_url": f"https://billing.zoho.example/invoice/{invoice['invoice_id']}",
        "can_send_in_mail": False,
        "has_attachment": False,
    }


def payments_of(state: State, invoice: Document) -> list[Document]:
    told_of = ("payment_id", "payment_mode", "description", "date", "reference_number")
    return [
        {
            **{name: payment[name] for name in told_of},
            "invoice_payment_id": payment["payment_id"],
            "amount": applied["amount_applied"],
            "amount_refunded": 0,
            "bank_charges": 0,
            "exchange_rate": 1,
            "gateway_transaction_id": "",
        }
        for payment in state.billing_payments.having("customer_id", invoice["customer_id"])
        for applied in payment["applied"]
        if applied["invoice_id"] == invoice["invoice_id"]
    ]


def credits_of(state: State, invoice: Document) -> list[Document]:
    return [
        {
            "creditnote_id": note["creditnote_id"],
            "creditnotes_number": note["creditnote_number"],
            "credited_date": note["date"],
            "credited_amount": str(cents(applied["amount_applied"])),
        }
        for note in state.billing_creditnotes.having("customer_id", invoice["customer_id"])
        for applied in note["applied"]
        if applied["invoice_id"] == invoice["invoice_id"]
    ]
