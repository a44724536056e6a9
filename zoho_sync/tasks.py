"""Doors for Celery. A message is only a nudge: what is owed stands in the database."""

from contextlib import closing

import structlog
from celery import shared_task
from django.conf import settings

from circletel.core.jobs import job
from zoho_sync import claims, field_security, services, smoke_test, sync
from zoho_sync.backfill.run import BACKFILL
from zoho_sync.connection.errors import ZohoError
from zoho_sync.connection.http import ZohoHttp
from zoho_sync.crm import readback
from zoho_sync.crm.client import CrmClient
from zoho_sync.desired import current_terms
from zoho_sync.models import System
from zoho_sync.operating import alerts, outbox, queue, upkeep

log = structlog.get_logger(__name__)

# The kinds of jobs that a worker must know.
KINDS = (BACKFILL, queue.RETRY_GROUP, smoke_test.SMOKE_TEST)

# What has to wait longer than a first retry is left to the sweep that comes each minute anyway.
LONGEST_COUNTDOWN = 70.0


@shared_task
def drain_system(system: str, urgent: bool = False) -> None:
    """Send what is due to one Zoho system; come back when something had to wait, or is to be tried again soon.

    What is `urgent` gathers no company.
    """
    one = System(system)
    outcome = sync.drain(one, gathers=not urgent)
    again_in = outcome.again_in
    if again_in is None:
        if claims.is_due(one):
            services.nudge(one)
            return
        again_in = claims.seconds_until_due(one)
    if again_in is not None and again_in < LONGEST_COUNTDOWN:
        services.nudge(one, seconds=again_in + 0.5)


@shared_task
@job
def sweep() -> None:
    """Each minute: pick up what a nudge missed and what a lost worker still held."""
    for system in System:
        if claims.is_due(system):
            services.nudge(system)
    _read_mapping_back()


def _read_mapping_back() -> None:
    terms = current_terms()
    if not readback.is_due(terms):
        return
    try:
        with closing(ZohoHttp(System.CRM)) as http:
            readback.look(CrmClient(http), terms)
    except ZohoError as trouble:
        log.warning("mapping_not_read_back", trouble=str(trouble))  # the next sweep tries again


@shared_task
@job
def check_field_security() -> None:
    """Each night: who may edit our fields in CRM by hand."""
    if not settings.ZOHO_API_URL:
        return
    try:
        field_security.check(actor=None)
    except ZohoError as trouble:
        log.error("field_security_not_checked", trouble=str(trouble))


@shared_task
@job
def watch() -> str:
    """Each minute: find what is worth telling, send what waits."""
    return f"{alerts.watch()}; {outbox.send_due()}"


@shared_task
def send_messages() -> None:
    """Send what is due now; the watch each minute does it too."""
    outbox.send_due()


@shared_task
@job
def weekly_summary() -> str:
    return alerts.weekly_summary()


@shared_task
@job
def retention() -> str:
    return upkeep.retention()


@shared_task
@job
def count_figures() -> None:
    upkeep.count_figures()
