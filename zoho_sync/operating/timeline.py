"""The way of one package: approved, published, owed, in CRM, in Billing, verified; when, and by whom."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from catalogue.models import ServicePackage
from circletel.core.models import AuditEntry
from zoho_sync.models import Kind, ProductIntegration, SyncStatus, System

# Approvals and publishes of a product that are looked through for the last of each.
LOOKED_BACK = 20


@dataclass(frozen=True)
class Step:
    """`at` is None for what has not happened. `tone` colours what the words say already."""

    name: str
    at: datetime | None
    who: str = ""
    note: str = ""
    tone: str = ""


def timeline_of(package: ServicePackage, records: Sequence[ProductIntegration]) -> list[Step]:
    """Six steps in their order, of what stands now. One query."""
    owed = max((record.owed_since for record in records if record.owed_since), default=None)
    return [
        *_approved_and_published(package),
        Step("Owed to Zoho", owed, note=_owed_note(records), tone="good" if owed else ""),
        _sent("In Zoho CRM", System.CRM, records),
        _sent("In Zoho Billing", System.BILLING, records),
        _verified(records),
    ]


def _approved_and_published(package: ServicePackage) -> Iterator[Step]:
    """The last publish of its product, and the last approval before it, as the audit trail has them."""
    entries = list(
        AuditEntry.objects.filter(
            target_type="product",
            target_id=str(package.source_admin_product_id),
            action__in=("approved", "published"),
            result=AuditEntry.Result.DONE,
        ).order_by("-at")[:LOOKED_BACK]
    )
    published = next((entry for entry in entries if entry.action == "published"), None)
    approved = next(
        (
            entry
            for entry in entries
            if entry.action == "approved" and (published is None or entry.at <= published.at)
        ),
        None,
    )
    for name, entry in (("Approved", approved), ("Published", published)):
        yield Step(name, entry.at, entry.actor_name, tone="good") if entry else Step(name, None)


def _owed_note(records: Sequence[ProductIntegration]) -> str:
    waiting = sum(record.status != SyncStatus.OK for record in records)
    return f"{waiting} of {len(records)} records still differ" if waiting else ""


def _sent(name: str, system: System, records: Sequence[ProductIntegration]) -> Step:
    mine = [record for record in records if Kind(record.kind).system is system]
    if mine and all(record.status == SyncStatus.OK for record in mine):
        at = max((record.last_synced_at for record in mine if record.last_synced_at), default=None)
        return Step(name, at, tone="good")
    dead = [record for record in mine if record.status == SyncStatus.DEAD]
    failed = [record for record in mine if record.status == SyncStatus.FAILED]
    for group, tone in ((dead, "trouble"), (failed, "attention")):
        if group:
            return Step(name, None, note=group[0].last_sync_error, tone=tone)
    return Step(name, None)


def _verified(records: Sequence[ProductIntegration]) -> Step:
    """Since when all of it was last read back and agreed; only when each record was, after it was last sent."""
    times = [
        record.verified_at
        if record.verified_at and record.last_synced_at and record.verified_at >= record.last_synced_at
        else None
        for record in records
    ]
    known = [time for time in times if time is not None]
    is_verified = bool(times) and len(known) == len(times)
    return Step("Verified in Zoho", min(known) if is_verified else None, tone="good" if is_verified else "")
