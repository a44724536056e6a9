"""The Zoho Billing calls we make. One method, one errand. Knows HTTP and Zoho, and none of our models."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from urllib.parse import quote
from uuid import UUID

from zoho_sync.billing.calls import BASE, record_in, without_none
from zoho_sync.billing.customers import CustomerCalls
from zoho_sync.billing.invoices import InvoiceCalls
from zoho_sync.billing.organisation import OrganisationCalls
from zoho_sync.billing.subscriptions import SubscriptionCalls
from zoho_sync.connection.errors import RecordGone
from zoho_sync.connection.http import Call
from zoho_sync.reading import amount


@dataclass(frozen=True)
class Family:
    """One family of catalogue records: its path, the names of its envelopes, and by what its addresses go."""

    path: str
    one: str
    many: str
    key: str
    """The field that holds our key."""
    address: str
    """The field that stands in the URL of one record."""
    id: str


PRODUCTS = Family("products", "product", "products", key="name", address="product_id", id="product_id")
PLANS = Family("plans", "plan", "plans", key="plan_code", address="plan_code", id="plan_id")
ADDONS = Family("addons", "addon", "addons", key="addon_code", address="addon_code", id="addon_id")


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


class BillingClient(CustomerCalls, SubscriptionCalls, InvoiceCalls, OrganisationCalls):
    """Everything we ask of Billing. The methods here are the sync's own: any family, by key, with raw payloads."""

    def find(self, family: Family, key: str, *, packages: Sequence[UUID] = ()) -> Remote | None:
        """The record with exactly this key, or None. Products have no code: they are listed and matched by name."""
        if not key.strip():
            raise ValueError("A blank key would find a stranger.")
        if family.address != family.key:
            return next((found for found in self.iter(family) if found.values.get(family.key) == key), None)
        try:
            answer = self.http.send(
                Call("GET", f"{_path(family)}/{quote(key, safe='')}", safe=True, packages=packages, records=1)
            )
        except RecordGone:
            return None
        found = self._remote(family, answer.body)
        # A filter that was not understood may answer with anybody.
        return found if found.values.get(family.key) == key else None

    def iter(self, family: Family) -> Iterator[Remote]:
        """Every record of the family, page by page as needed."""
        return (_remote_of(family, row) for row in self._rows(family.many))

    def create(self, family: Family, body: dict[str, Any], *, packages: Sequence[UUID] = ()) -> Remote:
        """Make a record. Not safe to repeat: raises OutcomeUnknown when no answer came, DuplicateRecord when the key is taken."""
        call = Call("POST", _path(family), safe=False, body=without_none(body), packages=packages, records=1)
        return self._remote(family, self.http.send(call).body)

    def update(
        self, family: Family, address: str, body: dict[str, Any], *, packages: Sequence[UUID] = ()
    ) -> None:
        """Write the whole record: Billing wants every required field each time. Raises RecordGone."""
        path = f"{_path(family)}/{quote(address, safe='')}"
        self.http.send(Call("PUT", path, safe=True, body=without_none(body), packages=packages, records=1))

    def mark(self, family: Family, address: str, *, active: bool, packages: Sequence[UUID] = ()) -> None:
        """Status is no field of the record: it has calls of its own."""
        verb = "markasactive" if active else "markasinactive"
        self.http.send(
            Call(
                "POST",
                f"{_path(family)}/{quote(address, safe='')}/{verb}",
                safe=True,
                packages=packages,
                records=1,
            )
        )

    def _remote(self, family: Family, body: dict[str, Any] | None) -> Remote:
        return _remote_of(family, record_in(body or {}, family.one))


def _path(family: Family) -> str:
    return f"{BASE}/{family.path}"


def _remote_of(family: Family, record: dict[str, Any]) -> Remote:
    address = str(record.get(family.address) or "")
    # The file of plans lists no plan_id although real answers carry one; the code is as good an id.
    return Remote(remote_id=str(record.get(family.id) or address), address=address, values=record)
