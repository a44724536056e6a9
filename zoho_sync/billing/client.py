"""The Zoho Billing calls we make. One method, one errand. Knows HTTP and Zoho, and none of our models."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from uuid import UUID

from zoho_sync.billing.calls import record_in, refuse_blank
from zoho_sync.billing.coupons import CouponCalls
from zoho_sync.billing.customers import CustomerCalls
from zoho_sync.billing.invoices import InvoiceCalls
from zoho_sync.billing.organisation import OrganisationCalls
from zoho_sync.billing.subscriptions import SubscriptionCalls
from zoho_sync.connection.errors import RecordGone
from zoho_sync.reading import amount


@dataclass(frozen=True)
class Family:
    """One family of catalogue records: its path and envelope, the envelope of one, and by what its addresses go."""

    path: str
    one: str
    key: str
    """The field that holds our key."""
    address: str
    """The field that stands in the URL of one record."""
    id: str


PRODUCTS = Family("products", "product", key="name", address="product_id", id="product_id")
PLANS = Family("plans", "plan", key="plan_code", address="plan_code", id="plan_id")
ADDONS = Family("addons", "addon", key="addon_code", address="addon_code", id="addon_id")


@dataclass(frozen=True)
class Remote:
    """A record as Billing holds it. Ids are text; `values` is the whole record, read with care."""

    remote_id: str
    address: str
    values: dict[str, Any]

    @property
    def is_active(self) -> bool:
        return str(self.values.get("status", "active")).lower() != "inactive"

    def amount(self, name: str) -> Decimal | None:
        """A money field, which Billing writes as a number or as text."""
        return amount(self.values, name)


class BillingClient(CouponCalls, CustomerCalls, SubscriptionCalls, InvoiceCalls, OrganisationCalls):
    """Everything we ask of Billing. The methods here are the sync's own: any family, by key, with raw payloads."""

    def find(self, family: Family, key: str, *, packages: Sequence[UUID] = ()) -> Remote | None:
        """The record with exactly this key, or None. Products have no code: they are listed and matched by name."""
        refuse_blank(key)
        if family.address != family.key:
            return next((found for found in self.iter(family) if found.values.get(family.key) == key), None)
        try:
            body = self._send("GET", family.path, key, safe=True, packages=packages)
        except RecordGone:
            return None
        found = _remote_of(family, record_in(body, family.one))
        # A filter that was not understood may answer with anybody.
        return found if found.values.get(family.key) == key else None

    def iter(self, family: Family) -> Iterator[Remote]:
        """Every record of the family, page by page as needed."""
        return (_remote_of(family, row) for row in self._rows(family.path))

    def create(self, family: Family, body: dict[str, Any], *, packages: Sequence[UUID] = ()) -> Remote:
        """Make a record. Not safe to repeat: raises OutcomeUnknown when no answer came, DuplicateRecord when the key is taken."""
        made = self._send("POST", family.path, safe=False, body=body, packages=packages)
        return _remote_of(family, record_in(made, family.one))

    def update(
        self, family: Family, address: str, body: dict[str, Any], *, packages: Sequence[UUID] = ()
    ) -> None:
        """Write the whole record: Billing wants every required field each time. Raises RecordGone."""
        self._send("PUT", family.path, address, safe=True, body=body, packages=packages)

    def mark(self, family: Family, address: str, *, active: bool, packages: Sequence[UUID] = ()) -> None:
        """Status is no field of the record: it has calls of its own."""
        verb = "markasactive" if active else "markasinactive"
        self._send("POST", family.path, address, verb, safe=True, packages=packages)


def _remote_of(family: Family, record: dict[str, Any]) -> Remote:
    address = str(record.get(family.address) or "")
    # The file of plans lists no plan_id although real answers carry one; the code is as good an id.
    return Remote(remote_id=str(record.get(family.id) or address), address=address, values=record)
