"""Doors for Celery."""

import logging

from celery import shared_task
from django.utils import timezone

from circletel.jobs import job
from pricing import applying

log = logging.getLogger(__name__)


@shared_task
@job
def apply_price_changes() -> None:
    """Daily at 02:00 in Johannesburg: what is due takes effect, today's and whatever a missed day left behind."""
    outcome = applying.apply_due(timezone.now())
    log.info("price changes effective: %d", outcome.applied)
    if outcome.problems:
        log.error("%d price changes could not take effect; the admin says why", len(outcome.problems))
