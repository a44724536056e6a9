"""What Zoho says, and what people recorded about it."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from django.conf import settings
from django.utils import timezone

from circletel.core.models import Job, JobState
from circletel.preflight.checks import Check, judged
from zoho_sync.billing import preparation as billing
from zoho_sync.billing.client import BillingClient
from zoho_sync.connection.errors import ZohoError
from zoho_sync.connection.http import ZohoHttp
from zoho_sync.crm import preparation as crm
from zoho_sync.crm.client import CrmClient
from zoho_sync.models import FieldSecurityCheck, MappingCheck, System
from zoho_sync.smoke_test import SMOKE_TEST

SECURITY_DAYS, SMOKE_TEST_DAYS = 2, 30
LONGEST_PAUSE_SECONDS = 0.2
REFUSED = "docs/zoho-errors.md says what to do about it"


@contextmanager
def _connection(system: System) -> Iterator[ZohoHttp]:
    # Somebody waits for the page: what fails three times is said at once.
    http = ZohoHttp(system, sleep=lambda seconds: time.sleep(min(seconds, LONGEST_PAUSE_SECONDS)))
    try:
        yield http
    finally:
        http.close()


def crm_fields() -> Iterator[Check]:
    """Shows that the token and its CRM scopes work, too."""
    try:
        with _connection(System.CRM) as http:
            found = crm.plan(CrmClient(http), settings.ZOHO_CRM_FIELD_PREFIX, settings.ZOHO_CRM_SEND_COSTS)
    except ZohoError as trouble:
        yield judged("CRM connection", False, str(trouble), REFUSED)
        return
    yield judged("CRM connection", True, "token and scopes are good for CRM", "")
    missing = [row.name for row in found.to_create] + [
        f"{each['api_name']} (unique)" for each in found.to_mark_unique
    ]
    why = (
        f"missing: {', '.join(missing)}" if missing else "every mapped field is there, and the key is unique"
    )
    yield judged("CRM fields", not missing, why, "run manage.py zoho_fields create")


def crm_mapping() -> Iterator[Check]:
    name = "CRM keeps what it is sent"
    last = MappingCheck.objects.order_by("-at").first()
    if last is None:
        yield judged(name, None, "nothing was read back yet", "publish a package")
        return
    why = f"lost: {', '.join(last.lost)}" if last.lost else "one record was read back whole"
    yield judged(name, not last.lost, why, "compare the field types in docs/zoho-fields.md")


def field_security() -> Iterator[Check]:
    name, mend = "CRM field security", "run manage.py zoho_field_security, then --fix"
    last = FieldSecurityCheck.objects.first()
    if last is None or last.at < timezone.now() - timedelta(days=SECURITY_DAYS):
        yield judged(name, None, "not looked at in the last two days" if last else "never looked at", mend)
    elif last.result == FieldSecurityCheck.Result.UNKNOWN:
        yield judged(name, None, str(last), "docs/zoho-crm-field-security.md says how to look by hand")
    else:
        yield judged(name, last.result == FieldSecurityCheck.Result.LOCKED, str(last), mend)


def billing_organisation() -> Iterator[Check]:
    try:
        with _connection(System.BILLING) as http:
            findings = billing.look(BillingClient(http))
    except ZohoError as trouble:
        yield judged("Billing connection", False, str(trouble), REFUSED)
        return
    yield judged("Billing connection", True, "token and scopes are good for Billing", "")
    wrong = [finding.words for finding in findings if not finding.fine]
    why = "; ".join(wrong) or "; ".join(finding.words for finding in findings[:2])
    mend = "a person sets it right in Zoho Billing: docs/zoho-billing.md"
    yield judged("Billing organisation", not wrong, why, mend)


def smoke_test() -> Iterator[Check]:
    name, mend = "Billing smoke test", "run manage.py billing_smoke_test"
    over = Job.objects.filter(kind=SMOKE_TEST.name, state__in=(JobState.DONE, JobState.FAILED))
    last = over.order_by("-finished_at").first()
    if last is None or last.finished_at is None:
        yield judged(name, None, "no invoice was proved yet", mend)
        return
    day = f"{timezone.localtime(last.finished_at):%-d %b %Y}"
    passed = last.state == JobState.DONE
    if last.finished_at < timezone.now() - timedelta(days=SMOKE_TEST_DAYS):
        yield judged(name, None, f"last run on {day}", mend)
    else:
        yield judged(name, passed, f"{'passed' if passed else 'failed'} on {day}", mend)


CHECKS = (
    ("CRM fields", crm_fields),
    ("CRM keeps what it is sent", crm_mapping),
    ("CRM field security", field_security),
    ("Billing organisation", billing_organisation),
    ("Billing smoke test", smoke_test),
)
