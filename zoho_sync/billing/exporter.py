"""Bringing one record into Zoho Billing: find or create, update what differs, set its status.

The flow is the same for product, plan and one-time add-on; the families differ in path and key only.
"""

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

from django.utils import timezone

from zoho_sync.billing.client import ADDONS, PLANS, PRODUCTS, BillingClient, Family, Remote
from zoho_sync.billing.mapping import PACKAGE_ID
from zoho_sync.billing.organisation import checked
from zoho_sync.compare.diff import differences, in_our_form
from zoho_sync.connection.errors import DuplicateRecord, RecordGone
from zoho_sync.desired import DesiredRecord, table_of
from zoho_sync.fields import Terms, wire
from zoho_sync.models import Kind, ProductIntegration
from zoho_sync.reading import items, text

FAMILIES = {
    Kind.BILLING_PRODUCT: PRODUCTS,
    Kind.BILLING_PLAN: PLANS,
    Kind.BILLING_INSTALLATION: ADDONS,
    Kind.BILLING_HARDWARE: ADDONS,
}


# How long the absence of a product from a full listing is taken for granted.
LISTING_HOLDS = timedelta(hours=1)


def export(
    client: BillingClient,
    row: ProductIntegration,
    record: DesiredRecord,
    terms: Terms,
    *,
    product_id: str,
    look_first: bool,
    remember: Callable[[str], None],
) -> str:
    """Make Billing say what `record` says and return Billing's id. Safe to run again after any interruption.

    `product_id` is the Billing product that plans and add-ons belong to. `look_first` when an earlier create may
    have arrived. `remember` is called with the id as soon as it is known. Raises a ZohoError.
    """
    family = FAMILIES[record.kind]
    organisation = checked(client, vat_rate=terms.vat_rate, prices_include_vat=terms.prices_include_vat)
    flow = _Flow(
        client, family, row, record, terms, {"product_id": product_id, "tax_id": organisation.vat_id}
    )
    before = row.acknowledged_payload
    if not row.remote_id:
        before = flow.found_or_created(look_first=look_first)
        remember(flow.remote_id)
    try:
        flow.bring_into_step(before)
    except RecordGone:
        if not row.remote_id:
            raise
        # Somebody deleted it in Zoho. It ought to exist, so it is made again.
        before = flow.found_or_created(look_first=True)
        remember(flow.remote_id)
        flow.bring_into_step(before)
    return flow.remote_id


def calls_needed(known: Mapping[str, Any] | None, wanted: Mapping[str, Any]) -> int:
    """How many calls `export` makes when nothing goes wrong: `known` is what Billing holds, None where it has none.

    For estimates shown to people. Before a product is made all are listed, because it has no code.
    """
    if known is None:
        return 1 + (wanted.get("status") == "inactive")
    content = any(known.get(name) != value for name, value in wanted.items() if name != "status")
    return content + (wanted.get("status") not in (None, known.get("status", "active")))


class _Flow:
    """One record on its way; `remote_id` and `address` are known once it exists."""

    def __init__(
        self,
        client: BillingClient,
        family: Family,
        row: ProductIntegration,
        record: DesiredRecord,
        terms: Terms,
        known: Mapping[str, str],
    ) -> None:
        self.client, self.family, self.record, self.packages = client, family, record, [row.package_id]
        self.package_id, self.remote_id = row.package_id, row.remote_id
        # A backfill has read the whole list and not found it.
        self._was_just_listed = row.listed_at is not None and timezone.now() - row.listed_at < LISTING_HOLDS
        # Products are addressed by their id, plans and add-ons by their code.
        self.address = row.remote_id if family.address == family.id else record.key
        self._table = table_of(record.kind, terms)
        # What Zoho itself has named: ids that are sent along and are no part of what we compare.
        self._known = known

    def found_or_created(self, *, look_first: bool) -> Mapping[str, Any] | None:
        """What Billing holds now, as far as it is comparable; None right after a create that sent everything."""
        # A product has no code that Zoho would keep unique, so it is looked for.
        found = (
            self.client.find(self.family, self.record.key, packages=self.packages)
            if look_first or (self.family is PRODUCTS and not self._was_just_listed)
            else None
        )
        if found is None:
            try:
                return self._created()
            except DuplicateRecord:
                found = self.client.find(self.family, self.record.key, packages=self.packages)
                if found is None or not (look_first or self._is_ours(found)):
                    raise
        if (owner := _owner_of(found)) and owner != str(self.package_id) and not self._says_the_same(found):
            raise DuplicateRecord(
                f"{self.record.key} already exists in Zoho Billing as {found.remote_id} and belongs to the package "
                f"{owner} ({PACKAGE_ID}), not to {self.package_id}."
            )
        self.remote_id, self.address = found.remote_id, found.address
        return in_our_form(self._table, self.record.payload, _told(found))

    def bring_into_step(self, before: Mapping[str, Any] | None) -> None:
        """Write what differs from `before`; None means that nothing is known and everything is written."""
        before = before or {}
        content = {name: value for name, value in self.record.payload.items() if name != "status"}
        if any(before.get(name) != value for name, value in content.items()):
            self.client.update(self.family, self.address, self._body(content), packages=self.packages)
        wanted = self.record.payload.get("status")
        if wanted is not None and wanted != before.get("status", "active"):
            self.client.mark(self.family, self.address, active=wanted == "active", packages=self.packages)

    def _created(self) -> Mapping[str, Any]:
        content = {name: value for name, value in self.record.payload.items() if name != "status"}
        made = self.client.create(self.family, self._body(content, on_create=True), packages=self.packages)
        self.remote_id, self.address = made.remote_id, made.address or self.address
        return content | {"status": "active"}

    def _body(self, content: Mapping[str, Any], *, on_create: bool = False) -> dict[str, Any]:
        body = wire(
            self._table,
            {name: value for name, value in content.items() if value != ""} if on_create else content,
        )
        if self.family is PRODUCTS:
            return body
        needs_product = self.family is ADDONS or (self.family is PLANS and on_create)
        return body | {name: id for name, id in self._known.items() if name != "product_id" or needs_product}

    def _is_ours(self, found: Remote) -> bool:
        """It bears the package's id, whatever else somebody made of it; or it is what we would have made."""
        return _owner_of(found) == str(self.package_id) or self._says_the_same(found)

    def _says_the_same(self, found: Remote) -> bool:
        """Is this the record we would have made? Then it is ours, from a time we have forgotten."""
        differing = differences(self._table, self.record.payload, found.values)
        return all(each.field.name == "status" for each in differing)


def _told(found: Remote) -> dict[str, Any]:
    return {**found.values, "status": "active" if found.is_active else "inactive"}


def _owner_of(found: Remote) -> str:
    """The package that the record names in its custom field; empty where it names none."""
    told = items(found.values, "custom_fields")
    return next((text(each, "value") for each in told if each.get("label") == PACKAGE_ID), "")
