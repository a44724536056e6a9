"""Doors for Celery."""

import logging

from celery import shared_task
from django.utils import timezone

from circletel.jobs import job
from pricing import applying, moving, proof, rechecking

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
def move_subscriptions() -> str:
    """Every five minutes: what can be moved, confirmed or undone in Zoho Billing now, within the background's budget."""
    return str(moving.drain())


@shared_task
@job
def recheck_moves() -> str:
    """Nightly, after the subscriptions were pulled: late joiners, leavers, moved dates, notices that came back."""
    return str(rechecking.recheck(timezone.now()))


@shared_task
@job
def prove_billing() -> str:
    """Each morning, after the renewals: read the first invoices of what was moved until all is right or settled."""
    return str(proof.prove(timezone.now()))
