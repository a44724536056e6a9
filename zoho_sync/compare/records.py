"""The two sides of a comparison: a record as it ought to be, and one as Zoho holds it. Plain values only.

What ought to be is described package by package, without holding the catalogue in memory.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.db.models import Prefetch, QuerySet

from catalogue.models import PackageStatus, ServicePackage
from zoho_sync.billing.client import ADDONS, PLANS, PRODUCTS, Family
from zoho_sync.desired import DesiredRecord, current_terms, desired_records, retired_record
from zoho_sync.fields import Terms
from zoho_sync.keys import HARDWARE_SUFFIX, INSTALLATION_SUFFIX
from zoho_sync.models import Kind, ProductIntegration, SyncStatus, System

OTHER_ADD_ON = "billing_addon"
CHUNK = 1000
# Not what was acknowledged, which is long: it is read for the few that are retired.
ROW = ("package_id", "kind", "remote_key", "remote_id", "status", "synced_hash")


@dataclass(frozen=True)
class Shelf:
    """One list in Zoho that is read as a whole, and the kinds of ours that stand in it."""

    name: str
    system: System
    kinds: tuple[Kind, ...]
    family: Family | None = None

    def kind_of(self, key: str) -> str:
        """What kind of record a stranger in this list is."""
        if len(self.kinds) == 1:
            return self.kinds[0].value
        ends = {INSTALLATION_SUFFIX: Kind.BILLING_INSTALLATION, HARDWARE_SUFFIX: Kind.BILLING_HARDWARE}
        return next((kind.value for end, kind in ends.items() if key.endswith(end)), OTHER_ADD_ON)


# Every list that is compared.
SHELVES = (
    Shelf("CRM products", System.CRM, (Kind.CRM_PRODUCT,)),
    Shelf("Billing products", System.BILLING, (Kind.BILLING_PRODUCT,), PRODUCTS),
    Shelf("Billing plans", System.BILLING, (Kind.BILLING_PLAN,), PLANS),
    Shelf("Billing add-ons", System.BILLING, (Kind.BILLING_INSTALLATION, Kind.BILLING_HARDWARE), ADDONS),
)


def shelf_of(kind: str) -> Shelf:
    return next((shelf for shelf in SHELVES if kind in shelf.kinds), SHELVES[-1])


@dataclass(slots=True)
class Expected:
    """What Zoho ought to hold under `key`, and what we know of it there. `row` is empty when nothing was ever owed."""

    kind: str
    key: str
    package: str
    payload: dict[str, Any]
    hash: str
    row: str = ""
    remote_id: str = ""
    status: str = ""
    synced_hash: str = ""
    retired: bool = False

    @property
    def is_owed(self) -> bool:
        """The sync is about to write it: whatever Zoho says now is no news."""
        return self.status in (SyncStatus.PENDING, SyncStatus.FAILED)

    @property
    def is_wanted(self) -> bool:
        """It ought to be in use. What ought to be switched off may as well be gone."""
        return not self.retired and is_active(self.payload)


@dataclass(slots=True)
class Remote:
    """A record as Zoho holds it. `key` is empty where nobody gave it one of ours."""

    id: str
    key: str
    values: dict[str, Any] = field(default_factory=dict)
    modified_at: str = ""
    modified_by: str = ""

    @property
    def is_active(self) -> bool:
        return is_active(self.values)

    @property
    def name(self) -> str:
        return str(self.values.get("Product_Name") or self.values.get("name") or "")

    @property
    def code(self) -> str:
        return str(self.values.get("Product_Code") or "")


def is_active(values: Mapping[str, Any]) -> bool:
    """Whether a record, ours or Zoho's, is in use. Billing products have no say in it."""
    if "Product_Active" in values:
        return str(values["Product_Active"]).lower() == "true"
    return str(values.get("status") or "active").lower() != "inactive"


def expected_records(
    kinds: Collection[Kind], *, skus: Collection[str] = (), terms: Terms | None = None
) -> Iterator[Expected]:
    """What ought to be there for every package that was ever published, or for those of `skus`. In no order."""
    packages = ServicePackage.objects.exclude(status=PackageStatus.DRAFT)
    if skus:
        packages = packages.filter(sku__in=skus)
    return _expected_of(packages, kinds, terms=terms)


def expected_for(package_ids: Collection[str], kinds: Collection[Kind]) -> list[Expected]:
    """The same for some packages, as they are now."""
    return list(_expected_of(ServicePackage.objects.filter(pk__in=package_ids), kinds))


def _expected_of(
    packages: QuerySet[ServicePackage], kinds: Collection[Kind], *, terms: Terms | None = None
) -> Iterator[Expected]:
    terms = terms or current_terms()
    rows = ProductIntegration.objects.filter(kind__in=list(kinds)).only("id", *ROW)
    read = packages.order_by("pk").prefetch_related(Prefetch("integrations", rows))
    for package in read.iterator(chunk_size=CHUNK):
        known = {row.kind: row for row in package.integrations.all()}
        for record in desired_records(package, terms, kinds):
            yield _expected(package, record, known.pop(record.kind, None))
        for kind, row in known.items():
            gone = retired_record(Kind(kind), row.remote_key, row.acknowledged_payload)
            yield _expected(package, gone, row, retired=True)


def _expected(
    package: ServicePackage, record: DesiredRecord, row: ProductIntegration | None, *, retired: bool = False
) -> Expected:
    expected = Expected(
        kind=record.kind.value,
        key=record.key,
        package=str(package.pk),
        payload=dict(record.payload),
        hash=record.hash,
        retired=retired,
    )
    if row is not None:
        expected.row, expected.remote_id = str(row.pk), row.remote_id
        expected.status, expected.synced_hash = row.status, row.synced_hash
    return expected
