"""The way of one package: approved, published, owed, in CRM, in Billing, verified; when, and by whom."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from catalogue.models import ServicePackage
from circletel.core.models import AuditEntry
from zoho_sync.models import Kind, ProductIntegration, SyncStatus, System


@dataclass(frozen=True)
class Step:
    """`at` is None for what has not happened. `tone` colours what the words say already."""

    name: str
    at: datetime | None
    who: str = ""
    note: str = ""
    tone: str = ""


def timeline_of(package: ServicePackage, records: Sequence[ProductIntegration]) -> list[Step]:
    """Six steps in their order, of what stands now. Two queries."""
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
    entries = AuditEntry.objects.filter(
        target_type="product",
        target_id=str(package.source_admin_product_id),
        result=AuditEntry.Result.DONE,
    ).order_by("-at")
    published = entries.filter(action="published").first()
    approvals = entries.filter(action="approved")
    approved = (approvals.filter(at__lte=published.at) if published else approvals).first()
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
    for status, tone in ((SyncStatus.DEAD, "trouble"), (SyncStatus.FAILED, "attention")):
        for record in mine:
            if record.status == status:
                return Step(name, None, note=record.last_sync_error, tone=tone)
    return Step(name, None)


def _verified(records: Sequence[ProductIntegration]) -> Step:
    """Since when all of it was last read back and agreed; only when each record was, after it was last sent."""
    times = [
        record.verified_at
        for record in records
        if record.verified_at and record.last_synced_at and record.verified_at >= record.last_synced_at
    ]
    if not records or len(times) < len(records):
        return Step("Verified in Zoho", None)
    return Step("Verified in Zoho", min(times), tone="good")
