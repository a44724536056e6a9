"""Installation and hardware as items of Billing, where the setting says so."""

from decimal import Decimal

import pytest

from catalogue.models import ServicePackage
from reconciliation import services as reconciliation
from reconciliation.models import Finding, Scope
from tests.factories import live_package
from tests.zoho_sync.backfill.conftest import Calls, unsynced
from zoho_sync import services, smoke_test
from zoho_sync.backfill.run import Order, Voice, run
from zoho_sync.billing.catalogue import Item
from zoho_sync.billing.client import BillingClient
from zoho_sync.connection.http import ZohoHttp
from zoho_sync.models import Kind, ProductIntegration, SyncStatus, System

pytestmark = pytest.mark.django_db
CHARGED = {
    "installation_fee": Decimal("900.00"),
    "hardware": {"model": "Reyee", "included": False, "retail_value": Decimal("1499.00")},
}


@pytest.fixture
def items(zoho, settings):
    settings.ZOHO_BILLING_ONE_TIME_AS = "item"
    settings.ZOHO_BILLING_CONCURRENCY = 1
    return zoho


def backfill():
    return run(Order(systems=[System.BILLING]), Voice(lambda _line: None))


def test_they_are_made_changed_and_switched_off_as_items(items, drain):
    package = live_package(sku="HF-1", **CHARGED)
    drain(System.BILLING)

    tax = next(tax["tax_id"] for tax in items.records("billing_taxes") if tax["tax_percentage"] == 15)
    made = {item["sku"]: item for item in items.records("billing_items")}
    assert {
        sku: (item["rate"], item["product_type"], item["tax_id"], item["status"])
        for sku, item in made.items()
    } == {
        "HF-1_consumer_DFA_INSTALLATION": (900.0, "service", tax, "active"),
        "HF-1_consumer_DFA_HARDWARE": (1499.0, "goods", tax, "active"),
    }
    assert items.records("billing_addons") == []
    calls = Calls(items)
    package.installation_fee, package.hardware_model = Decimal("450.00"), ""
    package.hardware_price = None
    package.save()
    services.owe(package)
    drain(System.BILLING)

    # The plan's name tells the device, so it changes as well.
    assert calls.now() == {
        "PUT /billing/v1/plans/{plan_code}": 1,
        "PUT /billing/v1/items/{item_id}": 1,
        "POST /billing/v1/items/{item_id}/inactive": 1,
    }
    after = {item["sku"]: (item["rate"], item["status"]) for item in items.records("billing_items")}
    assert after == {
        "HF-1_consumer_DFA_INSTALLATION": (450.0, "active"),
        "HF-1_consumer_DFA_HARDWARE": (1499.0, "inactive"),
    }


def test_an_item_whose_answer_was_lost_is_found_and_not_made_twice(items, drain):
    live_package(sku="HF-1", installation_fee=Decimal("900.00"))
    items.fault(match={"method": "POST", "path": "/billing/v1/items"}, action={"drop": "after"})
    drain(System.BILLING)
    row = ProductIntegration.objects.get(kind=Kind.BILLING_INSTALLATION)
    assert (row.status, row.outcome_unknown) == (SyncStatus.FAILED, True)
    ProductIntegration.objects.update(next_retry_at=row.last_retry_at)

    drain(System.BILLING)

    row.refresh_from_db()
    [item] = items.records("billing_items")
    assert (row.status, row.remote_id) == (SyncStatus.OK, item["item_id"])


def test_a_backfill_adopts_what_is_there_also_when_inactive_and_makes_the_rest(items):
    unsynced(2, installation_fee=Decimal("900.00"))
    backfill()
    first = items.records("billing_items")[0]
    items.edit("billing_items", first["item_id"], status="inactive")
    ProductIntegration.objects.filter(kind=Kind.BILLING_INSTALLATION).delete()
    calls = Calls(items)

    backfill()

    assert calls.now() == {
        "GET /billing/v1/products": 1,
        "GET /billing/v1/plans": 1,
        "GET /billing/v1/items": 1,
        "POST /billing/v1/items/{item_id}/active": 1,
    }
    assert [item["status"] for item in items.records("billing_items")] == ["active", "active"]


def test_after_the_setting_changes_a_backfill_makes_the_records_of_the_other_sort(zoho, settings):
    settings.ZOHO_BILLING_CONCURRENCY = 1
    unsynced(2, installation_fee=Decimal("900.00"))
    backfill()
    assert (len(zoho.records("billing_addons")), zoho.records("billing_items")) == (2, [])
    settings.ZOHO_BILLING_ONE_TIME_AS = "item"

    backfill()

    assert len(zoho.records("billing_items")) == 2
    assert not ProductIntegration.objects.of_system(System.BILLING).exclude(status=SyncStatus.OK).exists()


def test_a_publish_after_the_setting_changed_makes_the_item_too(zoho, settings, drain):
    package = live_package(sku="HF-1", installation_fee=Decimal("900.00"))
    drain(System.BILLING)
    settings.ZOHO_BILLING_ONE_TIME_AS = "item"
    services.owe(ServicePackage.objects.get(pk=package.pk))

    drain(System.BILLING)

    [item] = zoho.records("billing_items")
    row = ProductIntegration.objects.get(kind=Kind.BILLING_INSTALLATION)
    assert (item["sku"], row.status) == ("HF-1_consumer_DFA_INSTALLATION", SyncStatus.OK)
    assert row.remote_id == item["item_id"]


def test_reconciliation_reads_items_and_leaves_other_peoples_alone(items, drain):
    live_package(sku="HF-1", **CHARGED)
    drain()
    [fee] = [item for item in items.records("billing_items") if item["sku"].endswith("_INSTALLATION")]
    items.edit("billing_items", fee["item_id"], rate=1.0)

    BillingClient(ZohoHttp(System.BILLING)).upsert_item(Item("BOOKS-1", "A chair", Decimal("99.00")))

    outcome = reconciliation.run(Scope.BILLING, actor=None)

    assert outcome.complete

    [finding] = Finding.objects.all()
    assert (finding.kind, finding.field, finding.ours, finding.theirs) == (
        Kind.BILLING_INSTALLATION,
        "rate",
        "900.00",
        1.0,
    )


def test_the_smoke_test_says_that_items_reach_no_invoice_of_a_subscription(items, drain):
    package = live_package(sku="HF-1", **CHARGED)
    drain()
    test = smoke_test.start(package, actor=None, queued=False)
    done = smoke_test.carry_out(test.pk)

    assert done.status == "passed", done.steps
    said = next(step for step in done.steps if step["name"] == "One-time charges are items")
    assert "HF-1_consumer_DFA_INSTALLATION R\u00a0900,00" in said["figures"]
    assert "items cannot reach a subscription's invoice" in said["figures"]
    assert [step["name"] for step in done.steps if step["name"].startswith("Line: ")] == [
        "Line: Billing plan"
    ]
