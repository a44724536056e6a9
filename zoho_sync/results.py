"""What is known of a record, written on its rows: one way for drain, publish, backfill and reconciliation.

Each function but `answered` changes the row it is given and stores nothing: the caller saves the fields in WRITTEN.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.utils import timezone

from circletel.core import audit
from circletel.core.origin import current_origin
from zoho_sync.connection.errors import ZohoError
from zoho_sync.desired import DesiredRecord, payload_hash
from zoho_sync.models import Kind, ProductIntegration, SyncStatus
from zoho_sync.operating.causes import cause_of
from zoho_sync.operating.models import Resync

# What becomes of each record that a person asked to be sent again.
WAITS = "waits"
IN_STEP = "in step"
NOT_WANTED = "not wanted any more"
TAKEN_OVER = "left to a later wish"

WRITTEN = (
    *("remote_key", "remote_id", "desired_hash", "synced_hash", "acknowledged_payload", "outcome_unknown"),
    *("status", "next_retry_at", "retry_count", "last_synced_at", "background", "priority", "resync"),
    *("last_sync_error", "sync_error_details", "cause", "failing_since", "lease_token", "leased_until"),
    *("listed_at", "correlation_id", "changed_at"),
)


def acknowledge(row: ProductIntegration, payload: Mapping[str, Any], remote_id: str) -> None:
    """Zoho's record `remote_id` says `payload`."""
    row.remote_id, row.outcome_unknown = remote_id, False
    row.acknowledged_payload, row.synced_hash = dict(payload), payload_hash(payload)


def mark_in_sync(row: ProductIntegration) -> None:
    """Zoho has acknowledged exactly what is wanted: nothing is owed, and whoever waited for it is told."""
    row.status, row.next_retry_at, row.priority = SyncStatus.OK, None, 0
    row.desired_hash = row.synced_hash
    _clear_failure(row)
    if row.resync_id:
        answered(row, IN_STEP)
        row.resync = None


def mark_pending(row: ProductIntegration, now: datetime) -> None:
    """It is to be sent from now on, with all its tries before it."""
    row.status, row.next_retry_at = SyncStatus.PENDING, now
    _clear_failure(row)


def mark_dead(row: ProductIntegration, error: ZohoError, now: datetime) -> None:
    """A person has to change something before it is sent."""
    details = error.as_details()
    row.status, row.next_retry_at, row.background, row.priority = SyncStatus.DEAD, None, False, 0
    row.last_sync_error, row.sync_error_details = str(error), details
    row.cause = cause_of(Kind(row.kind).system, details | {"words": str(error)})
    row.failing_since = row.failing_since or now
    if row.resync_id:
        answered(row, f"{SyncStatus.DEAD.label}: {error}")


def record_remote_state(
    row: ProductIntegration,
    record: DesiredRecord,
    *,
    remote_id: str,
    says: Mapping[str, Any] | None,
    now: datetime,
) -> bool:
    """Zoho's record `remote_id` says this; None: there is none. What then differs from `record` is owed.

    `says` are values in the form of the payload; what it leaves out counts as in sync. Returns whether all is.
    """
    row.remote_key, row.desired_hash = record.key, record.hash
    row.correlation_id = current_origin().correlation_id
    if says is None:
        row.remote_id, row.synced_hash, row.acknowledged_payload = "", "", None
    else:
        acknowledge(row, {**record.payload, **says}, remote_id)
    return mark(row, now)


def mark(row: ProductIntegration, now: datetime) -> bool:
    """In sync where Zoho has acknowledged what is wanted, else pending. Returns which."""
    if in_sync := bool(row.remote_id) and row.synced_hash == row.desired_hash:
        mark_in_sync(row)
    else:
        mark_pending(row, now)
    return in_sync


def _clear_failure(row: ProductIntegration) -> None:
    row.retry_count, row.last_sync_error, row.sync_error_details = 0, "", {}
    row.cause, row.failing_since = "", None


def answered(row: ProductIntegration, outcome: str) -> None:
    """`row`, which a wish waited for, was tried: write down what came of it, and the result once all were.

    Called inside the transaction that reports on the row.
    """
    wish = Resync.objects.select_for_update(of=("self",)).select_related("requested_by").get(pk=row.resync_id)  # type: ignore[misc]
    wish.outcomes = wish.outcomes | {row.kind: outcome}
    is_first_result = wish.finished_at is None and WAITS not in wish.outcomes.values()
    if is_first_result:
        wish.finished_at = timezone.now()
    wish.save(update_fields=["outcomes", "finished_at"])
    if is_first_result:
        audit.record(
            f"re-sync {wish.system} result", wish.package, actor=wish.requested_by, detail=in_words(wish)
        )


def in_words(wish: Resync) -> str:
    """What became of a wish, for a person."""
    if not wish.outcomes:
        return "Nothing differed, so nothing was sent."
    return "; ".join(f"{kind.label}: {wish.outcomes[kind]}" for kind in Kind if kind in wish.outcomes)
