"""The history of packages: written with every change, read for any instant, and published again."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.contrib.auth.models import User
from django.db import connection, transaction
from django.db.models import QuerySet
from django.dispatch import receiver
from django.utils import timezone

from catalogue.content import differences, plain
from catalogue.models import PackageContent, PackageVersion, ServicePackage
from catalogue.signals import package_changed
from circletel.core.rights import name_of

CONTENT = tuple(field.attname for field in PackageContent._meta.local_fields)
BOOKKEEPING = {"version", "source_version", "logical_key", "published_at"}


@receiver(package_changed, dispatch_uid="catalogue.history")
def write_history(
    package: ServicePackage, deed: str = "changed", actor: User | None = None, **_: Any
) -> None:
    record([package], deed=deed, actor=actor)


@transaction.atomic
def record(
    packages: Iterable[ServicePackage], *, deed: str, actor: User | None = None, at: datetime | None = None
) -> int:
    """Close the version that stood and open a new one for each of `packages` whose content differs from it.

    Belongs into the transaction of the change. Three statements however many packages. Returns how many differ.
    """
    changed = {package.pk: package for package in packages}
    standing = {
        version.package_id: version
        for version in PackageVersion.objects.select_for_update().filter(
            package__in=changed, recorded_to=None
        )
    }
    now = at or timezone.now()
    new = []
    for key, package in changed.items():
        before, content = standing.get(key), content_of(package)
        if before is not None and content_of(before) == content:
            del standing[key]
            continue
        values = {name: getattr(package, name) for name in CONTENT}
        new.append(
            PackageVersion(
                **values,
                package=package,
                revision=before.revision + 1 if before else 1,
                # Never before what stood until now, whatever the clocks of two machines say.
                recorded_from=max(now, before.recorded_from) if before else now,
                deed=deed,
                deed_by=name_of(actor) if actor else "",
            )
        )
    instants = {version.package_id: version.recorded_from for version in new}
    for before in standing.values():
        before.recorded_to = instants[before.package_id]
    PackageVersion.objects.bulk_update(standing.values(), ["recorded_to"], batch_size=1000)
    PackageVersion.objects.bulk_create(new, batch_size=1000)
    return len(new)


def record_set(package_ids: Sequence[UUID], *, deed: str, at: datetime) -> None:
    """`record` for packages that a set-based statement has just changed, all of them; by the system itself.

    Two statements, in the caller's transaction, whose rows stay in the database.
    """
    columns = ", ".join(CONTENT)
    with connection.cursor() as cursor:
        values: dict[str, Any] = {"ids": list(package_ids), "at": at, "deed": deed}
        cursor.execute(
            "UPDATE service_package_versions SET recorded_to = greatest(%(at)s, recorded_from)"
            " WHERE package_id = ANY(%(ids)s) AND recorded_to IS NULL",
            values,
        )
        cursor.execute(
            # The columns are our own model's.
            f"INSERT INTO service_package_versions ({columns}, package_id, revision, recorded_from, deed, deed_by)"  # noqa: S608
            f" SELECT {', '.join(f'p.{name}' for name in CONTENT)}, p.id, coalesce(last.revision, 0) + 1,"
            " coalesce(last.recorded_to, %(at)s), %(deed)s, ''"
            " FROM service_packages p LEFT JOIN LATERAL ("
            "   SELECT revision, recorded_to FROM service_package_versions v WHERE v.package_id = p.id"
            "   ORDER BY revision DESC LIMIT 1) last ON true"
            " WHERE p.id = ANY(%(ids)s)",
            values,
        )


def content_of(package: PackageContent) -> dict[str, Any]:
    """Everything the package says, as plain comparable values."""
    return plain({name: getattr(package, name) for name in CONTENT})


def on_sale_at(at: datetime, *, now: datetime) -> QuerySet[Any]:
    """What a new customer could or can order at `at`: from history when that lies before `now`, else from what stands.

    About the future it says what is known today. Both answer with the same fields.
    """
    return PackageVersion.objects.on_sale(at) if at < now else ServicePackage.objects.on_sale(at)


def compare(before: PackageContent, after: PackageContent) -> dict[str, list[Any]]:
    """{field: [before, after]} of what differs, in the order of the fields; bookkeeping left out."""
    found = differences(content_of(before), content_of(after))
    return {name: pair for name, pair in found.items() if name not in BOOKKEEPING}
