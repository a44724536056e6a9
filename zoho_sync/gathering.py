"""CRM takes a hundred records a call, so those published one by one leave together.

The first goes at once, and so does, after a few seconds, what comes now and then. When more come, they wait until
`timing.GATHER_SECONDS` after the last call that had room, or until a full call is owed: two hundred publishes within
a minute, evenly or in a rush, are three calls at most. What somebody waits for never waits here.
"""

import time

from zoho_sync import claims, timing
from zoho_sync.connection.shared import PREFIX, shared_store
from zoho_sync.crm.client import PER_UPSERT
from zoho_sync.models import Kind

FEW = 3  # as many as people publish by hand within
MOMENT = 5.0  # seconds
_LEFT = f"{PREFIX}:crm:gathering"
_RUSH = f"{PREFIX}:crm:rush"


def seconds_to_gather() -> float:
    """How long what is due to CRM should wait for company; 0 when it may leave now."""
    longest = timing.GATHER_SECONDS
    left_at, rush = shared_store().mget(_LEFT, _RUSH)
    waited = max(time.time() - float(left_at or 0), 0.0)
    if waited >= longest:
        return 0.0
    due = claims.due().filter(kind=Kind.CRM_PRODUCT)
    owed = due[:PER_UPSERT].count()
    if owed == PER_UPSERT or due.filter(priority__gt=0).exists():
        return 0.0
    if not rush and owed <= FEW:
        longest = min(longest, MOMENT)
    return max(longest - waited, 0.0)


def left(records: int) -> None:
    """A call went out with so many records. From one that had room others gather for the next."""
    seconds = int(timing.GATHER_SECONDS)
    if seconds <= 0:
        return
    if records < PER_UPSERT:
        shared_store().set(_LEFT, time.time(), ex=seconds)
    if records > FEW:
        shared_store().set(_RUSH, 1, ex=seconds)
