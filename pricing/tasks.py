"""Doors for Celery."""

import logging
import threading
from datetime import timedelta

from celery import shared_task
from django.conf import settings
from django.utils import timezone

from circletel.core.jobs import Again, Failed, RunningJob, job
from pricing import applying, impact, moving, personal_data, proof, rechecking
from pricing.mirror.details import read_details
from pricing.mirror.pull import Order, pull_in_job
from pricing.notices import owing, sending
from zoho_sync.backfill.report import Ending
from zoho_sync.billing.client import BillingClient
from zoho_sync.connection.background import BackgroundHttp
from zoho_sync.models import System

log = logging.getLogger(__name__)

# A worker that is to end, as with a new version, waits for so long at most.
SLICE_SECONDS = 480.0
# When the calls of the day are used up: look again this often whether some are granted.
PAUSE_SECONDS = 570
DETAILS_PATIENCE_SECONDS = 180.0


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
def pull_subscriptions(job: RunningJob) -> str | Again:
    """Each night: bring the mirror up to date, in slices, going on where the last one ended."""
    if not settings.ZOHO_API_URL:
        return "no Zoho is configured"
    stop = threading.Event()
    timer = threading.Timer(SLICE_SECONDS, stop.set)
    timer.daemon = True
    timer.start()
    try:
        report = pull_in_job(job, Order(resume=True), say=job.log, stop=stop)
    finally:
        timer.cancel()
    done = f"{report.read} read, {report.gone} gone, {report.owed} to be read, {report.calls} calls"
    if report.ending is Ending.INTERRUPTED:
        job.renew()  # unless it was cancelled
        return Again(5, done)
    if report.ending is Ending.LATER:
        return Again(PAUSE_SECONDS, f"{done}; goes on: {report.words}")
    if report.ending is not Ending.IN_STEP:
        raise Failed(f"{report.words} ({done})")
    return done


@shared_task
@job
def read_subscription_details() -> str:
    """Nightly, after the subscriptions were pulled: coupons, what is scheduled, since when somebody is on a package."""
    if not settings.ZOHO_API_URL:
        return "no Zoho is configured"
    stop = threading.Event()
    timer = threading.Timer(SLICE_SECONDS, stop.set)
    timer.daemon = True
    timer.start()
    http = BackgroundHttp(System.BILLING, patience=DETAILS_PATIENCE_SECONDS, stop=stop)
    try:
        return str(read_details(BillingClient(http), timezone.now()))
    finally:
        timer.cancel()
        http.close()


@shared_task
@job
def send_price_notices(job: RunningJob) -> str:
    """Daily at 08:00 in Johannesburg, and after a publication: write down who is to be told by today, and tell them."""
    owed = owing.owe(timezone.now())
    total = sending.due(timezone.now()).count()
    return f"{owed}; {sending.send_due(progress=lambda number, sent: job.progress(number, total, str(sent)))}"


@shared_task
@job
def move_subscriptions() -> str:
    """Every five minutes: what can be moved, confirmed or undone in Zoho Billing now, within the background's budget."""
    return str(moving.drain())


@shared_task
@job
def count_customers() -> str:
    """Each night: whom each open price change moves, and who signed up at its new price."""
    return f"{impact.count_customers(timezone.now())} price changes counted"


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


@shared_task
@job
def resume_price_notices() -> str:
    """Every ten minutes by day: go on with what the rate limit, an outage or a lost worker left."""
    if not sending.is_any_left(timezone.now()):
        return "nothing waits"
    return "went on" if send_price_notices() else "it is at work"


@shared_task
@job
def erase_old_personal_data() -> str:
    """Nightly: names and addresses of customers who left CUSTOMER_DATA_KEEP_DAYS ago are erased."""
    kept = timedelta(days=settings.CUSTOMER_DATA_KEEP_DAYS)
    return f"{personal_data.erase_old(timezone.now() - kept)} subscriptions forgotten"
