"""Zoho changed behind our back: exactly that is found, and nothing else."""

from datetime import datetime
from decimal import Decimal

import pytest

from catalogue import services as catalogue
from catalogue.models import ServicePackage
from reconciliation.models import Finding, FindingState, ReconciliationReport, ReportState, Scope
from tests.factories import approved_product, live_package, mr_botha
from tests.reconciliation.conftest import brief
from zoho_sync.compare.remote import Zoho
from zoho_sync.connection.http import Call, ZohoHttp
from zoho_sync.models import Kind, ProductIntegration, SyncStatus, System

pytestmark = pytest.mark.django_db
KEY = "HF-1_consumer_DFA"


@pytest.fixture
def catalogue_in_step(zoho, drain):
    """Home Fibre 100 with installation and device, and three others, all in Zoho."""
    package = live_package(
        name="Home Fibre 100", sku="HF-1", regular_price="899.00", installation_fee=Decimal("0.00"),
        hardware={"model": "Reyee", "included": True},
    )  # fmt: skip
    for number in range(2, 5):
        live_package(sku=f"HF-{number}", regular_price="500.00")
    drain()
    return package


def crm(zoho, key=KEY):
    return next(each for each in zoho.records("crm_products") if each.get("ct_Package_Key") == key)


def send(method, path, body, system=System.BILLING):
    """A call of somebody else's program."""
    http = ZohoHttp(system)
    answer = http.send(Call(method, path, safe=False, body=body))
    http.close()
    return answer.body


@pytest.mark.usefixtures("catalogue_in_step")
class TestOneThing:
    def test_a_price_changed_by_one_cent_in_crm_is_found_with_who_and_when(self, zoho, reconcile):
        changed = zoho.edit("crm_products", crm(zoho)["id"], Unit_Price=899.01, edited_by="Sipho Dube")

        outcome = reconcile()

        assert brief(outcome) == [("crm_product", "field_mismatch", KEY, "Unit_Price", "899.00", 899.01)]
        finding = Finding.objects.get()
        assert finding.changed_by == "Sipho Dube"
        assert finding.since == datetime.fromisoformat(changed["Modified_Time"])
        assert (finding.state, finding.times_seen, finding.package.sku) == (FindingState.NEW, 1, "HF-1")
        assert outcome.calls == 4

    def test_a_status_in_capitals_is_the_same(self, zoho, reconcile):
        for plan in zoho.records("billing_plans"):
            zoho.edit("billing_plans", plan["plan_code"], status="ACTIVE")
        assert [plan["status"] for plan in zoho.records("billing_plans")] == ["ACTIVE"] * 4

        assert brief(reconcile()) == []

    def test_a_price_changed_by_one_cent_in_billing_is_found(self, zoho, reconcile):
        zoho.edit("billing_plans", KEY, recurring_price=898.99)

        assert brief(reconcile()) == [
            ("billing_plan", "field_mismatch", KEY, "recurring_price", "899.00", 898.99)
        ]

    def test_an_installation_that_is_no_longer_free_is_found(self, zoho, reconcile):
        zoho.edit("billing_addons", f"{KEY}_INSTALLATION", price_brackets=[{"price": 0.01}])

        assert brief(reconcile()) == [
            ("billing_installation", "field_mismatch", f"{KEY}_INSTALLATION", "price_brackets",
             [{"price": "0.00"}], [{"price": 0.01}])
        ]  # fmt: skip

    def test_a_rename_is_one_differing_field(self, zoho, reconcile):
        zoho.edit("crm_products", crm(zoho)["id"], Product_Name="Best Fibre")

        [finding] = brief(reconcile())
        assert finding[:4] == ("crm_product", "field_mismatch", KEY, "Product_Name")
        assert finding[5] == "Best Fibre"

    def test_a_renamed_product_line_is_one_differing_field(self, zoho, reconcile):
        [line] = zoho.records("billing_products")
        zoho.edit("billing_products", line["product_id"], name="Everything")

        assert brief(reconcile()) == [
            ("billing_product", "field_mismatch", "HomeFibre - DFA - Consumer", "name",
             "HomeFibre - DFA - Consumer", "Everything")
        ]  # fmt: skip

    def test_a_deactivated_record_is_one_differing_field(self, zoho, reconcile):
        zoho.edit("crm_products", crm(zoho)["id"], Product_Active=False)
        zoho.edit("billing_plans", KEY, status="inactive")

        assert brief(reconcile()) == [
            ("billing_plan", "field_mismatch", KEY, "status", "active", "inactive"),
            ("crm_product", "field_mismatch", KEY, "Product_Active", True, False),
        ]

    def test_two_fields_are_two_findings(self, zoho, reconcile):
        zoho.edit("crm_products", crm(zoho)["id"], Description="Buy now", ct_Speed_Down_Mbps=1000)

        assert {finding[3:] for finding in brief(reconcile())} == {
            ("Description", None, "Buy now"),
            ("ct_Speed_Down_Mbps", 100, 1000),
        }

    def test_deleted_records_are_missing(self, zoho, reconcile):
        zoho.delete("crm_products", crm(zoho)["id"])
        zoho.delete("billing_addons", f"{KEY}_HARDWARE")

        outcome = reconcile()

        assert brief(outcome) == [
            ("billing_hardware", "missing_in_zoho", f"{KEY}_HARDWARE", None, None, None),
            ("crm_product", "missing_in_zoho", KEY, None, None, None),
        ]
        assert outcome.calls == 4

    def test_records_made_by_hand_are_strangers(self, zoho, reconcile):
        [line] = zoho.records("billing_products")
        made = send("POST", "/crm/v8/Products", {"data": [{"Product_Name": "Router"}]}, System.CRM)
        id = made["data"][0]["details"]["id"]
        send("POST", "/billing/v1/plans", {
            "plan_code": "MINE", "name": "Mine", "recurring_price": 1, "interval": 1, "product_id": line["product_id"]
        })  # fmt: skip
        send("POST", "/billing/v1/addons", {
            "addon_code": "STATIC-IP", "name": "Static IP", "unit_name": "ip", "price_brackets": [{"price": 50}],
            "product_id": line["product_id"],
        })  # fmt: skip

        assert brief(reconcile()) == [
            ("billing_addon", "missing_here", "STATIC-IP", None, None, "Static IP"),
            ("billing_plan", "missing_here", "MINE", None, None, "Mine"),
            ("crm_product", "missing_here", id, None, None, "Router"),
        ]

    def test_a_copy_made_by_hand_is_a_duplicate(self, zoho, reconcile):
        original = crm(zoho)
        copy = {"Product_Name": original["Product_Name"], "Product_Code": "HF-1"}
        send("POST", "/crm/v8/Products", {"data": [copy]}, System.CRM)

        assert brief(reconcile()) == [("crm_product", "duplicate", KEY, None, None, original["Product_Name"])]

    def test_swapped_keys_are_two_wrong_links(self, zoho, reconcile):
        first, second = crm(zoho), crm(zoho, "HF-2_consumer_DFA")
        zoho.edit("crm_products", first["id"], ct_Package_Key="aside")
        zoho.edit("crm_products", second["id"], ct_Package_Key=KEY)
        zoho.edit("crm_products", first["id"], ct_Package_Key="HF-2_consumer_DFA")

        assert brief(reconcile()) == [
            ("crm_product", "wrong_link", KEY, "ct_Package_Key", first["id"], second["id"]),
            ("crm_product", "wrong_link", "HF-2_consumer_DFA", "ct_Package_Key", second["id"], first["id"]),
        ]

    def test_swapped_product_codes_are_two_differing_fields(self, zoho, reconcile):
        first, second = crm(zoho), crm(zoho, "HF-2_consumer_DFA")
        zoho.edit("crm_products", first["id"], Product_Code="HF-2")
        zoho.edit("crm_products", second["id"], Product_Code="HF-1")

        assert brief(reconcile()) == [
            ("crm_product", "field_mismatch", KEY, "Product_Code", "HF-1", "HF-2"),
            ("crm_product", "field_mismatch", "HF-2_consumer_DFA", "Product_Code", "HF-2", "HF-1"),
        ]

    def test_an_edited_key_is_one_differing_field_and_no_stranger(self, zoho, reconcile):
        zoho.edit("crm_products", crm(zoho)["id"], ct_Package_Key="typo")
        zoho.edit("billing_plans", KEY, plan_code="typo")

        assert brief(reconcile()) == [
            ("billing_plan", "field_mismatch", KEY, "plan_code", KEY, "typo"),
            ("crm_product", "field_mismatch", KEY, "ct_Package_Key", KEY, "typo"),
        ]

    def test_an_acknowledgement_that_is_out_of_date_is_found_although_zoho_is_right(self, zoho, reconcile):
        ProductIntegration.objects.filter(remote_key=KEY, kind=Kind.BILLING_PLAN).update(
            synced_hash="0" * 64, desired_hash="0" * 64
        )

        [finding] = brief(reconcile())
        assert finding[:4] == ("billing_plan", "stale_acknowledgement", KEY, None)

    def test_fields_that_are_not_ours_may_be_anything(self, zoho, reconcile):
        zoho.edit("crm_products", crm(zoho)["id"], Manufacturer="Reyee", Qty_in_Stock=5)

        assert brief(reconcile()) == []


def test_an_archived_twin_that_lives_again_is_found_and_one_that_is_gone_is_nobodys_loss(
    zoho, drain, reconcile
):
    live_package(name="Home Fibre 100", sku="OLD")
    live_package(name="Home Fibre 100", sku="NEW")
    live_package(name="Home Fibre 200", sku="OLDER")
    live_package(name="Home Fibre 200", sku="NEWER")
    drain()
    assert brief(reconcile()) == []
    zoho.edit("billing_plans", "OLD_consumer_DFA", status="active")
    zoho.delete("crm_products", crm(zoho, "OLDER_consumer_DFA")["id"])

    assert brief(reconcile()) == [
        ("billing_plan", "archived_active", "OLD_consumer_DFA", "status", "inactive", "active")
    ]


def test_hardware_that_was_taken_out_must_stay_switched_off(zoho, drain, reconcile, catalogue_in_step):
    from tests.zoho_sync.test_sync import edit

    product = catalogue_in_step.source_admin_product
    product.hardware.delete()
    product = type(product).objects.get(pk=product.pk)
    edit(product, description="Bring your own")
    catalogue.publish(product.pk, actor=mr_botha())
    drain()
    assert brief(reconcile()) == []
    zoho.edit("billing_addons", f"{KEY}_HARDWARE", status="active")

    assert brief(reconcile()) == [
        ("billing_hardware", "archived_active", f"{KEY}_HARDWARE", "status", "inactive", "active")
    ]


@pytest.mark.usefixtures("catalogue_in_step")
class TestARunThatCannotBeTrusted:
    def test_what_could_not_be_read_closes_nothing_and_the_rest_is_told(self, zoho, reconcile):
        zoho.edit("billing_plans", KEY, recurring_price=1.0)
        zoho.edit("crm_products", crm(zoho)["id"], Unit_Price=1.0)
        reconcile()
        zoho.edit("crm_products", crm(zoho)["id"], Unit_Price=899.0)
        zoho.fault(
            match={"path": "/billing/v1/plans"}, action={"status": 500, "body": {"code": 1000}}, times=None
        )

        outcome = reconcile()

        assert (outcome.is_complete, brief(outcome)) == (False, [])
        assert "Billing plans could not be read" in outcome.trouble
        assert set(Finding.objects.values_list("state", flat=True)) == {FindingState.NEW}
        assert ReconciliationReport.objects.first().state == ReportState.INCOMPLETE

    def test_a_sudden_emptiness_raises_an_alarm_and_proposes_nothing(self, zoho, reconcile):
        for number in (2, 3, 4):
            zoho.delete("crm_products", crm(zoho, f"HF-{number}_consumer_DFA")["id"])

        outcome = reconcile()

        assert (outcome.is_complete, brief(outcome)) == (False, [])
        assert outcome.trouble.startswith(
            "CRM products: more than 20 % of our records are not there any more."
        )
        assert ReconciliationReport.objects.get().state == ReportState.ALARM
        assert Finding.objects.count() == 0

    def test_two_are_too_few_for_an_alarm(self, zoho, reconcile):
        for number in (2, 3):
            zoho.delete("crm_products", crm(zoho, f"HF-{number}_consumer_DFA")["id"])

        outcome = reconcile()

        assert outcome.is_complete
        assert [finding[1] for finding in brief(outcome)] == ["missing_in_zoho"] * 2

    def test_what_is_written_while_the_run_goes_on_is_looked_at_again(
        self, zoho, drain, reconcile, monkeypatch
    ):
        """Somebody edits a plan and mends it again, a package is published, between reading and reporting."""
        read = Zoho.everything

        def meddling(self, shelf):
            yield from list(read(self, shelf))
            if shelf.system is System.CRM:
                approved = approved_product(sku="LATE", name="Late")
                catalogue.publish(approved.pk, actor=mr_botha())
                package = ServicePackage.objects.get(sku="HF-2")
                ServicePackage.objects.filter(pk=package.pk).update(price=Decimal("501.00"))
                package.refresh_from_db()
                from zoho_sync.services import owe

                owe(package)
                drain()

        monkeypatch.setattr(Zoho, "everything", meddling)

        assert brief(reconcile(Scope.ALL)) == []

    def test_limits_are_waited_for_not_failed_upon(self, zoho, reconcile):
        zoho.fault(match={"path": "/billing/v1/plans"}, action={"status": 429, "body": {"code": 44}}, times=5)

        outcome = reconcile()

        assert outcome.is_complete
        assert outcome.calls == 4 + 5


@pytest.mark.usefixtures("catalogue_in_step")
def test_a_record_skipped_by_a_shifting_page_is_asked_for_before_it_is_called_missing(
    zoho, reconcile, monkeypatch
):
    monkeypatch.setattr("reconciliation.comparison.PER_PAGE", 2)
    read = Zoho.everything

    def skipping(self, shelf):
        return (each for each in read(self, shelf) if each.key != KEY or shelf.name != "Billing plans")

    monkeypatch.setattr(Zoho, "everything", skipping)

    outcome = reconcile()

    assert brief(outcome) == []
    assert outcome.calls == 4 + 1


@pytest.mark.usefixtures("catalogue_in_step")
def test_a_record_whose_row_is_dead_is_reported(zoho, reconcile):
    ProductIntegration.objects.filter(remote_key=KEY, kind=Kind.CRM_PRODUCT).update(status=SyncStatus.DEAD)
    zoho.edit("crm_products", crm(zoho)["id"], Unit_Price=1.0)

    assert [finding[3] for finding in brief(reconcile())] == ["Unit_Price"]
