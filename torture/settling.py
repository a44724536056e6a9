"""Waiting until the house has brought itself into step; what does not come in time, a person sends again."""

import time
from collections.abc import Callable

from django.contrib.auth.models import User

from circletel.core.models import Job
from torture.beginning import SUPERUSER
from zoho_sync import services
from zoho_sync.models import ProductIntegration, SyncStatus
from zoho_sync.operating.models import Resync

PAUSE_SECONDS = 1.0


def settle(by_itself: float, by_hand: float, tend: Callable[[], None]) -> tuple[float, int]:
    """Seconds until everything was in step, and how many records a person had to send again for that. `tend` is called all the while."""
    begun = time.monotonic()
    _wait(by_itself, tend)
    number = 0
    if left := ProductIntegration.objects.exclude(status=SyncStatus.OK):
        number = services.resync(left.all(), actor=User.objects.get(username=SUPERUSER))
        _wait(by_hand, tend)
    return time.monotonic() - begun, number


def is_settled() -> bool:
    return not (
        ProductIntegration.objects.exclude(status=SyncStatus.OK).exists()
        or ProductIntegration.objects.exclude(lease_token=None).exists()
        or Job.objects.filter(state__in=["waiting", "running"], requested_by__isnull=False).exists()
        or Resync.objects.filter(finished_at=None).exists()
    )


def _wait(seconds: float, tend: Callable[[], None]) -> None:
    deadline = time.monotonic() + seconds
    while not is_settled() and time.monotonic() < deadline:
        tend()
        time.sleep(PAUSE_SECONDS)
