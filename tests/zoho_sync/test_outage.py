"""Zoho answers 503 for an hour while much is owed: no record pays for it, one alert, and it mends itself."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest
import time_machine
from django.core import mail

from catalogue.models import ServicePackage
from tests.zoho_sync.backfill.conftest import Calls, unsynced
from zoho_sync import services, sync, tasks
from zoho_sync.connection.breaker import Breaker
from zoho_sync.connection.http import ZohoHttp
from zoho_sync.desired import current_terms, desired_records
from zoho_sync.models import Kind, ProductIntegration, SyncStatus, System, ZohoSyncLog
from zoho_sync.operating.models import Alert, AlertRule, Trigger

pytestmark = pytest.mark.django_db
NOON = datetime(2026, 7, 22, 10, 0, tzinfo=UTC)
MINUTES = 60


class Night:
    """The workers and beat of an installation, one minute after another, without anybody's hand."""

    def __init__(self, clock):
        self.clock = clock

    def minute(self):
        tasks.sweep()
        tasks.watch()
        self.clock.shift(60)


@pytest.fixture
def night(zoho, settings, monkeypatch):
    settings.ZOHO_BILLING_CONCURRENCY = 1
    settings.ALERT_EMAILS = ["ops@example.com"]
    # Nightly jobs do not run here, so the rule that misses them is silent; every other rule speaks.
    AlertRule.objects.update(is_enabled=True, channel="email", quiet_from=None, quiet_to=None)
    AlertRule.objects.filter(trigger=Trigger.JOB_MISSED).update(is_enabled=False)
    with time_machine.travel(NOON, tick=False) as clock:
        monkeypatch.setattr(sync, "ZohoHttp", lambda system: ZohoHttp(system, sleep=clock.shift))
        # Every message but the sweep's own is lost, and nobody presses anything.
        nudged = []
        monkeypatch.setattr(services, "nudge", lambda system, **_: nudged.append(system))
        monkeypatch.setattr(tasks, "sweep", lambda: _sweep(nudged))
        yield Night(clock)


_real_sweep = tasks.sweep


def _sweep(nudged):
    nudged.clear()
    _real_sweep()
    for system in list(nudged):
        tasks.drain_system(str(system))


def owe(packages, kinds):
    """The rows a publish of these packages would have written."""
    terms = current_terms()
    ProductIntegration.objects.bulk_create(
        ProductIntegration(
            package=package,
            kind=record.kind,
            remote_key=record.key,
            desired_hash=record.hash,
            next_retry_at=NOON,
            owed_since=NOON,
        )
        for package in packages
        for record in desired_records(package, terms, kinds)
    )


def outage(zoho, night, path):
    """An hour of 503. Returns how many calls reached Zoho in it."""
    zoho.fault(match={"path": path}, action={"status": 503, "body": "upstream unavailable"}, times=None)
    calls = Calls(zoho)
    for _minute in range(MINUTES):
        night.minute()
    zoho.clear_faults()
    return sum(calls.now().values())


def assert_nobody_paid(system, tried):
    rows = ProductIntegration.objects.of_system(system)
    assert rows.filter(retry_count__gt=1).count() == 0
    assert rows.filter(retry_count=1, status=SyncStatus.FAILED).count() == tried
    assert not rows.filter(status=SyncStatus.DEAD).exists()
    [alert] = Alert.objects.all()
    assert (alert.rule.trigger, alert.cause, alert.state) == (Trigger.BREAKER_OPEN, str(system), "open")
    assert [message.subject for message in mail.outbox] == [alert.title]


def assert_all_is_well(system):
    rows = ProductIntegration.objects.of_system(system)
    assert not rows.exclude(status=SyncStatus.OK).exists()
    assert not rows.exclude(retry_count=0).exists()
    assert Alert.objects.get().state == "resolved"
    assert len(mail.outbox) == 2
    assert mail.outbox[1].subject.startswith("Over after ")
    assert not Breaker(system).state().is_open


def test_five_hundred_records_owed_to_crm_survive_an_hour_of_503(zoho, night):
    owe(unsynced(500), [Kind.CRM_PRODUCT])

    calls = outage(zoho, night, "/crm/v8/*")

    # Three upserts of a hundred open the breaker; then one record at a time looks whether CRM is back.
    tries = ZohoSyncLog.objects.filter(path__endswith="/upsert")
    probes = tries.filter(attempt=1, records=1).count()
    assert 11 <= probes <= 15
    assert calls == tries.count() == 4 * (3 + probes)
    assert_nobody_paid(System.CRM, tried=300 + probes)

    after = Calls(zoho)
    while ProductIntegration.objects.owed().exists():
        night.minute()
    night.minute()

    # One look with one record, five upserts for 499; and one record is read back under the new mapping.
    assert after.now() == {"POST /crm/v8/Products/upsert": 6, "GET /crm/v8/Products/{id}": 1}
    assert_all_is_well(System.CRM)
    assert len(zoho.records("crm_products")) == 500


def test_what_is_owed_to_billing_survives_it_as_well(zoho, night, drain):
    packages = unsynced(30)
    kinds = [Kind.BILLING_PRODUCT, Kind.BILLING_PLAN]
    owe(packages, kinds)
    drain(System.BILLING)
    ServicePackage.objects.update(price=Decimal("849.00"))
    ProductIntegration.objects.filter(kind=Kind.BILLING_PLAN).update(
        status=SyncStatus.PENDING, desired_hash="x" * 64, next_retry_at=NOON
    )

    calls = outage(zoho, night, "/billing/v1/*")

    tried = ProductIntegration.objects.filter(kind=Kind.BILLING_PLAN, retry_count=1).count()
    assert 14 <= tried <= 18
    assert calls == 4 * tried
    assert_nobody_paid(System.BILLING, tried=tried)

    after = Calls(zoho)
    while ProductIntegration.objects.owed().exists():
        night.minute()
    night.minute()

    # What got no answer may have arrived, so it is written whole once more, with its status.
    assert after.now() == {
        "PUT /billing/v1/plans/{plan_code}": 30,
        "POST /billing/v1/plans/{plan_code}/markasactive": tried,
    }
    assert_all_is_well(System.BILLING)
    assert {plan["recurring_price"] for plan in zoho.records("billing_plans")} == {849.0}
