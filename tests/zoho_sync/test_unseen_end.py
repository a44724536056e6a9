"""A change went out, nobody saw its end, and what was wanted before is wanted again: Zoho is told once more."""

from datetime import timedelta
from fnmatch import fnmatch

import pytest
from django.utils import timezone

from catalogue.models import ServicePackage
from tests.factories import live_package
from tests.processes import wait_until
from zoho_sync import services, sync, timing
from zoho_sync.connection import http
from zoho_sync.connection.http import ZohoHttp
from zoho_sync.models import Kind, ProductIntegration, SyncStatus, System

pytestmark = pytest.mark.django_db
PRICES = {
    Kind.BILLING_PLAN: ("billing_plans", "recurring_price", "/billing/v1/plans/*", "PUT"),
    Kind.CRM_PRODUCT: ("crm_products", "Unit_Price", "/crm/v8/Products/upsert", "POST"),
}
LANDED = [
    {"drop": "after"},
    {"garbage": "{", "perform": True},
    {"status": 502, "body": "Bad gateway", "perform": True},
]


def cost(package: ServicePackage, new: str | None) -> None:
    """As a published price change does it, or with None its cancellation."""
    ServicePackage.objects.filter(pk=package.pk).update(new_customer_price=new)
    package.refresh_from_db()
    services.owe(package)


def price_there(zoho, kind: Kind) -> float:
    table, field, _path, _method = PRICES[kind]
    [record] = zoho.records(table)
    return float(record[field])


def writes(zoho, kind: Kind) -> int:
    """How many writes to records of that kind Zoho is done with."""
    _table, _field, path, method = PRICES[kind]
    done = [one for one in zoho.requests() if one["method"] == method]
    return len([one for one in done if fnmatch(one["path"], path)])


def row(kind: Kind) -> ProductIntegration:
    return ProductIntegration.objects.get(kind=kind)


@pytest.mark.parametrize("kind", list(PRICES))
@pytest.mark.parametrize("trouble", LANDED)
def test_a_change_that_landed_without_a_word_and_was_taken_back(zoho, drain, kind, trouble):
    package = live_package(sku="P-1")
    drain()
    _table, _field, path, method = PRICES[kind]
    zoho.fault(match={"path": path, "method": method}, action=trouble, times=None)
    cost(package, "899.00")
    drain(kind.system)
    assert price_there(zoho, kind) == 899.0
    assert row(kind).outcome_unknown
    zoho.clear_faults()

    cost(package, None)

    assert row(kind).status == SyncStatus.PENDING
    services.give_another_chance({kind.system})
    drain()
    assert price_there(zoho, kind) == 799.0
    assert (row(kind).status, row(kind).outcome_unknown) == (SyncStatus.OK, False)


def test_a_try_that_landed_before_one_that_was_refused_by_a_limit(zoho, drain):
    """The last try says that nothing was taken; the one before it was."""
    package = live_package(sku="P-1")
    drain()
    plans = {"path": "/billing/v1/plans/*", "method": "PUT"}
    limit = {"status": 429, "body": {"code": 44, "message": "blocked"}}
    zoho.fault(match=plans, action={"drop": "after"}, times=1)
    zoho.fault(match=plans, action=limit, times=None)
    cost(package, "899.00")
    drain(Kind.BILLING_PLAN.system)
    zoho.clear_faults()

    cost(package, None)
    services.give_another_chance({Kind.BILLING_PLAN.system})
    drain()

    assert price_there(zoho, Kind.BILLING_PLAN) == 799.0
    assert row(Kind.BILLING_PLAN).status == SyncStatus.OK


def test_what_was_not_taken_and_is_not_wanted_any_more_costs_nothing(zoho, drain):
    package = live_package(sku="P-1")
    drain()
    zoho.fault(match={"path": "/billing/*"}, action={"status": 429, "body": {"code": 44}}, times=None)
    cost(package, "899.00")
    drain(Kind.BILLING_PLAN.system)
    zoho.clear_faults()
    last = max(one["number"] for one in zoho.requests())

    cost(package, None)

    assert row(Kind.BILLING_PLAN).status == SyncStatus.OK
    services.give_another_chance({Kind.BILLING_PLAN.system})
    drain(Kind.BILLING_PLAN.system)
    assert [one["path"] for one in zoho.requests(since=last)] == []


def test_a_worker_that_has_it_in_hand_when_it_is_taken_back(zoho, drain):
    package = live_package(sku="P-1")
    drain()
    cost(package, "899.00")
    ProductIntegration.objects.filter(kind=Kind.BILLING_PLAN).update(
        lease_token="6f2c1f36-6f1f-4b35-9a36-6a8d1f2f8d10", leased_until="2026-01-01T00:00Z"
    )
    zoho.edit("billing_plans", "P-1_consumer_DFA", recurring_price=899)

    cost(package, None)

    assert row(Kind.BILLING_PLAN).status == SyncStatus.PENDING
    drain()
    assert price_there(zoho, Kind.BILLING_PLAN) == 799.0
    assert row(Kind.BILLING_PLAN).status == SyncStatus.OK


@pytest.mark.parametrize("kind", list(PRICES))
def test_a_write_that_lands_late_does_not_undo_the_one_after_it(zoho, drain, monkeypatch, kind):
    """It was sent again and acknowledged, but the first one is still on its way when the next price is wanted."""
    package = live_package(sku="P-1")
    drain()
    monkeypatch.setattr(http, "READ_TIMEOUT_SECONDS", 0.3)
    monkeypatch.setattr(timing, "LATE_CALL_SECONDS", 60)
    table, field, path, method = PRICES[kind]
    ids = "id" if kind is Kind.CRM_PRODUCT else "plan_code"
    zoho.fault(match={"path": path, "method": method}, action={"delay_ms": 3000}, times=1)
    impatient = ZohoHttp(kind.system, sleep=lambda _seconds: None)
    cost(package, "899.00")
    sync.drain(kind.system, threads=1, http=impatient)
    impatient.close()
    assert (row(kind).status, price_there(zoho, kind)) == (SyncStatus.OK, 899.0)
    asked = writes(zoho, kind)

    cost(package, "949.00")
    outcome = drain(kind.system)

    assert (outcome.sent, row(kind).status) == (0, SyncStatus.PENDING)
    assert writes(zoho, kind) == asked
    assert row(kind).doubtful_until > timezone.now() + timedelta(seconds=50)
    # As a minute later, when the late one has landed.
    [held] = zoho.records(table)
    zoho.edit(table, held[ids], **{field: 1})
    wait_until(lambda: price_there(zoho, kind) == 899.0, what="the late write")
    ProductIntegration.objects.filter(kind=kind).update(doubtful_until=timezone.now())
    drain(kind.system)
    assert (row(kind).status, price_there(zoho, kind)) == (SyncStatus.OK, 949.0)
    assert len(zoho.records(table)) == 1


def test_a_refused_write_keeps_nothing_waiting(zoho, drain, monkeypatch):
    monkeypatch.setattr(timing, "LATE_CALL_SECONDS", 60)
    package = live_package(sku="P-1")
    drain()
    refusal = {"status": 400, "body": {"code": 3004, "message": "Invalid value"}}
    zoho.fault(match={"path": "/billing/v1/plans/*", "method": "PUT"}, action=refusal, times=None)
    cost(package, "899.00")
    drain(System.BILLING)
    assert (row(Kind.BILLING_PLAN).status, row(Kind.BILLING_PLAN).doubtful_until) == (SyncStatus.DEAD, None)
    zoho.clear_faults()

    cost(package, "949.00")
    drain(System.BILLING)

    assert price_there(zoho, Kind.BILLING_PLAN) == 949.0
