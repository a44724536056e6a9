"""A backfill against the sandbox: what it sends, counted; what it leaves alone; how it ends."""

from decimal import Decimal
from threading import Event

import pytest
from django.utils import timezone

from catalogue.models import PackageStatus
from circletel.core.models import AuditEntry
from tests.factories import live_package, person
from tests.zoho_sync.backfill.conftest import Calls, unsynced
from zoho_sync import sync, tasks
from zoho_sync.backfill.report import Ending
from zoho_sync.models import Kind, ProductIntegration, SyncStatus, System
from zoho_sync.operating.resync import resync_package
from zoho_sync.services import owe

pytestmark = pytest.mark.django_db

CRM_LIST, UPSERT = "GET /crm/v8/Products", "POST /crm/v8/Products/upsert"
LISTINGS = {f"GET /billing/v1/{family}": 1 for family in ("products", "plans", "addons")}


def counts(report, system=System.CRM):
    part = next(part for part in report.systems if part.system is system)
    return {verdict.value: number for verdict, number in part.plan.counts.items() if number}


def statuses(**rows):
    return set(ProductIntegration.objects.filter(**rows).values_list("status", flat=True))


def test_250_packages_take_one_listing_and_three_upserts(backfill, calls):
    unsynced(250)

    report = backfill(System.CRM)

    assert calls.now() == {CRM_LIST: 1, UPSERT: 3}
    assert report.ending is Ending.IN_STEP
    assert (counts(report), report.systems[0].calls) == ({"create": 250}, 4)
    assert len(calls.zoho.records("crm_products")) == 250
    assert statuses() == {SyncStatus.OK}


def test_a_second_run_reads_and_writes_nothing(backfill, zoho):
    unsynced(250)
    backfill(System.CRM)
    calls, before = Calls(zoho), list(ProductIntegration.objects.order_by("pk").values())

    report = backfill(System.CRM)

    assert calls.now() == {CRM_LIST: 2}
    assert counts(report) == {"in_step": 250}
    assert list(ProductIntegration.objects.order_by("pk").values()) == before


def test_the_other_system_is_left_alone(backfill, calls):
    unsynced(2)

    backfill(System.CRM)

    assert set(ProductIntegration.objects.values_list("kind", flat=True)) == {Kind.CRM_PRODUCT}


def test_billing_lists_each_family_once_and_makes_each_record_once(backfill, calls):
    unsynced(3, installation_fee=Decimal("0.00"), hardware_model="Reyee", hardware_price=Decimal("999.00"))

    report = backfill(System.BILLING)

    assert calls.now() == LISTINGS | {
        "POST /billing/v1/products": 1,
        "POST /billing/v1/plans": 3,
        "POST /billing/v1/addons": 6,
    }
    assert counts(report, System.BILLING) == {"create": 10}
    assert report.systems[0].plan.calls == 10
    again = Calls(calls.zoho)
    assert backfill(System.BILLING).ending is Ending.IN_STEP
    assert again.now() == LISTINGS


def test_a_dry_run_shows_the_plan_and_writes_nothing(backfill, calls):
    unsynced(3)

    report = backfill(dry_run=True)

    assert report.ending is Ending.DIFFERS
    assert counts(report) == {"create": 3}
    assert counts(report, System.BILLING) == {"create": 4}
    assert calls.now() == LISTINGS | {CRM_LIST: 1}
    assert ProductIntegration.objects.count() == 0
    assert AuditEntry.objects.filter(action="adopted").count() == 0
    assert "  create             3   to be made" in backfill.lines


def test_what_carries_the_key_already_is_adopted_without_a_call(backfill, zoho):
    unsynced(2)
    backfill()
    ids = set(ProductIntegration.objects.values_list("kind", "remote_key", "remote_id"))
    ProductIntegration.objects.all().delete()
    calls = Calls(zoho)

    report = backfill()

    assert calls.now() == LISTINGS | {CRM_LIST: 1}
    assert (counts(report), counts(report, System.BILLING)) == ({"adopt": 2}, {"adopt": 3})
    assert set(ProductIntegration.objects.values_list("kind", "remote_key", "remote_id")) == ids
    assert statuses() == {SyncStatus.OK}
    entry = AuditEntry.objects.filter(action="adopted").first()
    assert entry.changes["remote_id"][0] == ""


def test_an_adopted_record_that_differs_costs_one_call(backfill, zoho):
    unsynced(2)
    backfill()
    ProductIntegration.objects.all().delete()
    zoho.edit("crm_products", zoho.records("crm_products")[0]["id"], Unit_Price=1.0)
    zoho.edit("billing_plans", "BULK-2_consumer_DFA", recurring_price=1.0)
    calls = Calls(zoho)

    report = backfill()

    assert calls.now() == LISTINGS | {CRM_LIST: 1, UPSERT: 1, "PUT /billing/v1/plans/{plan_code}": 1}
    assert report.systems[0].plan.adopted_and_changed == 1
    assert {product["Unit_Price"] for product in zoho.records("crm_products")} == {799.0}
    assert {plan["recurring_price"] for plan in zoho.records("billing_plans")} == {799.0}


def test_a_crm_product_with_the_sku_and_no_key_is_adopted_and_given_its_key_by_id(backfill, zoho):
    by_hand = zoho._ask(
        "POST", "records/crm_products", json={"Product_Name": "Old", "Product_Code": "BULK-1"}
    )
    unsynced(1)
    calls = Calls(zoho)

    report = backfill(System.CRM)

    assert calls.now() == {CRM_LIST: 1, "PUT /crm/v8/Products": 1}
    assert counts(report) == {"adopt": 1}
    [product] = zoho.records("crm_products")
    assert (product["id"], product["ct_Package_Key"]) == (by_hand["id"], "BULK-1_consumer_DFA")
    assert statuses() == {SyncStatus.OK}


def test_a_sku_that_two_packages_share_is_for_a_person_and_nothing_is_made(backfill, zoho):
    zoho._ask("POST", "records/crm_products", json={"Product_Name": "Old", "Product_Code": "BULK-1"})
    unsynced(1)
    unsynced(1, market_segment="business", slug="other", logical_key="other")
    calls = Calls(zoho)

    report = backfill(System.CRM)

    assert calls.now() == {CRM_LIST: 1}
    assert (report.ending, counts(report)) == (Ending.NEEDS_PERSON, {"ambiguous": 2})
    assert statuses() == {SyncStatus.DEAD}
    row = ProductIntegration.objects.get(remote_key="BULK-1_business_DFA")
    assert "type BULK-1_business_DFA into ct_Package_Key" in row.last_sync_error
    assert (row.cause, row.failing_since is None) == ("crm:Ambiguous:AMBIGUOUS", False)


def test_a_record_that_is_adopted_is_no_longer_being_sent_again(backfill):
    package = live_package(sku="AGAIN-1")
    backfill(System.CRM)
    row = ProductIntegration.objects.get(package=package, kind=Kind.CRM_PRODUCT)
    wish = resync_package(
        package.pk, System.CRM, actor=person("thabo", "Sync operator"), force=True, reason="To be sure"
    )
    ProductIntegration.objects.filter(pk=row.pk).update(
        remote_id="", synced_hash="", cause="crm:InvalidField:x", failing_since=timezone.now(), retry_count=3
    )

    report = backfill(System.CRM)

    assert counts(report) == {"adopt": 1}
    row.refresh_from_db()
    wish.refresh_from_db()
    assert (row.status, row.resync, row.priority, row.retry_count) == (SyncStatus.OK, None, 0, 0)
    assert (row.cause, row.failing_since) == ("", None)
    assert (wish.outcomes, wish.finished_at is None) == ({"crm_product": "in step"}, False)


def test_a_person_decides_by_typing_the_key_and_the_next_run_adopts(backfill, zoho):
    [by_hand] = [
        zoho._ask("POST", "records/crm_products", json={"Product_Name": name}) for name in ("Bulk 1",)
    ]
    unsynced(1)
    assert counts(backfill(System.CRM)) == {"ambiguous": 1}

    zoho.edit("crm_products", by_hand["id"], ct_Package_Key="BULK-1_consumer_DFA")
    report = backfill(System.CRM)

    assert counts(report) == {"adopt": 1}
    assert [product["id"] for product in zoho.records("crm_products")] == [by_hand["id"]]
    assert statuses() == {SyncStatus.OK}


def test_two_billing_products_of_one_name_are_for_a_person(backfill, zoho, monkeypatch):
    unsynced(1)
    backfill(System.BILLING)
    ProductIntegration.objects.all().delete()
    from zoho_sync.billing.client import PRODUCTS, BillingClient
    from zoho_sync.connection.http import ZohoHttp

    other = BillingClient(ZohoHttp(System.BILLING)).create(PRODUCTS, {"name": "Other"})
    zoho.edit("billing_products", other.remote_id, name="HomeFibre - DFA - Consumer")

    report = backfill(System.BILLING)

    assert report.ending is Ending.NEEDS_PERSON
    assert counts(report, System.BILLING) == {"ambiguous": 1, "adopt": 1}


def test_a_plan_of_another_interval_is_not_ours_to_change(backfill, zoho):
    unsynced(1)
    backfill(System.BILLING)
    ProductIntegration.objects.all().delete()
    zoho.edit("billing_plans", "BULK-1_consumer_DFA", interval_unit="years")
    calls = Calls(zoho)

    backfill(System.BILLING)

    assert calls.now() == LISTINGS
    row = ProductIntegration.objects.get(kind=Kind.BILLING_PLAN)
    assert (row.status, row.remote_id) == (SyncStatus.DEAD, "")
    assert "interval_unit years, not months" in row.last_sync_error


def test_what_zoho_would_refuse_costs_no_call_and_does_not_stop_the_others(backfill, calls):
    unsynced(2)
    unsynced(1, first=9, category="c" * 60, service_type="x" * 60, sku="S" * 41, name="Long")

    report = backfill(System.CRM)

    assert calls.now() == {CRM_LIST: 1, UPSERT: 1}
    assert counts(report) == {"create": 2, "refused": 1}
    assert report.ending is Ending.NEEDS_PERSON
    again = Calls(calls.zoho)
    assert counts(backfill(System.CRM)) == {"in_step": 2, "refused": 1}
    assert again.now() == {CRM_LIST: 1}


def test_verify_names_what_differs_and_writes_nothing(backfill, zoho):
    unsynced(2)
    backfill(System.CRM)
    edited = zoho.records("crm_products")[0]
    zoho.edit("crm_products", edited["id"], Unit_Price=1.0, Description="Typed by hand")
    calls = Calls(zoho)

    report = backfill(System.CRM, verify=True)

    assert calls.now() == {CRM_LIST: 1}
    assert report.ending is Ending.DIFFERS
    [differing] = report.systems[0].plan.differing
    assert (differing.key, differing.words) == (edited["ct_Package_Key"], "Description, Unit_Price")
    assert statuses() == {SyncStatus.OK}
    assert backfill(System.CRM).ending is Ending.IN_STEP


def test_verify_of_what_agrees_finds_nothing(backfill):
    live_package(
        description="With\nlines",
        installation_fee=Decimal("0.00"),
        promotion_price=Decimal("599.00"),
        hardware={"model": "Reyee RG-EW1300G", "included": True},
    )
    backfill()

    report = backfill(verify=True)

    assert (report.ending, [part.plan.differing for part in report.systems]) == (Ending.IN_STEP, [[], []])


def test_what_somebody_deleted_in_zoho_is_made_again(backfill, zoho):
    unsynced(2)
    backfill(System.CRM)
    zoho.delete("crm_products", zoho.records("crm_products")[0]["id"])

    report = backfill(System.CRM)

    assert counts(report) == {"create": 1, "in_step": 1}
    assert len(zoho.records("crm_products")) == 2


def test_a_record_whose_key_was_taken_away_gets_it_back_by_id(backfill, zoho):
    unsynced(1)
    backfill(System.CRM)
    [product] = zoho.records("crm_products")
    zoho.edit("crm_products", product["id"], ct_Package_Key=None)
    calls = Calls(zoho)

    backfill(System.CRM)

    assert calls.now() == {CRM_LIST: 1, "PUT /crm/v8/Products": 1}
    assert [row["id"] for row in zoho.records("crm_products")] == [product["id"]]


def test_packages_nobody_sells_are_not_brought_anew_but_those_zoho_knows_are_switched_off(backfill, zoho):
    [sold, _never] = unsynced(1) + unsynced(1, first=2, status=PackageStatus.ARCHIVED)
    backfill(System.CRM)
    sold.status = PackageStatus.ARCHIVED
    sold.save()

    assert counts(backfill(System.CRM)) == {"update": 1}

    [product] = zoho.records("crm_products")
    assert product["Product_Active"] is False


def test_only_the_named_packages_are_sent(backfill, zoho):
    unsynced(3)

    report = backfill(System.CRM, skus=["BULK-2"])

    assert counts(report) == {"create": 1}
    assert [product["Product_Code"] for product in zoho.records("crm_products")] == ["BULK-2"]


def test_no_more_calls_than_allowed_and_the_rest_goes_by_resume(backfill, calls):
    unsynced(250)

    report = backfill(System.CRM, max_calls=2)

    assert calls.now() == {CRM_LIST: 1, UPSERT: 1}
    assert (report.ending, report.systems[0].calls) == (Ending.LATER, 2)
    assert report.systems[0].states["pending"] == 150
    again = Calls(calls.zoho)
    assert backfill(System.CRM, resume=True).ending is Ending.IN_STEP
    assert again.now() == {UPSERT: 2}


def test_too_few_calls_to_read_zoho_write_nothing(backfill, calls):
    unsynced(2)

    report = backfill(System.BILLING, max_calls=2)

    assert sum(calls.now().values()) == 2
    assert report.ending is Ending.LATER
    assert ProductIntegration.objects.count() == 0


def test_a_stop_between_two_calls_loses_and_repeats_nothing(backfill, calls, monkeypatch):
    unsynced(250)
    stop, send = Event(), sync._send_crm_batch

    def stopping(http, held):
        stop.set()
        return send(http, held)

    monkeypatch.setattr(sync, "_send_crm_batch", stopping)
    report = backfill(System.CRM, stop=stop)

    assert report.ending is Ending.INTERRUPTED
    assert report.systems[0].states == {"pending": 150, "ok": 100, "failed": 0, "dead": 0, "given_up": 0}
    assert calls.now() == {CRM_LIST: 1, UPSERT: 1}
    monkeypatch.setattr(sync, "_send_crm_batch", send)
    assert backfill(System.CRM, resume=True).ending is Ending.IN_STEP
    assert calls.now() == {CRM_LIST: 1, UPSERT: 3}
    assert len(calls.zoho.records("crm_products")) == 250


def test_resume_reads_zoho_when_something_was_never_looked_for(backfill, calls):
    unsynced(1)

    backfill(System.CRM, resume=True)

    assert calls.now() == {CRM_LIST: 1, UPSERT: 1}


def test_the_days_quota_ends_the_run_and_the_sweep_goes_on(backfill, zoho, settings, monkeypatch):
    settings.ZOHO_BILLING_CALLS_PER_DAY = 6
    monkeypatch.setattr("zoho_sync.connection.limits.PATIENCE_SECONDS", 0)
    unsynced(5)

    report = backfill(System.BILLING)

    assert report.ending is Ending.LATER
    assert "The sweep goes on by itself; done on" in report.systems[0].words
    assert report.systems[0].calls == 6
    assert statuses() == {SyncStatus.OK, SyncStatus.PENDING}
    assert set(ProductIntegration.objects.owed().values_list("retry_count", flat=True)) == {0}
    settings.ZOHO_BILLING_CALLS_PER_DAY = 1000
    tasks.drain_system("billing")
    assert statuses() == {SyncStatus.OK}


def test_people_come_first_and_keep_their_reserve(backfill, zoho, settings, monkeypatch):
    settings.ZOHO_BILLING_CALLS_PER_DAY = 10
    monkeypatch.setattr("zoho_sync.connection.limits.RESERVE_PERCENT", 30)
    monkeypatch.setattr("zoho_sync.connection.limits.PATIENCE_SECONDS", 0)
    unsynced(8)

    report = backfill(System.BILLING)

    assert (report.ending, report.systems[0].calls) == (Ending.LATER, 7)
    assert "kept for people" in report.systems[0].words
    [clicked] = unsynced(1, first=50)
    owe(clicked)
    tasks.drain_system("billing")
    assert statuses(package=clicked) - {SyncStatus.OK} == {SyncStatus.PENDING}
    assert ProductIntegration.objects.get(package=clicked, kind=Kind.BILLING_PLAN).status == SyncStatus.OK


def test_a_refused_connection_is_said_and_nothing_is_written(backfill, zoho):
    unsynced(1)
    zoho.fault(
        match={"method": "GET", "path": "/crm/v8/Products"},
        times=4,
        action={"status": 401, "body": {"code": "OAUTH_SCOPE_MISMATCH", "message": "no", "status": "error"}},
    )

    report = backfill(System.CRM)

    assert report.ending is Ending.NOT_POSSIBLE
    assert "too few scopes" in report.systems[0].words
    assert ProductIntegration.objects.count() == 0
