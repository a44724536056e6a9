"""Correcting what we believe Zoho to hold. What then differs from what it ought to hold is owed, as ever."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.db.models import QuerySet
from django.utils import timezone

from circletel.core.errors import Refused
from circletel.core.origin import current_origin
from zoho_sync.desired import DesiredRecord, payload_hash
from zoho_sync.models import Kind, ProductIntegration, SyncStatus
from zoho_sync.services import nudge_after_commit


def believe(
    record: DesiredRecord, *, remote_id: str, says: Mapping[str, Any] | None
) -> Sequence[ProductIntegration]:
    """Write down, in the caller's transaction, that Zoho's record `remote_id` says this; None: that there is none.

    `says` are values in the form of the payload; what it leaves out is believed to be in step. The ordinary sync
    then sends exactly what differs. Returns the rows of the record. Refused while a worker holds one of them.
    """
    rows = list(_rows(record).select_for_update().order_by("pk"))
    if any(row.is_leased(timezone.now()) for row in rows):
        raise Refused(f"{rows[0]} is being sent at this moment: try again in a minute")
    acknowledged = None if says is None else {**record.payload, **says}
    synced = payload_hash(acknowledged) if acknowledged is not None else ""
    in_step = synced == record.hash and bool(remote_id)
    _rows(record).update(
        remote_id=remote_id if says is not None else "",
        acknowledged_payload=acknowledged,
        synced_hash=synced,
        desired_hash=record.hash,
        status=SyncStatus.OK if in_step else SyncStatus.PENDING,
        next_retry_at=None if in_step else timezone.now(),
        retry_count=0,
        last_sync_error="",
        sync_error_details={},
        outcome_unknown=False,
        lease_token=None,
        leased_until=None,
        correlation_id=current_origin().correlation_id,
        changed_at=timezone.now(),
    )
    if not in_step:
        nudge_after_commit({Kind(record.kind).system})
    return rows


def _rows(record: DesiredRecord) -> QuerySet[ProductIntegration]:
    return ProductIntegration.objects.filter(kind=record.kind, remote_key=record.key)
