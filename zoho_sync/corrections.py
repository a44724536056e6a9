"""Correcting what we believe Zoho to hold. What then differs from what it ought to hold is owed, as ever."""

from collections.abc import Mapping
from typing import Any

from django.utils import timezone

from circletel.core.errors import Refused
from zoho_sync.desired import DesiredRecord
from zoho_sync.models import Kind, ProductIntegration
from zoho_sync.results import WRITTEN, record_remote_state
from zoho_sync.services import nudge_after_commit


def believe(record: DesiredRecord, *, remote_id: str, says: Mapping[str, Any] | None) -> None:
    """Write down, in the caller's transaction, that Zoho's record `remote_id` says this; None: that there is none.

    `says` are values in the form of the payload; what it leaves out is believed to be in step. The ordinary sync
    then sends exactly what differs. Refused while a worker holds one of the record's rows.
    """
    now = timezone.now()
    of_record = ProductIntegration.objects.filter(kind=record.kind, remote_key=record.key)
    rows = list(of_record.select_for_update().order_by("pk"))
    if any(row.is_leased(now) for row in rows):
        raise Refused(f"{rows[0]} is being sent at this moment: try again in a minute")
    in_step = [record_remote_state(row, record, remote_id=remote_id, says=says, now=now) for row in rows]
    for row in rows:
        row.lease_token, row.leased_until, row.outcome_unknown, row.changed_at = None, None, False, now
    ProductIntegration.objects.bulk_update(rows, WRITTEN)
    if not all(in_step):
        nudge_after_commit({Kind(record.kind).system})
