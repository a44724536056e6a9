"""Owed rows against the sandbox Zoho, over HTTP."""

from decimal import Decimal
from uuid import uuid4

import pytest
from django.utils import timezone

from catalogue import services as catalogue
from catalogue.content import product_content
from catalogue.models import Product, ServicePackage
from circletel.core.errors import NotAllowed
from circletel.core.models import AuditEntry
from tests.factories import approved_product, live_package, mr_botha, ms_naidoo, person
from zoho_sync import sync
from zoho_sync.connection.breaker import Breaker
from zoho_sync.models import Kind, ProductIntegration, SyncStatus, System, ZohoSyncLog
from zoho_sync.services import owe, resync

pytestmark = pytest.mark.django_db


def rows(package):
    return {Kind(row.kind): row for row in ProductIntegration.objects.filter(package=package)}


def states(package):
    return {kind: row.status for kind, row in rows(package).items()}


def full_package(**values):
    defaults = {
        "installation_fee": Decimal("0.00"),
        "hardware": {"model": "Reyee RG-EW1300G", "included": True},
    }
    return live_package(**defaults | values)


def calls(zoho, system):
    """{"POST /billing/v1/plans": 2} since the fixture handed Zoho over."""
    return zoho.state()["calls"][system]["endpoints"]


def test_publishing_owes_and_sends_nothing(zoho, drain):
    package = full_package()

    assert states(package) == dict.fromkeys(Kind, SyncStatus.PENDING)
    assert zoho.records("crm_products") == []
    assert zoho.records("billing_plans") == []


def test_a_drain_brings_each_record_once_and_in_order(zoho, drain):
    package = full_package(name="Home Fibre 100", sku="HF-100", regular_price="899.00")

    drain()

    assert states(package) == dict.fromkeys(Kind, SyncStatus.OK)
    [crm] = zoho.records("crm_products")
    [product] = zoho.records("billing_products")
    [plan] = zoho.records("billing_plans")
    installation, hardware = sorted(
        zoho.records("billing_addons"), key=lambda addon: addon["addon_code"], reverse=True
    )
    assert (crm["ct_Package_Key"], crm["Unit_Price"], crm["Product_Active"]) == (
        "HF-100_consumer_DFA",
        899.0,
        True,
    )
    assert product["name"] == "HomeFibre - DFA - Consumer"
    assert (plan["plan_code"], plan["recurring_price"], plan["billing_cycles"]) == (
        "HF-100_consumer_DFA",
        899.0,
        -1,
    )
    assert plan["product_id"] == product["product_id"] == installation["product_id"]
    assert (installation["addon_code"], installation["type"]) == (
        "HF-100_consumer_DFA_INSTALLATION",
        "one_time",
    )
    assert hardware["addon_code"] == "HF-100_consumer_DFA_HARDWARE"
    assert {kind: row.remote_id for kind, row in rows(package).items()}[Kind.CRM_PRODUCT] == crm["id"]
    assert calls(zoho, "billing") == {
        "GET /billing/v1/products": 1,
        "POST /billing/v1/products": 1,
        "POST /billing/v1/plans": 1,
        "POST /billing/v1/addons": 2,
    }


def test_an_unchanged_package_costs_no_call(zoho, drain):
    package = full_package()
    drain()
    before = zoho.state()["calls"]

    catalogue.publish(package.source_admin_product_id, actor=mr_botha())
    drain()

    assert zoho.state()["calls"] == before
    assert states(package) == dict.fromkeys(Kind, SyncStatus.OK)


def test_a_changed_package_costs_one_call_per_changed_record(zoho, drain):
    package = full_package()
    drain()
    before = calls(zoho, "billing")
    product = Product.objects.get(pk=package.source_admin_product_id)

    edit(product, description="Now with Wi-Fi")
    catalogue.publish(product.pk, actor=mr_botha())
    drain()

    after = calls(zoho, "billing")
    assert {
        path: number - before.get(path, 0) for path, number in after.items() if number != before.get(path)
    } == {"PUT /billing/v1/plans/{plan_code}": 1}
    assert zoho.records("billing_plans")[0]["description"] == "Now with Wi-Fi"
    assert zoho.records("crm_products")[0]["Description"] == "Now with Wi-Fi"


def edit(product, **values):
    """What the admin does: save, write down, and have it approved again."""
    before = product_content(Product.objects.with_content().get(pk=product.pk))
    for name, value in values.items():
        setattr(product, name, value)
    product.save()
    catalogue.record_edit(product, actor=ms_naidoo(), before=before)
    catalogue.submit(product.pk, actor=ms_naidoo())
    catalogue.approve(product.pk, actor=mr_botha())


def test_packages_of_one_line_share_a_billing_product_that_is_made_once(zoho, drain):
    packages = [full_package() for _ in range(3)]

    drain()

    [product] = zoho.records("billing_products")
    assert {rows(package)[Kind.BILLING_PRODUCT].remote_id for package in packages} == {product["product_id"]}
    assert calls(zoho, "billing")["POST /billing/v1/products"] == 1
    latecomer = full_package()
    assert rows(latecomer)[Kind.BILLING_PRODUCT].status == SyncStatus.OK


def test_a_sku_sold_in_two_segments_is_two_records_everywhere(zoho, drain):
    live_package(sku="BOTH", market_segment="consumer", name="Same name")
    live_package(sku="BOTH", market_segment="business", name="Same name")

    drain()

    assert len(zoho.records("crm_products")) == 2
    assert sorted(plan["plan_code"] for plan in zoho.records("billing_plans")) == [
        "BOTH_business_DFA",
        "BOTH_consumer_DFA",
    ]


def test_one_bad_record_in_a_batch_never_stops_the_others(zoho, drain):
    good, bad = live_package(), live_package(sku="TOO-LONG-" + "X" * 40)

    drain(System.CRM)

    assert states(good)[Kind.CRM_PRODUCT] == SyncStatus.OK
    row = rows(bad)[Kind.CRM_PRODUCT]
    assert row.status == SyncStatus.DEAD
    assert row.last_sync_error == "Product_Code holds 40 characters, SKU has 49"
    assert calls(zoho, "crm")["POST /crm/v8/Products/upsert"] == 1


def test_two_hundred_and_fifty_packages_go_out_in_three_upserts(zoho, drain):
    template = live_package()
    ProductIntegration.objects.all().delete()
    for number in range(250):
        package = ServicePackage.objects.get(pk=template.pk)
        package.pk, package._state.adding = uuid4(), True
        package.sku, package.slug, package.logical_key = f"N-{number}", f"n-{number}", f"n-{number}"
        package.save()
        owe(package)

    drain(System.CRM)

    assert calls(zoho, "crm")["POST /crm/v8/Products/upsert"] == 3
    assert len(zoho.records("crm_products")) == 250


def test_a_refused_add_on_leaves_its_plan_in_step_and_is_tried_alone(zoho, drain):
    zoho.fault(
        match={"method": "POST", "path": "/billing/v1/addons", "contains": "_HARDWARE"},
        action={"status": 400, "body": {"code": 2, "message": "Invalid value passed for unit_name"}},
        times=1,
    )
    package = full_package()

    drain()

    assert states(package) == {
        Kind.CRM_PRODUCT: SyncStatus.OK,
        Kind.BILLING_PRODUCT: SyncStatus.OK,
        Kind.BILLING_PLAN: SyncStatus.OK,
        Kind.BILLING_INSTALLATION: SyncStatus.OK,
        Kind.BILLING_HARDWARE: SyncStatus.DEAD,
    }
    row = rows(package)[Kind.BILLING_HARDWARE]
    assert (
        row.last_sync_error
        == "Zoho Billing: a value is invalid. It said: Invalid value passed for unit_name [2]"
    )
    assert row.sync_error_details == {"class": "InvalidField", "code": "2", "http_status": 400, "details": {}}
    assert len(zoho.records("billing_addons")) == 1


def test_a_create_whose_answer_was_lost_is_found_again_and_never_doubled(zoho, drain):
    zoho.fault(match={"method": "POST", "path": "/billing/v1/plans"}, action={"drop": "after"}, times=1)
    package = full_package()

    drain(System.BILLING)

    row = rows(package)[Kind.BILLING_PLAN]
    assert (row.status, row.outcome_unknown, row.remote_id) == (SyncStatus.FAILED, True, "")
    assert len(zoho.records("billing_plans")) == 1
    make_due()
    drain(System.BILLING)

    assert states(package)[Kind.BILLING_PLAN] == SyncStatus.OK
    assert len(zoho.records("billing_plans")) == 1
    assert calls(zoho, "billing")["POST /billing/v1/plans"] == 1


def test_a_product_whose_create_was_lost_is_found_by_its_exact_name(zoho, drain):
    zoho.fault(match={"method": "POST", "path": "/billing/v1/products"}, action={"drop": "after"}, times=1)
    package = full_package()

    drain(System.BILLING)
    make_due()
    drain(System.BILLING)

    assert states(package)[Kind.BILLING_PRODUCT] == SyncStatus.OK
    assert len(zoho.records("billing_products")) == 1


def make_due():
    """Let the time until the next retry pass."""
    ProductIntegration.objects.owed().update(next_retry_at=timezone.now())


def test_an_existing_plan_that_says_the_same_is_adopted(zoho, drain):
    package = full_package()
    drain()
    ProductIntegration.objects.filter(kind=Kind.BILLING_PLAN).update(
        status=SyncStatus.PENDING,
        remote_id="",
        synced_hash="",
        acknowledged_payload=None,
        next_retry_at=package.published_at,
    )

    drain(System.BILLING)

    assert states(package)[Kind.BILLING_PLAN] == SyncStatus.OK
    assert len(zoho.records("billing_plans")) == 1


def test_an_existing_plan_that_says_something_else_is_left_to_a_person(zoho, drain):
    package = full_package()
    drain()
    ProductIntegration.objects.filter(kind=Kind.BILLING_PLAN).update(
        status=SyncStatus.PENDING,
        remote_id="",
        synced_hash="",
        acknowledged_payload=None,
        next_retry_at=package.published_at,
    )
    [plan] = zoho.records("billing_plans")
    zoho.edit("billing_plans", plan["plan_id"], recurring_price=1.0)

    drain(System.BILLING)

    row = rows(package)[Kind.BILLING_PLAN]
    assert row.status == SyncStatus.DEAD
    assert row.sync_error_details["class"] == "DuplicateRecord"
    assert zoho.records("billing_plans")[0]["recurring_price"] == 1.0


@pytest.mark.parametrize("lost", [False, True])
@pytest.mark.parametrize("whose", ["ours", "another package's"])
def test_a_plan_that_names_its_package_is_adopted_by_that_one_alone(zoho, drain, settings, whose, lost):
    zoho.set(billing_custom_fields={"plan": ["Package Id"]})
    settings.ZOHO_BILLING_CUSTOM_FIELDS = ["Package Id"]
    package = full_package()
    drain()
    ProductIntegration.objects.filter(kind=Kind.BILLING_PLAN).update(
        status=SyncStatus.PENDING,
        remote_id="",
        synced_hash="",
        acknowledged_payload=None,
        outcome_unknown=lost,
        next_retry_at=package.published_at,
    )
    [plan] = zoho.records("billing_plans")
    stranger = "11111111-1111-4111-8111-111111111111"
    assert list(plan["custom_fields"].values()) == [str(package.pk)]
    other = plan["custom_fields"] if whose == "ours" else dict.fromkeys(plan["custom_fields"], stranger)
    zoho.edit("billing_plans", plan["plan_id"], recurring_price=1.0, custom_fields=other)

    drain(System.BILLING)

    [held] = zoho.records("billing_plans")
    row = rows(package)[Kind.BILLING_PLAN]
    if whose == "ours":
        assert (row.status, row.remote_id) == (SyncStatus.OK, plan["plan_id"])
        assert held["recurring_price"] != 1.0
    else:
        assert (row.status, row.remote_id) == (SyncStatus.DEAD, "")
        assert row.sync_error_details["class"] == "DuplicateRecord"
        assert (held["recurring_price"], held["custom_fields"]) == (1.0, other)


def test_a_plan_deleted_in_zoho_is_made_again_when_it_is_next_written(zoho, drain):
    package = full_package()
    drain()
    [plan] = zoho.records("billing_plans")
    zoho.delete("billing_plans", plan["plan_id"])

    edit(Product.objects.get(pk=package.source_admin_product_id), description="New words")
    catalogue.publish(package.source_admin_product_id, actor=mr_botha())
    drain()

    assert states(package)[Kind.BILLING_PLAN] == SyncStatus.OK
    assert [plan["description"] for plan in zoho.records("billing_plans")] == ["New words"]


def test_a_new_version_switches_the_old_one_off_in_zoho(zoho, drain):
    old = full_package(name="Home Fibre 100", sku="OLD")
    new = full_package(name="Home Fibre 100", sku="NEW")

    drain()

    old.refresh_from_db()
    assert (old.status, new.version) == ("archived", 2)
    assert {plan["plan_code"]: plan["status"] for plan in zoho.records("billing_plans")} == {
        "OLD_consumer_DFA": "inactive",
        "NEW_consumer_DFA": "active",
    }
    assert {crm["Product_Code"]: crm["Product_Active"] for crm in zoho.records("crm_products")} == {
        "OLD": False,
        "NEW": True,
    }
    assert states(old) == dict.fromkeys(Kind, SyncStatus.OK)


def test_hardware_that_is_taken_out_is_switched_off_and_not_deleted(zoho, drain):
    package = full_package()
    drain()
    product = Product.objects.get(pk=package.source_admin_product_id)
    product.hardware.delete()
    edit(Product.objects.get(pk=product.pk), description="Bring your own router")

    catalogue.publish(product.pk, actor=mr_botha())
    drain()

    addons = {addon["addon_code"]: addon["status"] for addon in zoho.records("billing_addons")}
    assert sorted(addons.values()) == ["active", "inactive"]
    assert addons[rows(package)[Kind.BILLING_HARDWARE].remote_key] == "inactive"
    assert states(package)[Kind.BILLING_HARDWARE] == SyncStatus.OK


def test_hardware_that_zoho_never_heard_of_is_simply_forgotten(zoho):
    package = full_package()
    product = Product.objects.get(pk=package.source_admin_product_id)
    product.hardware.delete()
    edit(Product.objects.get(pk=product.pk), description="Bring your own router")

    catalogue.publish(product.pk, actor=mr_botha())

    assert Kind.BILLING_HARDWARE not in rows(package)


def test_every_call_is_logged_without_its_secrets(zoho, drain):
    package = full_package()

    drain()

    logs = ZohoSyncLog.objects.filter(packages__contains=[package.pk])
    assert sorted(logs.values_list("system", "method")) == [
        ("billing", "POST"),
        ("billing", "POST"),
        ("billing", "POST"),
        ("billing", "POST"),
        ("crm", "POST"),
    ]
    everything = str(list(ZohoSyncLog.objects.values()))
    assert "sandbox-secret" not in everything
    assert "sandbox-refresh" not in everything
    assert ZohoSyncLog.objects.filter(system="accounts").count() == 1


def test_publishing_an_edit_does_not_move_the_price_in_zoho(zoho, drain):
    product = approved_product(regular_price="799.00")
    package = catalogue.publish(product.pk, actor=mr_botha()).package
    drain()
    product.pricing.regular_price = Decimal("999.00")
    product.pricing.save()
    edit_pricing(product)

    outcome = catalogue.publish(product.pk, actor=mr_botha())
    drain()

    assert outcome.price_waiting == Decimal("999.00")
    package.refresh_from_db()
    assert package.price == Decimal("799.00")
    assert zoho.records("billing_plans")[0]["recurring_price"] == 799.0


def edit_pricing(product):
    before = {"pricing.regular_price": "799.00"}
    catalogue.record_edit(Product.objects.get(pk=product.pk), actor=ms_naidoo(), before=before)
    catalogue.submit(product.pk, actor=ms_naidoo())
    catalogue.approve(product.pk, actor=mr_botha())


def test_a_block_by_zoho_costs_no_record_an_attempt(zoho, drain):
    zoho.fault(
        match={"method": "POST", "path": "/billing/v1/products"},
        action={"status": 429, "body": {"code": 44, "message": "blocked"}},
        times=1,
    )
    package = full_package()

    outcome = drain(System.BILLING)

    assert outcome.sent == 0
    row = rows(package)[Kind.BILLING_PRODUCT]
    assert (row.status, row.retry_count, row.lease_token) == (SyncStatus.PENDING, 0, None)
    assert len([request for request in zoho.requests(system="billing") if request["method"] == "POST"]) == 1


def test_an_outage_costs_no_record_more_than_its_first_attempt(zoho, drain):
    packages = [full_package() for _ in range(4)]
    zoho.fault(match={"path": "/billing/*"}, action={"status": 503, "body": {"message": "down"}}, times=None)

    for _ in range(6):
        Breaker(System.BILLING).reset()
        make_due()
        drain(System.BILLING)

    tries = [
        row.retry_count
        for package in packages
        for row in rows(package).values()
        if row.kind != Kind.CRM_PRODUCT
    ]
    assert max(tries) == 1
    assert not ProductIntegration.objects.filter(status=SyncStatus.DEAD).exists()
    zoho.clear_faults()
    Breaker(System.BILLING).reset()
    make_due()
    drain()
    assert {status for package in packages for status in states(package).values()} == {SyncStatus.OK}


def test_a_wrong_connection_kills_no_record(zoho, drain, settings):
    settings.ZOHO_BILLING_ORGANIZATION_ID = "999"
    package = full_package()

    drain(System.BILLING)

    row = rows(package)[Kind.BILLING_PRODUCT]
    assert (row.status, row.retry_count) == (SyncStatus.PENDING, 0)
    assert "ZOHO_BILLING_ORGANIZATION_ID is 999" in Breaker(System.BILLING).state().reason


def test_a_mistake_of_ours_stops_one_record_and_not_the_queue(zoho, drain, monkeypatch):
    broken, whole = full_package(provider="MTN"), full_package(provider="DFA")
    real = sync.desired_records

    def desired(package, terms):
        if package.pk == broken.pk:
            raise KeyError("a bug")
        return real(package, terms)

    monkeypatch.setattr(sync, "desired_records", desired)

    drain(System.BILLING)

    assert states(whole)[Kind.BILLING_PLAN] == SyncStatus.OK
    row = rows(broken)[Kind.BILLING_PRODUCT]
    assert (row.status, row.sync_error_details["class"], row.lease_token) == (
        SyncStatus.FAILED,
        "OurMistake",
        None,
    )


def test_a_row_whose_mapping_changed_while_it_was_owed_settles_in_one_round(zoho, drain):
    package = full_package()
    ProductIntegration.objects.filter(package=package).update(desired_hash="an older idea")

    drain()

    assert states(package) == dict.fromkeys(Kind, SyncStatus.OK)
    assert calls(zoho, "billing")["POST /billing/v1/plans"] == 1


def test_sending_again_is_for_those_who_may_and_is_audited(zoho):
    package = full_package()
    ProductIntegration.objects.filter(package=package).update(
        status=SyncStatus.DEAD, retry_count=8, next_retry_at=None
    )

    with pytest.raises(NotAllowed):
        resync(ProductIntegration.objects.all(), actor=ms_naidoo())
    assert resync(ProductIntegration.objects.all(), actor=person("lerato.mokoena", "Sync operator")) == 5

    assert {(row.status, row.retry_count) for row in rows(package).values()} == {(SyncStatus.PENDING, 0)}
    assert AuditEntry.objects.filter(action="resync", actor_name="Lerato Mokoena").count() == 5
