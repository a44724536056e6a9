"""Doors for Celery."""

import logging

from celery import shared_task
from django.utils import timezone

from circletel.jobs import job
from pricing import applying
from pricing.notices import owing, sending
from zoho_sync.services import quietly

log = logging.getLogger(__name__)


@shared_task
@job
def apply_price_changes() -> None:
    """Daily at 02:00 in Johannesburg: what is due takes effect, today's and whatever a missed day left behind."""
    outcome = applying.apply_due(timezone.now())
    log.info("price changes effective: %d", outcome.applied)
    if outcome.problems:
        log.error("%d price changes could not take effect; the admin says why", len(outcome.problems))


@shared_task
@job
def send_price_notices() -> str:
    """Daily at 08:00 in Johannesburg, and after a publication: write down who is to be told by today, and tell them."""
    return f"{owing.owe(timezone.now())}; {sending.send_due()}"


@shared_task
@job
def resume_price_notices() -> str:
    """Every ten minutes by day: go on with what the rate limit, an outage or a lost worker left."""
    if not sending.is_any_left(timezone.now()):
        return "nothing waits"
    return "went on" if send_price_notices() else "it is at work"


def nudge_notices() -> None:
    """Have a worker tell customers now. Without a broker they are told with the next run."""
    quietly(lambda: send_price_notices.apply_async())
