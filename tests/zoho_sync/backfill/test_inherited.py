"""Zoho records that another system made for our packages are adopted, never doubled."""

from django.utils import timezone

from tests.factories import live_package
from zoho_sync.backfill.settlement import inherit
from zoho_sync.models import Kind, ProductIntegration, SyncStatus, System


def test_a_known_crm_record_is_written_by_its_id(zoho, drain):
    package = live_package(sku="OLD-1")
    theirs = zoho._ask("POST", "records/crm_products", json={"Product_Name": "Old name", "Product_Code": "X"})

    assert inherit(package, Kind.CRM_PRODUCT, theirs["id"])
    drain(System.CRM)

    (record,) = zoho.records("crm_products")
    assert record["id"] == theirs["id"]
    assert record["Product_Code"] == "OLD-1"
    assert record["ct_Package_Key"] == "OLD-1_consumer_DFA"
    row = package.integrations.get(kind=Kind.CRM_PRODUCT)
    assert (row.status, row.remote_id) == (SyncStatus.OK, theirs["id"])


def test_one_that_is_no_longer_there_is_made_anew(zoho, drain):
    package = live_package(sku="OLD-1")

    inherit(package, Kind.CRM_PRODUCT, "5678000000099999")
    drain(System.CRM)

    (record,) = zoho.records("crm_products")
    assert record["ct_Package_Key"] == "OLD-1_consumer_DFA"
    assert package.integrations.get(kind=Kind.CRM_PRODUCT).remote_id == record["id"]


def test_a_known_plan_waits_for_a_comparison(zoho, drain, backfill):
    package = live_package(sku="OLD-1", installation_fee="450.00")
    drain(System.BILLING)
    plan = zoho.records("billing_plans")[0]
    ProductIntegration.objects.filter(kind__in=(Kind.BILLING_PLAN, Kind.BILLING_INSTALLATION)).update(
        remote_id="",
        synced_hash="",
        acknowledged_payload=None,
        status=SyncStatus.PENDING,
        next_retry_at=timezone.now(),
    )
    before = zoho.state()["calls"]["billing"]

    assert inherit(package, Kind.BILLING_PLAN, plan["plan_id"])
    drain(System.BILLING)

    assert zoho.state()["calls"]["billing"] == before
    held = package.integrations.filter(kind__in=(Kind.BILLING_PLAN, Kind.BILLING_INSTALLATION))
    assert {row.status for row in held} == {SyncStatus.DEAD}
    # The code in Billing is ours: the backfill finds it and takes it over without a writing call.
    backfill(System.BILLING)
    assert {row.status for row in held.all()} == {SyncStatus.OK}
    assert len(zoho.records("billing_plans")) == 1


def test_what_is_known_already_is_not_known_otherwise(zoho, drain):
    package = live_package(sku="OLD-1")
    drain(System.CRM)
    known = package.integrations.get(kind=Kind.CRM_PRODUCT).remote_id

    assert not inherit(package, Kind.CRM_PRODUCT, "5678000000099999")

    assert package.integrations.get(kind=Kind.CRM_PRODUCT).remote_id == known
