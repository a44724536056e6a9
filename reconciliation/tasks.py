"""Doors for Celery and its schedule."""

from uuid import UUID

import structlog
from celery import shared_task

from circletel.core.errors import Refused
from circletel.core.jobs import job
from reconciliation import mail, services
from reconciliation.models import ReconciliationReport, ReportState, Scope

log = structlog.get_logger(__name__)

# What a scheduled run may spend on who changed what is new in CRM: a call for each record.
WHO_CALLS = 20


@shared_task
@job
def run_nightly() -> None:
    """Compare everything, tell people what is new, and forget what is old."""
    if (report := _scheduled_run(Scope.ALL)) is not None:
        mail.send_alert(report)
        services.forget_old()


@shared_task
@job
def run_hourly_crm() -> None:
    """Compare CRM alone, a call for 2,000 records, and tell people what is new."""
    report = _scheduled_run(Scope.CRM)
    # The nightly run tells of an alarm: not each hour the same.
    if report is not None and report.state != ReportState.ALARM:
        mail.send_alert(report)


def _scheduled_run(scope: Scope) -> ReconciliationReport | None:
    """The report; None when another run was going on."""
    try:
        return services.run(scope, actor=None, who_calls=WHO_CALLS).report
    except Refused as refusal:
        log.warning("scheduled_comparison_refused", scope=scope, reason=str(refusal))
        return None


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
def send_weekly_report() -> None:
    mail.send_weekly()
