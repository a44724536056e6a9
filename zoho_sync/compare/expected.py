"""Our side: what Zoho ought to hold, package by package, without holding the catalogue in memory."""

from collections.abc import Collection, Iterable, Iterator

from django.db.models import Prefetch

from catalogue.models import PackageStatus, ServicePackage
from zoho_sync.compare.records import Expected
from zoho_sync.desired import DesiredRecord, current_terms, desired_records, retired_record
from zoho_sync.fields import Terms
from zoho_sync.models import Kind, ProductIntegration

CHUNK = 1000
# Not what was acknowledged, which is long: it is read for the few that are retired.
ROW = ("package_id", "kind", "remote_key", "remote_id", "status", "synced_hash")


def expected_records(
    kinds: Collection[Kind], *, skus: Collection[str] = (), terms: Terms | None = None
) -> Iterator[Expected]:
    """What ought to be there for every package that was ever published, or for those of `skus`. In no order."""
    packages = ServicePackage.objects.exclude(status=PackageStatus.DRAFT)
    if skus:
        packages = packages.filter(sku__in=skus)
    return expected_of(packages, kinds, terms=terms)


def expected_for(package_ids: Collection[str], kinds: Collection[Kind]) -> list[Expected]:
    """The same for some packages, as they are now."""
    return list(expected_of(ServicePackage.objects.filter(pk__in=package_ids), kinds))


def expected_of(
    packages: "Iterable[ServicePackage]", kinds: Collection[Kind], *, terms: Terms | None = None
) -> Iterator[Expected]:
    terms = terms or current_terms()
    rows = ProductIntegration.objects.filter(kind__in=list(kinds)).only("id", *ROW)
    read = packages.order_by("pk").prefetch_related(Prefetch("integrations", rows))  # type: ignore[attr-defined]
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
