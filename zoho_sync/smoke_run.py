"""One run of the smoke test: subscribe a marked customer, check the invoice, pay it, clean up.

Knows Billing and what to expect of it; knows neither the database nor who asked. A step that fails by what it
finds lets the next one go on; one that Zoho refuses ends the run, and the clean-up follows in any case.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import TypeVar

from circletel.core.amounts import rand
from zoho_sync import smoke_checks as checks
from zoho_sync.billing.client import BillingClient
from zoho_sync.billing.customers import Customer
from zoho_sync.billing.invoices import Invoice
from zoho_sync.billing.subscriptions import Ordered, Subscription
from zoho_sync.connection.errors import NeedsPerson, OutcomeUnknown, RateLimited, RecordGone, ZohoError
from zoho_sync.smoke_checks import Expectation

T = TypeVar("T")
# Zoho's minute is waited out, its day is not.
LONGEST_WAIT = 90.0
WAITS = 3


@dataclass(frozen=True)
class Step:
    """`figures` are fit for people: what was found, or what is wrong with it."""

    name: str
    passed: bool
    figures: str


@dataclass
class Run:
    """`made` are the ids of what was made in Zoho. `tell` hears of each step as it is done, with what was made."""

    marker: str
    expected: Expectation
    client: BillingClient
    tell: Callable[[Step, dict[str, str]], None]
    made: dict[str, str] = field(default_factory=dict)

    @property
    def email(self) -> str:
        # A domain that belongs to nobody: Zoho may send invoices to it.
        return f"{self.marker}@example.com"

    def note(self, name: str, figures: str, complaints: Sequence[str] = ()) -> None:
        """Write a step down: passed exactly when there is no complaint."""
        self.tell(Step(name, not complaints, "; ".join(complaints) or figures), self.made)

    def ask(self, errand: Callable[[], T]) -> T:
        """The errand's answer, once Zoho has room for it."""
        for _ in range(WAITS):
            try:
                return errand()
            except RateLimited as limit:
                if (limit.retry_after or 1) > LONGEST_WAIT:
                    raise
                time.sleep(limit.retry_after or 1)
        return errand()

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """What Zoho refuses inside is a failed step; the error goes on."""
        try:
            yield
        except ZohoError as error:
            self.note(name, "", [str(error)])
            raise


def perform(run: Run, *, today: date, keep: bool = False) -> None:
    """The whole test. Raises nothing that Zoho does; whatever else goes wrong, the clean-up comes first."""
    try:
        _from_customer_to_payment(run, today)
    except ZohoError:
        pass  # written down as the step that failed
    finally:
        if keep and run.made:
            kept = ", ".join(f"{what} {id}" for what, id in run.made.items())
            run.note("Kept in Zoho, as asked", kept)
        else:
            _clean_up(run, today)


def _from_customer_to_payment(run: Run, today: date) -> None:
    customer = _customer(run)
    subscription = _subscription(run, customer)
    invoice = _invoice(run, subscription)
    if invoice.total:
        _payment(run, invoice, today)
    else:
        run.note("Payment", "nothing to pay: the total is 0.00")
    _paid(run, invoice)
    _subscription_again(run, subscription)


def _customer(run: Run) -> Customer:
    wanted = Customer(
        f"CircleTel smoke test {run.marker}", run.email, "Made by billing_smoke_test; may be deleted."
    )
    with run.step("Test customer"):
        # Remembered before it is made: the answer may get lost, and the clean-up looks by address.
        run.made["email"] = run.email
        try:
            customer = run.ask(lambda: run.client.create_customer(wanted))
        except OutcomeUnknown:
            found = run.ask(lambda: next(run.client.find_customers(run.email), None))
            if found is None:
                raise
            customer = found
    run.made["customer"] = customer.customer_id
    run.note("Test customer", f"{customer.display_name}, id {customer.customer_id}")
    return customer


def _subscription(run: Run, customer: Customer) -> Subscription:
    plan, *once = (Ordered(line.code, tax_id=run.expected.vat_id) for line in run.expected.lines)
    with run.step("Subscription"):
        try:
            made = run.ask(
                lambda: run.client.create_subscription(
                    customer.customer_id, plan, once, reference_id=run.marker
                )
            )
        except OutcomeUnknown:
            made = _subscription_read_back(run, customer)
    run.made["subscription"] = made.subscription_id
    figures = f"{made.plan.code} at {made.plan.price}, {made.status}, next bill {made.next_billing_at}"
    run.note("Subscription", figures, _wrong_with_subscription(run, made))
    return made


def _subscription_read_back(run: Run, customer: Customer) -> Subscription:
    rows = run.ask(
        lambda: list(run.client.iter_subscriptions(customer_id=customer.customer_id, reference_id=run.marker))
    )
    if len(rows) != 1:
        raise OutcomeUnknown(f"No answer came, and Zoho Billing has {len(rows)} such subscriptions.")
    return run.ask(lambda: run.client.get_subscription(rows[0].subscription_id))


def _wrong_with_subscription(run: Run, found: Subscription) -> list[str]:
    plan = run.expected.lines[0]
    return checks.differing(
        ("status", found.status, "live"),
        ("plan", found.plan.code, plan.code),
        ("price", found.plan.price, plan.price),
    )


def _invoice(run: Run, subscription: Subscription) -> Invoice:
    expected = run.expected
    with run.step("Invoice"):
        id = subscription.invoice_id or _only_invoice(run, subscription)
        invoice = run.ask(lambda: run.client.get_invoice(id))
        run.made["invoice"] = invoice.invoice_id
        if invoice.status == "draft":
            run.ask(lambda: run.client.open_invoice(id))
            invoice = run.ask(lambda: run.client.get_invoice(id))
    found = f"{invoice.number} of {invoice.invoice_date}, {len(invoice.lines)} lines"
    run.note("Invoice", found, checks.unexpected_lines(expected, invoice))
    for line in expected.lines:
        run.note(
            f"Line: {line.kind}",
            f"{line.code}, {line.name}, 1 × {line.price}",
            checks.wrong_with_line(line, invoice, expected.vat_id),
        )
    how = "within prices" if expected.inclusive else "on top of prices"
    told = "" if invoice.tax_total is not None else ", computed: Zoho does not tell it"
    run.note(
        f"VAT {expected.vat_rate * 100:.0f} %",
        f"{invoice.tax_total if invoice.tax_total is not None else expected.vat} {how}{told}",
        checks.wrong_with_vat(expected, invoice),
    )
    run.note(
        "Total",
        f"{rand(invoice.total)}, expected {rand(expected.total)}",
        checks.wrong_with_total(expected, invoice),
    )
    return invoice


def _only_invoice(run: Run, subscription: Subscription) -> str:
    rows = run.ask(lambda: list(run.client.iter_invoices(subscription_id=subscription.subscription_id)))
    mine = [row for row in rows if row.customer_id == subscription.customer_id]
    if len(mine) != 1:
        raise RecordGone(f"The subscription has {len(mine)} invoices, expected 1.")
    return mine[0].invoice_id


def _payment(run: Run, invoice: Invoice, today: date) -> None:
    with run.step("Payment"):
        try:
            payment = run.ask(
                lambda: run.client.record_payment(
                    invoice,
                    invoice.balance,
                    on=today,
                    reference_number=run.marker,
                    description="billing_smoke_test",
                )
            )
        except OutcomeUnknown:
            # Never sent twice: Zoho would take it twice. The invoice tells whether it arrived.
            run.note("Payment", "no answer came; the invoice will tell whether it arrived")
            return
    run.made["payment"] = payment.payment_id
    left = payment.balances.get(invoice.invoice_id)
    complaints = [] if payment.status in ("success", "") else [f"status is {payment.status}"]
    if left != 0:
        complaints.append(f"the invoice still lacks {left}")
    run.note("Payment", f"{rand(payment.amount)} recorded, {rand(left)} left", complaints)


def _paid(run: Run, before: Invoice) -> None:
    with run.step("Paid"):
        after = run.ask(lambda: run.client.get_invoice(before.invoice_id))
    wrong = checks.differing(
        ("status", after.status, "paid"),
        ("balance", after.balance, Decimal(0)),
        ("payment made", after.payment_made, before.total),
    )
    run.note("Paid", f"{after.status}, balance {rand(after.balance)}", wrong)


def _subscription_again(run: Run, before: Subscription) -> None:
    with run.step("Subscription, read again"):
        after = run.ask(lambda: run.client.get_subscription(before.subscription_id))
    figures = f"{after.status}, {after.plan.code} at {after.plan.price}, next bill {after.next_billing_at}"
    run.note("Subscription, read again", figures, _wrong_with_subscription(run, after))


def _clean_up(run: Run, today: date) -> None:
    """Take away what the customer left, found by what Zoho holds of them and not by what we remember."""
    if "email" not in run.made:
        return
    complaints: list[str] = []

    def attempt(what: str, deed: Callable[[], None]) -> bool:
        try:
            run.ask(deed)
        except ZohoError as error:
            complaints.append(f"{what}: {error}")
            return False
        return True

    attempt("invoices", lambda: _clear_invoices(run, today))
    attempt("subscriptions", lambda: _end_subscriptions(run))
    attempt("customer", lambda: _remove_customer(run))
    run.note("Clean-up", "nothing is left in Zoho that bills anybody", complaints)


def _customer_id(run: Run) -> str:
    if "customer" not in run.made:
        found = next(run.client.find_customers(run.email), None)
        run.made["customer"] = found.customer_id if found else ""
    return run.made["customer"]


def _clear_invoices(run: Run, today: date) -> None:
    """Each invoice gone, else void, else credited in full: nothing of it is owed."""
    if not (customer_id := _customer_id(run)):
        return
    for row in list(run.client.iter_invoices(customer_id=customer_id)):
        invoice = run.client.get_invoice(row.invoice_id)
        for payment_id in invoice.payments:
            run.client.delete_payment(payment_id)
        if not _tried(lambda id=row.invoice_id: run.client.delete_invoice(id)) and not _tried(  # type: ignore[misc]
            lambda id=row.invoice_id: run.client.void_invoice(id)  # type: ignore[misc]
        ):
            _credit(run, row.invoice_id, today)


def _credit(run: Run, invoice_id: str, today: date) -> None:
    invoice = run.client.get_invoice(invoice_id)
    if invoice.balance:
        note = run.client.create_credit_note(invoice, number=f"{run.marker}-{invoice.number}", on=today)
        run.client.apply_credit_note(note, invoice, min(note.total, invoice.balance))


def _end_subscriptions(run: Run) -> None:
    """Each subscription cancelled, then deleted where Zoho lets us: a cancelled one bills no more."""
    if not (customer_id := _customer_id(run)):
        return
    for row in list(run.client.iter_subscriptions(customer_id=customer_id)):
        if row.status not in ("cancelled", "expired"):
            run.client.cancel_subscription(row.subscription_id, at_end=False)
        _tried(lambda id=row.subscription_id: run.client.delete_subscription(id))  # type: ignore[misc]


def _remove_customer(run: Run) -> None:
    """Deleted; inactive where Zoho keeps what had transactions."""
    customer_id = _customer_id(run)
    if customer_id and not _tried(lambda: run.client.delete_customer(customer_id)):
        run.client.mark_customer_inactive(customer_id)


def _tried(deed: Callable[[], None]) -> bool:
    """False when Zoho refuses; trouble of another kind goes on."""
    try:
        deed()
    except RateLimited:
        raise
    except NeedsPerson as refusal:
        if refusal.about_connection:
            raise
        return False
    return True
