"""What Zoho says, and what people recorded about it."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from django.conf import settings
from django.utils import timezone

from circletel.core.models import Job, JobState
from circletel.preflight.checks import Check, State, judged
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
    name = "CRM fields"
    try:
        with _connection(System.CRM) as http:
            found = crm.plan(CrmClient(http), settings.ZOHO_CRM_FIELD_PREFIX, settings.ZOHO_CRM_SEND_COSTS)
    except ZohoError as trouble:
        yield _refused("CRM connection", trouble)
        return
    yield Check("CRM connection", State.OK, "token and scopes are good for CRM")
    missing = [row.name for row in found.to_create] + [
        f"{each['api_name']} (unique)" for each in found.to_mark_unique
    ]
    why = (
        f"missing: {', '.join(missing)}" if missing else "every mapped field is there, and the key is unique"
    )
    yield judged(name, not missing, why, "run manage.py zoho_fields create")


def crm_mapping() -> Iterator[Check]:
    last = MappingCheck.objects.order_by("-at").first()
    if last is None:
        yield Check(
            "CRM keeps what it is sent", State.UNKNOWN, "nothing was read back yet", "publish a package"
        )
        return
    why = f"lost: {', '.join(last.lost)}" if last.lost else "one record was read back whole"
    yield judged(
        "CRM keeps what it is sent", not last.lost, why, "compare the field types in docs/zoho-fields.md"
    )


def field_security() -> Iterator[Check]:
    name, mend = "CRM field security", "run manage.py zoho_field_security check, then --fix"
    last = FieldSecurityCheck.objects.first()
    if last is None or last.at < timezone.now() - timedelta(days=SECURITY_DAYS):
        yield Check(
            name, State.UNKNOWN, "not looked at in the last two days" if last else "never looked at", mend
        )
    elif last.result == FieldSecurityCheck.Result.UNKNOWN:
        yield Check(
            name, State.UNKNOWN, str(last), "docs/zoho-crm-field-security.md says how to look by hand"
        )
    else:
        yield judged(name, last.result == FieldSecurityCheck.Result.LOCKED, str(last), mend)


def billing_organisation() -> Iterator[Check]:
    try:
        with _connection(System.BILLING) as http:
            findings = billing.look(BillingClient(http))
    except ZohoError as trouble:
        yield _refused("Billing connection", trouble)
        return
    yield Check("Billing connection", State.OK, "token and scopes are good for Billing")
    wrong = [finding.words for finding in findings if not finding.fine]
    why = "; ".join(wrong) or "; ".join(finding.words for finding in findings[:2])
    yield judged(
        "Billing organisation", not wrong, why, "a person sets it right in Zoho Billing: docs/zoho-billing.md"
    )


def smoke_test() -> Iterator[Check]:
    name, mend = "Billing smoke test", "run manage.py billing_smoke_test"
    over = Job.objects.filter(kind=SMOKE_TEST.name, state__in=(JobState.DONE, JobState.FAILED))
    last = over.order_by("-finished_at").first()
    if last is None or last.finished_at is None:
        yield Check(name, State.UNKNOWN, "no invoice was proved yet", mend)
        return
    day = f"{timezone.localtime(last.finished_at):%-d %b %Y}"
    if last.finished_at < timezone.now() - timedelta(days=SMOKE_TEST_DAYS):
        yield Check(name, State.UNKNOWN, f"last run on {day}", mend)
    else:
        yield judged(
            name,
            last.state == JobState.DONE,
            f"{'passed' if last.state == JobState.DONE else 'failed'} on {day}",
            mend,
        )


def _refused(name: str, trouble: ZohoError) -> Check:
    return Check(name, State.FAILED, str(trouble), "docs/zoho-errors.md says what to do about it")


CHECKS = (
    ("CRM fields", crm_fields),
    ("CRM keeps what it is sent", crm_mapping),
    ("CRM field security", field_security),
    ("Billing organisation", billing_organisation),
    ("Billing smoke test", smoke_test),
)
