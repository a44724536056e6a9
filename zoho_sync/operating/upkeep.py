"""What keeps the tables of operating small, and counts the day."""

from datetime import timedelta
from typing import Any

from django.db.models.query import QuerySet
from django.utils import timezone

from circletel.core.models import Job, JobState
from zoho_sync.models import System, ZohoSyncLog
from zoho_sync.operating.models import AlertDelivery, DailyFigures, DeliveryState
from zoho_sync.standing import STATES, standing

KEPT = timedelta(days=90)
# Most jobs run each minute and are done; only what went wrong is worth looking back on for longer.
DONE_RUNS_KEPT = timedelta(days=7)
BATCH = 5000


def retention() -> str:
    """Delete Zoho calls, jobs of the schedule and sent messages that are old. In batches: no statement holds a table for long."""
    now = timezone.now()
    old = now - KEPT
    calls = _delete(ZohoSyncLog.objects.filter(at__lt=old))
    # What people asked for stays: it says who did what.
    runs_of_schedule = Job.objects.filter(requested_by=None)
    runs = _delete(runs_of_schedule.filter(finished_at__lt=old))
    runs += _delete(runs_of_schedule.filter(finished_at__lt=now - DONE_RUNS_KEPT, state=JobState.DONE))
    messages = _delete(AlertDelivery.objects.filter(sent_at__lt=old, state=DeliveryState.SENT))
    return f"deleted {calls} calls, {runs} jobs, {messages} messages"


def _delete(rows: QuerySet[Any]) -> int:
    number = 0
    while keys := list(rows.order_by().values_list("pk", flat=True)[:BATCH]):
        number += rows.model._base_manager.filter(pk__in=keys).delete()[0]
    return number


def count_figures() -> None:
    """Write down how each system stands today; a later count of the same day takes the place of this one."""
    picture, today = standing(), timezone.localdate()
    for system in System:
        figures = {state: picture.count(state, system) for state in STATES}
        DailyFigures.objects.update_or_create(day=today, system=system, defaults=figures)
