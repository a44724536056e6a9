"""Invoices, payments and credit notes of Zoho Billing."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from zoho_sync.billing.calls import Calls, Lowered, record, record_in, refuse_blank, the_one_asked_for
from zoho_sync.reading import Values, amount, day, instant, items, money, number, on_the_wire, text


@dataclass(frozen=True)
class InvoiceLine:
    """`total` includes VAT exactly when the invoice's prices do."""

    code: str
    name: str
    price: Decimal
    quantity: int
    total: Decimal
    tax_id: str
    discount: Decimal

    @classmethod
    def read(cls, values: Values) -> "InvoiceLine":
        return record(
            cls,
            values,
            quantity=number(values, "quantity", 1),
            total=money(values, "item_total"),
            discount=money(values, "discount_amount"),
        )


@dataclass(frozen=True)
class Invoice:
    """Amounts in rand; `total` includes VAT. `tax_total` is None where Zoho does not tell it.

    Lists carry no lines: `lines` is filled by `get_invoice` alone.
    """

    invoice_id: str
    number: str
    status: Lowered
    customer_id: str
    invoice_date: date | None
    total: Decimal
    balance: Decimal
    payment_made: Decimal
    currency_code: str
    lines: tuple[InvoiceLine, ...]
    tax_total: Decimal | None
    is_inclusive_tax: bool | None
    payments: tuple[str, ...]
    coupons: tuple[str, ...] = ()
    """The codes of those that lower it."""
    created_at: datetime | None = None

    @classmethod
    def read(cls, values: Values) -> "Invoice":
        taxes = items(values, "taxes")
        told = sum((money(each, "tax_amount") for each in taxes), Decimal()) if taxes else None
        return record(
            cls,
            values,
            # Read and listed it is `number`, made it is `invoice_number`; the date likewise.
            number=text(values, "number", "invoice_number"),
            invoice_date=day(values, "invoice_date", "date"),
            lines=tuple(InvoiceLine.read(each) for each in items(values, "invoice_items")),
            tax_total=amount(values, "tax_total") if "tax_total" in values else told,
            payments=tuple(text(each, "payment_id") for each in items(values, "payments")),
            coupons=tuple(text(each, "coupon_code") for each in items(values, "coupons")),
            created_at=instant(values, "created_time"),
        )


@dataclass(frozen=True)
class Payment:
    """`balances` is what each invoice still lacks, by its id."""

    payment_id: str
    amount: Decimal
    status: Lowered
    balances: dict[str, Decimal]

    @classmethod
    def read(cls, values: Values) -> "Payment":
        invoices = items(values, "invoices")
        balances = {text(each, "invoice_id"): money(each, "balance_amount") for each in invoices}
        return record(cls, values, balances=balances)


@dataclass(frozen=True)
class CreditNote:
    creditnote_id: str
    total: Decimal

    @classmethod
    def read(cls, values: Values) -> "CreditNote":
        return record(cls, values)


class InvoiceCalls(Calls):
    def get_invoice(self, invoice_id: str) -> Invoice:
        """With its lines. Raises RecordGone."""
        found = self._get("invoice", Invoice.read, "invoices", invoice_id)
        return the_one_asked_for(found, found.invoice_id, invoice_id)

    def iter_invoices(
        self, *, subscription_id: str | None = None, customer_id: str | None = None
    ) -> Iterator[Invoice]:
        """Invoices without their lines. By customer, only those that are theirs; rows do not name a subscription."""
        wanted = {"subscription_id": subscription_id, "customer_id": customer_id}
        params = {name: value for name, value in wanted.items() if value is not None}
        for value in params.values():
            refuse_blank(value)
        rows = (Invoice.read(row) for row in self._rows("invoices", **params))
        return (row for row in rows if customer_id in (None, row.customer_id))

    def open_invoice(self, invoice_id: str) -> None:
        """A draft becomes a bill that can be paid."""
        self._send("POST", "invoices", invoice_id, "converttoopen", safe=True)

    def void_invoice(self, invoice_id: str) -> None:
        """Zoho refuses once a payment or credit is applied (NeedsPerson)."""
        self._send("POST", "invoices", invoice_id, "void", safe=True)

    def delete_invoice(self, invoice_id: str) -> None:
        """Zoho refuses once a payment or credit is applied (NeedsPerson)."""
        self._delete("invoices", invoice_id)

    def record_payment(
        self,
        invoice: Invoice,
        paid: Decimal,
        *,
        on: date,
        reference_number: str = "",
        description: str = "",
    ) -> Payment:
        """Money received for one invoice. Not safe to repeat: Zoho takes the same reference twice."""
        body: dict[str, Any] = {
            "customer_id": invoice.customer_id,
            "payment_mode": "banktransfer",
            "amount": on_the_wire(paid),
            "date": on.isoformat(),
            "reference_number": reference_number or None,
            "description": description or None,
            "invoices": [{"invoice_id": invoice.invoice_id, "amount_applied": on_the_wire(paid)}],
        }
        return Payment.read(record_in(self._send("POST", "payments", safe=False, body=body), "payment"))

    def delete_payment(self, payment_id: str) -> None:
        """Its invoices are owed again."""
        self._delete("payments", payment_id)

    def create_credit_note(self, invoice: Invoice, *, number: str, on: date) -> CreditNote:
        """Give back on paper what `invoice` bills, line by line. Not safe to repeat."""
        refuse_blank(number)
        lines = [
            {
                "code": line.code,
                "quantity": line.quantity,
                "price": on_the_wire(line.price),
                "tax_id": line.tax_id or None,
            }
            for line in invoice.lines
            if line.total
        ]
        body = {
            "customer_id": invoice.customer_id,
            "date": on.isoformat(),
            "creditnote_number": number,
            "ignore_auto_number_generation": True,
            "creditnote_items": lines,
        }
        made = self._send("POST", "creditnotes", safe=False, body=body)
        return CreditNote.read(record_in(made, "creditnote", "credit_note"))

    def apply_credit_note(self, note: CreditNote, invoice: Invoice, applied: Decimal) -> None:
        """Let the note settle `applied` of the invoice. Not safe to repeat."""
        given = [{"invoice_id": invoice.invoice_id, "amount_applied": on_the_wire(applied)}]
        self._send(
            "POST", "creditnotes", note.creditnote_id, "invoices", safe=False, body={"invoices": given}
        )
