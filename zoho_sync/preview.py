"""What publishing would do, before anyone does it: field by field, record by record, call by call.

Nothing here is computed a second way: the publish is rehearsed and undone, and what it would owe is compared with
what is live and with what Zoho last acknowledged.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.contrib.auth.models import User

from catalogue import services
from catalogue.content import pricing_of
from catalogue.models import NoVatRate, Product, ServicePackage
from catalogue.readiness import Problem, publishing_problems
from circletel.core.amounts import rand
from circletel.core.errors import NotReady
from zoho_sync.billing import exporter as billing
from zoho_sync.desired import DesiredRecord, current_terms, desired_records, problems_of, table_of
from zoho_sync.fields import Terms
from zoho_sync.models import Kind, ProductIntegration, SyncStatus, System


@dataclass(frozen=True)
class FieldPreview:
    """One Zoho field, three times: from what is live, from what would be, and as Zoho last acknowledged it."""

    name: str
    source: str
    live: Any
    after: Any
    acknowledged: Any

    @property
    def changes(self) -> bool:
        return self.after != self.acknowledged or self.after != self.live


@dataclass(frozen=True)
class RecordPreview:
    """One Zoho record: what becomes of it (create, update, deactivate, nothing), and how many calls that costs."""

    kind: Kind
    key: str
    deed: str
    calls: int
    fields: list[FieldPreview]

    @property
    def changed_fields(self) -> list[FieldPreview]:
        return [one for one in self.fields if one.changes]


@dataclass(frozen=True)
class Preview:
    """`objections` keep it from being published now; `problems` keep it from being published at all."""

    product: Product
    objections: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    outcome: str = ""
    price_note: str = ""
    archived: list[str] = field(default_factory=list)
    records: list[RecordPreview] = field(default_factory=list)

    @property
    def calls(self) -> dict[str, int]:
        """How many it takes, by the value of the system."""
        spent = Counter[str]()
        for record in self.records:
            spent[record.kind.system.value] += record.calls
        return {system.value: spent[system.value] for system in System}


def preview_publish(product: Product, *, actor: User) -> Preview:
    """Rehearse a publish and undo it. `product` came `with_content`."""
    objections = services.objections("publish", product, actor=actor)
    live = services.live_package_of(product)
    try:
        terms = current_terms()
        with services.rehearsed_publish(product.pk, actor=actor) as published:
            records = _records(published.package, live, terms)
            for old in published.archived:
                records += _records(old, old, terms)
    except NotReady as refusal:
        return Preview(product, objections, problems=list(refusal.reasons))
    except NoVatRate as missing:
        return Preview(product, objections, problems=[str(missing)])
    return Preview(
        product,
        objections,
        outcome=str(published),
        price_note=_price_note(product, live),
        archived=[str(old) for old in published.archived],
        records=records,
    )


def _records(package: ServicePackage, live: ServicePackage | None, terms: Terms) -> list[RecordPreview]:
    rows = {Kind(row.kind): row for row in ProductIntegration.objects.filter(package=package)}
    now = {record.kind: record for record in desired_records(live, terms)} if live else {}
    after = {record.kind: record for record in desired_records(package, terms)}
    return [_record(rows[kind], after.get(kind), now.get(kind), terms) for kind in Kind if kind in rows]


def _record(
    row: ProductIntegration, after: DesiredRecord | None, now: DesiredRecord | None, terms: Terms
) -> RecordPreview:
    kind, known = Kind(row.kind), row.acknowledged_payload
    wanted: Mapping[str, Any] = after.payload if after else {**(known or {}), "status": "inactive"}
    deed, calls = "nothing", 0
    if row.status != SyncStatus.OK:
        change = "deactivate" if wanted.get("status") == "inactive" else "update"
        deed, calls = change if row.remote_id else "create", _calls(row, wanted)
    fields = [
        FieldPreview(
            one.name,
            one.source,
            now.payload.get(one.name) if now else None,
            wanted.get(one.name),
            known.get(one.name) if known else None,
        )
        for one in table_of(kind, terms)
    ]
    return RecordPreview(kind, row.remote_key, deed, calls, fields)


def _calls(row: ProductIntegration, wanted: Mapping[str, Any]) -> int:
    # Upserts go out a hundred records at a time; alone, one record is one call.
    if row.kind == Kind.CRM_PRODUCT:
        return 1
    if row.remote_id:
        return billing.calls_needed(row.acknowledged_payload or {}, wanted)
    return (row.kind == Kind.BILLING_PRODUCT) + billing.calls_needed(None, wanted)


def _price_note(product: Product, live: ServicePackage | None) -> str:
    pricing = pricing_of(product)
    if live is None or pricing is None or pricing.regular_price == live.current_price:
        return ""
    return (
        f"The price does not move: the package stays at {rand(live.current_price)}. That the product says"
        f" {rand(pricing.regular_price)} becomes a draft price change, which needs notice and an approval of its own."
    )


def readiness(product: Product, *, actor: User) -> dict[str, list[Problem]]:
    """Each target with what is missing or invalid for it. `product` came `with_content`. Two queries."""
    found = {"Storefront": publishing_problems(product)}
    try:
        terms = current_terms()
    except NoVatRate:
        return found
    records = desired_records(services.package_as_of(product, actor=actor), terms)
    found |= {system.label: _problems(records, terms, system) for system in System}
    return found | {"TM Forum": _tmf_problems(product)}


def _problems(records: Iterable[DesiredRecord], terms: Terms, system: System) -> list[Problem]:
    found: list[Problem] = []
    for record in records:
        if record.kind.system is not system:
            continue
        table = {one.name: one for one in table_of(record.kind, terms)}
        for text in problems_of(record, terms):
            name = text.split(" ", 1)[0]
            about = FIELD_OF_SOURCE.get(table[name].source) or table[name].adopts or name
            found.append(Problem(about, f"{record.kind.label}: {text}"))
    return found


def _tmf_problems(product: Product) -> list[Problem]:
    """What a TMF620 ProductOffering with its price and specification cannot do without."""
    wanted = {"name": product.name, "category": product.category, "service_type": product.service_type}
    found = [
        Problem(name, "is missing: an offering is named by it") for name, value in wanted.items() if not value
    ]
    if pricing_of(product) is None:
        found.append(Problem("pricing.regular_price", "is missing: an offering has a ProductOfferingPrice"))
    return found


# Where a person mends what the mapping complains about, as a path of `product_content`, where the field does not say it
# by what it `adopts`.
FIELD_OF_SOURCE = {
    "name, told apart by term and device": "name",
    "price for new customers": "pricing.regular_price",
    "SKU": "sku",
    "SKU, segment and provider": "sku",
    "service type, provider and segment": "service_type",
    "service type": "service_type",
    "provider": "provider",
    "zones, one a line": "zones",
    "hardware model": "hardware.model",
    "features": "features",
}
