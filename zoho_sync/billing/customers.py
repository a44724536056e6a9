"""Customers of Zoho Billing."""

from collections.abc import Iterator
from dataclasses import dataclass

from zoho_sync.billing.calls import Calls, Lowered, Page, record, record_in, refuse_blank
from zoho_sync.reading import Values


@dataclass(frozen=True)
class Customer:
    """`customer_id` is blank until Billing has given one."""

    display_name: str
    email: str
    notes: str = ""
    customer_id: str = ""
    status: Lowered = ""
    currency_code: str = ""

    @classmethod
    def read(cls, values: Values) -> "Customer":
        return record(cls, values)


class CustomerCalls(Calls):
    def create_customer(self, customer: Customer) -> Customer:
        """Make one. Raises DuplicateRecord when the name is taken, OutcomeUnknown when no answer came."""
        refuse_blank(customer.display_name, customer.email)
        body = {
            "display_name": customer.display_name,
            "email": customer.email,
            "notes": customer.notes or None,
        }
        return Customer.read(record_in(self._send("POST", "customers", safe=False, body=body), "customer"))

    def find_customers(self, email: str) -> Iterator[Customer]:
        """Those with exactly this address."""
        refuse_blank(email)
        rows = (Customer.read(row) for row in self._rows("customers", email=email))
        return (found for found in rows if found.email.casefold() == email.casefold())

    def customer_page(self, number: int) -> Page:
        """One page of all customers; `Customer.read` takes a row."""
        return self._page("customers", number, filter_by="Status.All")

    def mark_customer_inactive(self, customer_id: str) -> None:
        self._send("POST", "customers", customer_id, "markasinactive", safe=True)

    def delete_customer(self, customer_id: str) -> None:
        """Zoho refuses while anything was transacted with them (NeedsPerson)."""
        self._delete("customers", customer_id)
