"""Doors for Celery and its schedule."""

from celery import shared_task

from circletel.core.errors import Refused
from circletel.core.jobs import Again, RunningJob, job
from reconciliation import repair, reporting, services
from reconciliation.models import ReportState, Scope

# The kinds of jobs that a worker must know.
KINDS = (services.RUN, repair.FIX)

# What a scheduled run may spend on who changed what is new in CRM: a call for each record.
WHO_CALLS = 20
# After which a nightly run looks again whether the one before it has ended.
WAIT_SECONDS = 300


@shared_task
@job
def run_nightly(running: RunningJob) -> str | Again:
    """Compare everything, tell people what is new, and forget what is old."""
    try:
        report = services.run(Scope.ALL, actor=None, job=running, who_calls=WHO_CALLS)
    except Refused as refusal:
        return Again(WAIT_SECONDS, str(refusal))
    reporting.send_alert(report)
    services.forget_old()
    return services.in_words(report)


@shared_task
@job
def run_hourly_crm(running: RunningJob) -> str:
    """Compare CRM alone, a call for 2,000 records, and tell people what is new. Not beside another comparison."""
    try:
        report = services.run(Scope.CRM, actor=None, job=running, who_calls=WHO_CALLS)
    except Refused as refusal:
        return str(refusal)
    # The nightly run tells of an alarm: not each hour the same.
    if report.state != ReportState.ALARM:
        reporting.send_alert(report)
    return services.in_words(report)


@shared_task
@job
def send_weekly_report() -> None:
    reporting.send_weekly()
