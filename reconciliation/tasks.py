"""Doors for Celery and its schedule."""

from uuid import UUID

import structlog
from celery import shared_task
from django.conf import settings

from circletel.core.errors import Refused
from circletel.jobs import job
from reconciliation import hints, mail, services
from reconciliation.channel import keep_channel
from reconciliation.models import ReconciliationReport, Scope

log = structlog.get_logger(__name__)


@shared_task
@job
def run_nightly() -> None:
    """Compare everything, tell people what is new, and forget what is old."""
    try:
        outcome = services.run(actor=None, who_calls=settings.RECONCILIATION_WHO_CALLS)
    except Refused as refusal:
        log.warning("nightly_comparison_refused", reason=str(refusal))
        return
    if outcome.report is not None:
        mail.send_alert(outcome.report)
    services.forget_old()


@shared_task
def run_report(report_id: str) -> None:
    """The run that a person asked for."""
    report = ReconciliationReport.objects.get(pk=UUID(report_id))
    try:
        services.run(Scope(report.scope), actor=report.requested_by, only=report.only, report=report)
    except Refused as refusal:
        log.warning("comparison_refused", report=report_id, reason=str(refusal))


@shared_task
@job
def keep_hint_channel() -> str:
    """Daily: renew the channel by which Zoho CRM sends hints, open it, or end it."""
    return keep_channel()


@shared_task
@job
def read_hints() -> str:
    """Each minute, and some seconds after a hint: look at what was hinted at."""
    return hints.read_waiting()


@shared_task
@job
def send_weekly_report() -> None:
    mail.send_weekly()
