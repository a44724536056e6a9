"""A change of a subscription within its term. Zoho Billing help: "Proration"."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from zoho_sync.sandbox.state import State
from zoho_sync.sandbox.store import Document

from . import creditnotes
from .agreements import addon_lines, in_term, recurring_lines
from .invoices import next_number, raise_invoice
from .sums import amount, cents


def change_now(state: State, subscription: Document, terms: Document, today: date) -> Document:
    """The subscription under its new terms from `today`.

    With proration on, the rest of the term is billed at the new price and credited at the old one; the next
    billing date stays. A plan of another length begins a term of its own today, billed in full.
    """
    changed = {**subscription, **terms, "scheduled": {}, "scheduled_on": ""}
    unequal = any(subscription[name] != terms[name] for name in ("interval", "interval_unit"))
    if unequal:
        changed = in_term(changed, today, 0)
    share = Decimal(1) if unequal else share_left(subscription, today)
    lines = addon_lines(changed)
    if state.settings.proration or unequal:
        lines = [*shared(recurring_lines(changed), share), *lines]
    if not lines:
        return changed
    invoice = raise_invoice(state, changed, lines, today)
    if state.settings.proration:
        credit(
            state,
            subscription,
            invoice,
            shared(recurring_lines(subscription), share_left(subscription, today)),
        )
    return {**changed, "child_invoice_id": invoice["invoice_id"], "last_billing_at": today.isoformat()}


def share_left(subscription: Document, today: date) -> Decimal:
    """How much of the current term is still to come, today included."""
    start = date.fromisoformat(subscription["current_term_starts_at"])
    following = date.fromisoformat(subscription["next_billing_at"])
    return Decimal((following - today).days) / Decimal((following - start).days)


def shared(lines: list[Document], share: Decimal) -> list[Document]:
    return [{**line, "price": amount(cents(line["price"]) * share)} for line in lines]


def credit(state: State, subscription: Document, invoice: Document, lines: list[Document]) -> None:
    """Give back what was paid for days that are billed anew, on the new invoice as far as it goes."""
    values = {
        "customer_id": subscription["customer_id"],
        "date": invoice["invoice_date"],
        "creditnote_number": f"CN-{next_number(state, 'creditnote'):05}",
    }
    given_back = [{name: value for name, value in line.items() if name != "of"} for line in lines]
    note = creditnotes.add(state, values, given_back, subscription["is_inclusive_tax"])
    given = min(cents(note["total"]), cents(invoice["balance"]))
    if given and invoice["status"] != "draft":
        application = {"invoice_id": invoice["invoice_id"], "amount_applied": amount(given)}
        creditnotes.apply(state, note, application)
