"""CRM takes a hundred records a call, so those published one by one leave together.

The first goes at once. What follows within `ZOHO_CRM_GATHER_SECONDS` waits until that time is over or a full call is
owed: two hundred publishes within a minute are three calls at most. What somebody waits for never waits here.
"""

import time

from django.conf import settings

from zoho_sync import claims
from zoho_sync.connection.shared import PREFIX, shared_store
from zoho_sync.crm.client import PER_UPSERT
from zoho_sync.models import Kind

_KEY = f"{PREFIX}:crm:gathering"


def seconds_to_gather() -> float:
    """How long what is due to CRM should wait for company; 0 when it may leave now."""
    until = float(shared_store().get(_KEY) or 0)
    left = min(until - time.time(), settings.ZOHO_CRM_GATHER_SECONDS)
    if left <= 0:
        return 0.0
    due = claims.due().filter(kind=Kind.CRM_PRODUCT)
    if due.filter(priority__gt=0).exists() or due[:PER_UPSERT].count() == PER_UPSERT:
        return 0.0
    return left


def left_with_room() -> None:
    """A call went out that was not full: from now on others gather for the next one."""
    seconds = settings.ZOHO_CRM_GATHER_SECONDS
    if seconds > 0:
        shared_store().set(_KEY, time.time() + seconds, ex=seconds)
