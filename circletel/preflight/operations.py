"""How the catalogue stands with Zoho, whether the jobs run, and whether somebody hears of trouble."""

from collections.abc import Iterator
from datetime import timedelta

from django.conf import settings
from django.contrib.auth.models import User
from django.db.models import Count, Q
from django.utils import timezone

from catalogue.models import PackageStatus, ServicePackage
from circletel.core.jobs.scheduled import schedule
from circletel.core.roles import ROLES
from circletel.preflight.checks import Check, judged
from reconciliation.models import Finding, ReconciliationReport, ReportState, Scope
from zoho_sync.models import ProductIntegration
from zoho_sync.operating.models import AlertDelivery, Channel, DeliveryState

TEST_DAYS = 90


def in_step() -> Iterator[Check]:
    live = ServicePackage.objects.filter(status=PackageStatus.ACTIVE)
    unknown = live.filter(integrations=None).count()
    owed = ProductIntegration.objects.owed().count()
    why = f"{owed} records owed to Zoho; {unknown} of {live.count()} packages were never owed to it at all"
    yield judged("Backfill complete", not owed and not unknown, why, "run manage.py backfill_zoho all")


def reconciliation() -> Iterator[Check]:
    name, mend = "Reconciliation", "run manage.py reconcile all, then look at the findings"
    whole = ReconciliationReport.objects.filter(scope=Scope.ALL, only=[], state=ReportState.COMPLETE)
    last = whole.order_by("-started_at").first()
    if last is None:
        yield judged(name, None, "the catalogue was never compared with Zoho completely", mend)
        return
    still = Finding.objects.open().count()
    hours = (timezone.now() - last.started_at) / timedelta(hours=1)
    yield judged(
        name, hours < 24 and not still, f"complete {hours:.0f} hours ago, {still} findings open", mend
    )


def jobs_on_time() -> Iterator[Check]:
    wrong = [job.name for job in schedule() if job.is_enabled and job.needs_a_look]
    why = f"late or failed: {', '.join(wrong)}" if wrong else "every enabled job ran when it was due"
    yield judged("Jobs on time", not wrong, why, "look at the schedule in the admin; is celery beat running?")


def alerts() -> Iterator[Check]:
    recent = timezone.now() - timedelta(days=TEST_DAYS)
    tests = AlertDelivery.objects.filter(
        key__startswith="test:", state=DeliveryState.SENT, sent_at__gte=recent
    )
    told = set(tests.values_list("channel", flat=True))
    for channel, setting in ((Channel.EMAIL, "ALERT_EMAILS"), (Channel.SLACK, "SLACK_WEBHOOK_URL")):
        name = f"Alerts by {channel.label}"
        if not getattr(settings, setting):
            yield judged(name, False, "nobody is told", f"set {setting}")
        elif channel in told:
            yield judged(name, True, "a test arrived", "")
        else:
            why = f"no test was sent in the last {TEST_DAYS} days"
            yield judged(name, None, why, "send a test from an alert rule in the admin")


def people() -> Iterator[Check]:
    """A job nobody holds is a step nobody can take. Those who may do everything do not count."""
    holders = User.objects.filter(is_active=True, is_staff=True, is_superuser=False)
    held = dict(holders.values_list("groups__name").annotate(Count("pk")).filter(~Q(groups=None)))
    empty = [role for role in ROLES if not held.get(role)]
    why = f"nobody is {', '.join(empty)}" if empty else "every role has somebody"
    yield judged(
        "A person for every role", not empty, why, "add people to the groups under Users in the admin"
    )


CHECKS = (
    ("Backfill complete", in_step),
    ("Reconciliation", reconciliation),
    ("Jobs on time", jobs_on_time),
    ("Alerts", alerts),
    ("A person for every role", people),
)
