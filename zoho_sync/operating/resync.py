"""Sending one package to one system again because a person asked: what differs, or with force everything."""

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from catalogue.models import ServicePackage
from circletel.core import audit
from circletel.core.errors import NotReady
from circletel.core.origin import current_origin
from circletel.core.rights import ensure_may
from zoho_sync import services
from zoho_sync.models import ProductIntegration, SyncStatus, System
from zoho_sync.operating.models import Resync
from zoho_sync.results import TAKEN_OVER, WAITS, answered

# A second click within this time is the same wish.
SAME_WISH = timedelta(seconds=5)
# Goes before everything that nobody waits for.
URGENT = 10


def resync_package(
    package_id: Any, system: System, *, actor: User, force: bool = False, reason: str = ""
) -> Resync:
    """Send the package's records of `system` again, ahead of background work. Returns what will become of them.

    Without `force` only what Zoho does not have; with it everything, for a `reason`. The same wish within five
    seconds, or while the first or one with force is still being done, is answered with that one. Raises NotAllowed, NotReady or
    ServicePackage.DoesNotExist.
    """
    may_resync(actor)
    reason = reason.strip()
    if force and not reason:
        raise NotReady("reason: say why everything is to be sent although it is in step")
    with transaction.atomic():
        package = ServicePackage.objects.select_for_update().get(pk=package_id)
        if earlier := _same_wish(package, system, force):
            return earlier
        rows = list(package.integrations.of_system(system).select_for_update().order_by("pk"))
        wanted = [row for row in rows if force or row.status != SyncStatus.OK]
        wish = _written_down(package, system, wanted, actor=actor, force=force, reason=reason)
        if wanted:
            transaction.on_commit(lambda: services.give_another_chance({system}))
    return wish


def resync_packages(
    packages: QuerySet[ServicePackage], system: System, *, actor: User, force: bool = False, reason: str = ""
) -> list[Resync]:
    """`resync_package` for each of them, by name. Raises NotAllowed or NotReady."""
    keys = list(packages.order_by("name", "sku").values_list("pk", flat=True))
    return [resync_package(key, system, actor=actor, force=force, reason=reason) for key in keys]


def synced_packages(keys: Iterable[Any]) -> QuerySet[ServicePackage]:
    """Those of these packages that Zoho has records of."""
    return ServicePackage.objects.filter(pk__in=keys, integrations__isnull=False).distinct()


def packages_of_products(keys: Iterable[Any]) -> QuerySet[ServicePackage]:
    """What publishing these products made that Zoho has records of."""
    published = ServicePackage.objects.filter(source_admin_product__in=keys, integrations__isnull=False)
    return published.distinct()


def may_resync(actor: User) -> None:
    """Raises NotAllowed."""
    ensure_may(actor, "zoho_sync.resync_productintegration", "send records to Zoho again")


def _same_wish(package: ServicePackage, system: System, force: bool) -> Resync | None:
    wishes = package.resyncs.filter(system=system)
    going_on = wishes.filter(finished_at=None, records__priority=URGENT)
    # What sends everything sends what differs too, so it stands for a wish without force as well.
    if found := going_on.filter(force=True).first() or (going_on.first() if not force else None):
        return found
    recent = wishes.filter(force=force).first()
    return recent if recent and recent.requested_at > timezone.now() - SAME_WISH else None


def _written_down(
    package: ServicePackage,
    system: System,
    rows: list[ProductIntegration],
    *,
    actor: User,
    force: bool,
    reason: str,
) -> Resync:
    now = timezone.now()
    for row in rows:
        if row.resync_id:
            answered(row, TAKEN_OVER)
    wish = Resync.objects.create(
        package=package,
        system=system,
        force=force,
        reason=reason,
        requested_by=actor,
        requested_at=now,
        finished_at=None if rows else now,
        outcomes={row.kind: WAITS for row in rows},
        correlation_id=current_origin().correlation_id,
    )
    ProductIntegration.objects.filter(pk__in=[row.pk for row in rows]).send_again(
        priority=URGENT, correlation_id=wish.correlation_id, resync=wish
    )
    changes: dict[str, list[Any]] = {row.kind: [row.status, SyncStatus.PENDING.value] for row in rows}
    name = f"force re-sync {system}" if force else f"re-sync {system}"
    audit.record(name, package, actor=actor, changes=changes, detail=reason or _nothing(rows))
    return wish


def _nothing(rows: list[ProductIntegration]) -> str:
    return "" if rows else "Nothing differed, so nothing was sent."
