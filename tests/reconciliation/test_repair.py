"""Findings are mended the ordinary way, as planned, and only while nothing moves."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from catalogue.models import Product, ServicePackage
from circletel.core.errors import NotAllowed, Refused
from circletel.core.models import AuditEntry
from pricing.models import PriceChange
from reconciliation import repair as repairing
from reconciliation import services
from reconciliation.models import Deed, Finding, FindingState, Repair, RepairState
from reconciliation.planning import deeds_for, plan
from reconciliation.repair import apply
from tests.factories import live_package, ms_naidoo, person
from tests.reconciliation.conftest import brief
from tests.reconciliation.test_drift import KEY, catalogue_in_step, crm, send  # noqa: F401
from zoho_sync.models import Kind, ProductIntegration, SyncStatus, System

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("catalogue_in_step")]


@pytest.fixture
def operator():
    return person("lerato.mokoena", "Sync operator")


@pytest.fixture
def mend(operator, drain):
    """Plan and apply `deed` for all open findings, and let the sync do its part."""

    def now(deed=Deed.PUSH, **chosen):
        repair = plan(Finding.objects.open().filter(**chosen), deed, actor=operator)
        apply(repair, actor=operator, sleep=lambda _seconds: None)
        drain()
        return repair

    return now


def everything_goes_wrong(zoho):
    """What a busy afternoon in two systems may do. One finding each."""
    zoho.edit("crm_products", crm(zoho)["id"], Unit_Price=899.01, Description="Buy", edited_by="Sipho Dube")
    zoho.edit("crm_products", crm(zoho, "HF-2_consumer_DFA")["id"], Product_Active=False)
    zoho.edit("crm_products", crm(zoho, "HF-3_consumer_DFA")["id"], ct_Package_Key="typo")
    zoho.delete("crm_products", crm(zoho, "HF-4_consumer_DFA")["id"])
    zoho.edit("billing_plans", KEY, recurring_price=1.0, status="inactive")
    zoho.edit("billing_plans", "HF-2_consumer_DFA", plan_code="typo")
    zoho.delete("billing_plans", "HF-3_consumer_DFA")
    zoho.delete("billing_addons", f"{KEY}_HARDWARE")
    zoho.edit("billing_addons", f"{KEY}_INSTALLATION", price_brackets=[{"price": 50.0}], unit_name="hour")
    [line] = zoho.records("billing_products")
    zoho.edit("billing_products", line["product_id"], name="Everything")


def test_pushing_ours_leaves_nothing_open_and_doubles_nothing(zoho, reconcile, mend):
    everything_goes_wrong(zoho)
    assert len(reconcile().findings) == 13
    before = {each["id"] for each in zoho.records("crm_products")}

    mend(Deed.PUSH)

    after = reconcile()
    assert (brief(after), after.counts["resolved"]) == ([], 13)
    assert set(ProductIntegration.objects.values_list("status", flat=True)) == {SyncStatus.OK}
    assert (len(zoho.records("crm_products")), len(zoho.records("billing_plans"))) == (4, 4)
    assert len({each["id"] for each in zoho.records("crm_products")} - before) == 1
    assert crm(zoho)["Unit_Price"] == 899.0
    assert crm(zoho).get("Description") is None


def test_a_repair_costs_what_its_plan_says(zoho, reconcile, operator, drain):
    zoho.edit("crm_products", crm(zoho)["id"], Unit_Price=1.0)
    zoho.edit("crm_products", crm(zoho, "HF-2_consumer_DFA")["id"], Unit_Price=1.0)
    reconcile()
    repair = plan(Finding.objects.open(), Deed.PUSH, actor=operator)
    before = zoho.state()["last_request"]

    apply(repair, actor=operator)
    drain()

    asked = [(each["method"], each["path"]) for each in zoho.requests(before, "crm")]
    assert asked == [("GET", "/crm/v8/Products"), ("POST", "/crm/v8/Products/upsert")]
    assert repair.calls == 2
    assert sorted(repair.steps) == [
        "CRM product HF-1_consumer_DFA: Unit_Price becomes 899.00, instead of 1.0",
        "CRM product HF-2_consumer_DFA: Unit_Price becomes 500.00, instead of 1.0",
    ]


def test_a_plan_names_what_goes_along(zoho, reconcile, operator):
    zoho.edit("crm_products", crm(zoho)["id"], Unit_Price=1.0, Description="Buy")
    reconcile()

    repair = plan(Finding.objects.filter(field="Unit_Price"), Deed.PUSH, actor=operator)

    assert repair.steps == [
        "CRM product HF-1_consumer_DFA: Unit_Price becomes 899.00, instead of 1.0",
        "CRM product HF-1_consumer_DFA: Description becomes nothing, instead of Buy (goes along)",
    ]
    assert repair.state == RepairState.PLANNED
    assert set(ProductIntegration.objects.values_list("status", flat=True)) == {SyncStatus.OK}


@pytest.mark.parametrize("mover", ["theirs", "ours", "owed"])
def test_what_moved_meanwhile_voids_the_plan_and_nothing_is_written(zoho, reconcile, operator, drain, mover):
    zoho.edit("billing_plans", KEY, recurring_price=1.0)
    reconcile()
    repair = plan(Finding.objects.open(), Deed.PUSH, actor=operator)
    if mover == "theirs":
        zoho.edit("billing_plans", KEY, recurring_price=2.0)
    elif mover == "ours":
        ServicePackage.objects.filter(sku="HF-1").update(price=Decimal("900.00"))
    else:
        ProductIntegration.objects.filter(remote_key=KEY, kind=Kind.BILLING_PLAN).update(
            status=SyncStatus.PENDING, next_retry_at=timezone.now() + timedelta(days=1)
        )

    with pytest.raises(Refused, match="something moved meanwhile"):
        apply(repair, actor=operator)

    drain()
    repair.refresh_from_db()
    assert repair.state == RepairState.REFUSED
    plan_now = next(each for each in zoho.records("billing_plans") if each["plan_code"] == KEY)
    assert plan_now["recurring_price"] == (2.0 if mover == "theirs" else 1.0)
    assert AuditEntry.objects.filter(action="repair applied", result="refused").count() == 1


def test_zoho_being_away_leaves_the_plan_standing(zoho, reconcile, mend, operator):
    zoho.edit("billing_plans", KEY, recurring_price=1.0)
    reconcile()
    repair = plan(Finding.objects.open(), Deed.PUSH, actor=operator)
    zoho.fault(match={"path": "/billing/v1/plans*"}, action={"status": 500, "body": {"code": 1000}}, times=4)

    with pytest.raises(Refused, match="could not be asked"):
        apply(repair, actor=operator, sleep=lambda _seconds: None)

    repair.refresh_from_db()
    assert repair.state == RepairState.PLANNED
    apply(repair, actor=operator, sleep=lambda _seconds: None)
    assert repair.state == RepairState.APPLIED


def test_a_repair_that_was_killed_between_zoho_and_the_database_is_applied_again(
    zoho, reconcile, operator, drain, monkeypatch
):
    [line] = zoho.records("billing_products")
    body = {
        "plan_code": "MINE",
        "name": "Mine",
        "recurring_price": 1,
        "interval": 1,
        "product_id": line["product_id"],
    }
    send("POST", "/billing/v1/plans", body)
    zoho.edit("crm_products", crm(zoho)["id"], ct_Package_Key="typo")
    reconcile()
    repair = plan(Finding.objects.filter(type="field_mismatch"), Deed.PUSH, actor=operator)

    def killed(*_args):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(repairing, "_owe", killed)
        with pytest.raises(KeyboardInterrupt):
            apply(repair, actor=operator)

    repair.refresh_from_db()
    assert repair.state == RepairState.PLANNED
    # The key is back in Zoho already: the plan is void, and a new run finds nothing of it left.
    with pytest.raises(Refused, match="it changed in Zoho"):
        apply(repair, actor=operator)
    drain()
    assert [finding[1] for finding in brief(reconcile())] == ["missing_here"]


def test_swapped_keys_are_linked_and_each_record_says_what_it_ought_to(zoho, reconcile, mend):
    first, second = crm(zoho), crm(zoho, "HF-2_consumer_DFA")
    zoho.edit("crm_products", first["id"], ct_Package_Key="aside")
    zoho.edit("crm_products", second["id"], ct_Package_Key=KEY)
    zoho.edit("crm_products", first["id"], ct_Package_Key="HF-2_consumer_DFA")
    reconcile()

    mend(Deed.LINK)

    assert brief(reconcile()) == []
    assert (crm(zoho)["id"], crm(zoho)["Product_Code"]) == (second["id"], "HF-1")
    assert len(zoho.records("crm_products")) == 4


def test_a_record_made_again_by_hand_is_linked(zoho, reconcile, mend):
    zoho.delete("crm_products", crm(zoho)["id"])
    made = send(
        "POST", "/crm/v8/Products", {"data": [{"Product_Name": "By hand", "ct_Package_Key": KEY}]}, System.CRM
    )
    outcome = reconcile()
    assert "wrong_link" in outcome.counts["by_type"]

    mend(Deed.LINK, type="wrong_link")

    assert brief(reconcile()) == []
    assert crm(zoho)["id"] == made["data"][0]["details"]["id"]
    assert crm(zoho)["Unit_Price"] == 899.0


def test_strangers_and_duplicates_are_switched_off_and_nothing_is_deleted(zoho, reconcile, mend):
    [line] = zoho.records("billing_products")
    copy = {"Product_Name": crm(zoho)["Product_Name"], "Product_Code": "HF-1", "Product_Active": True}
    send("POST", "/crm/v8/Products", {"data": [copy]}, System.CRM)
    body = {
        "plan_code": "MINE",
        "name": "Mine",
        "recurring_price": 1,
        "interval": 1,
        "product_id": line["product_id"],
    }
    send("POST", "/billing/v1/plans", body)
    assert len(reconcile().findings) == 2

    mend(Deed.DEACTIVATE)

    assert brief(reconcile()) == []
    assert (len(zoho.records("crm_products")), len(zoho.records("billing_plans"))) == (5, 5)


def test_an_acknowledgement_is_put_right_without_a_call(zoho, reconcile, mend, operator):
    ProductIntegration.objects.filter(remote_key=KEY, kind=Kind.CRM_PRODUCT).update(
        synced_hash="0" * 64, desired_hash="0" * 64
    )
    reconcile()
    before = zoho.state()["last_request"]

    mend(Deed.PUSH)

    assert [each["method"] for each in zoho.requests(before, "crm")] == ["GET"]
    assert brief(reconcile()) == []


def test_their_price_becomes_a_draft_price_change_and_nothing_else(zoho, reconcile, mend, operator):
    zoho.edit("billing_plans", KEY, recurring_price=949.0)
    reconcile()

    mend(Deed.ADOPT)

    change = PriceChange.objects.get()
    assert (change.package.sku, change.new_price, change.status) == ("HF-1", Decimal("949.00"), "draft")
    assert ServicePackage.objects.get(sku="HF-1").price == Decimal("899.00")


def test_their_words_become_an_edit_that_waits_for_approval(zoho, reconcile, drain):
    boss = person("thandi.naidoo", "Product manager", "Sync operator")
    zoho.edit("crm_products", crm(zoho)["id"], Description="Now with Wi-Fi", ct_Speed_Down_Mbps=200)
    reconcile()

    apply(plan(Finding.objects.open(), Deed.ADOPT, actor=boss), actor=boss)

    product = Product.objects.get(sku="HF-1")
    assert (product.description, product.speed_down_mbps, product.status) == ("Now with Wi-Fi", 200, "draft")
    assert ServicePackage.objects.get(sku="HF-1").description == ""


def test_a_name_put_together_from_several_things_cannot_be_adopted(zoho, reconcile, operator):
    zoho.edit("crm_products", crm(zoho)["id"], Product_Name="Best")
    reconcile()
    finding = Finding.objects.get()

    with pytest.raises(Refused, match="put together from several things"):
        plan([finding.pk], Deed.ADOPT, actor=operator)

    assert deeds_for(finding) == [Deed.PUSH]
    assert Repair.objects.count() == 0


def test_without_the_right_nothing_can_be_repaired_ignored_or_run(zoho, reconcile, operator):
    zoho.edit("billing_plans", KEY, recurring_price=1.0)
    reconcile()
    finding = Finding.objects.get()
    nobody = ms_naidoo()

    with pytest.raises(NotAllowed):
        plan([finding.pk], Deed.PUSH, actor=nobody)
    with pytest.raises(NotAllowed):
        services.ignore([finding.pk], actor=nobody, reason="x", until=timezone.now() + timedelta(days=1))
    with pytest.raises(NotAllowed):
        services.run(actor=nobody)
    with pytest.raises(NotAllowed):
        apply(plan([finding.pk], Deed.PUSH, actor=operator), actor=nobody)


class TestHealing:
    def test_a_field_that_heals_by_itself_is_owed_after_the_run(self, zoho, reconcile, drain, settings):
        settings.RECONCILIATION_POLICIES = {"Description": "heal"}
        zoho.edit("crm_products", crm(zoho)["id"], Description="Buy")

        reconcile()
        drain()

        assert crm(zoho).get("Description") is None
        assert brief(reconcile()) == []
        assert AuditEntry.objects.get(action="finding repaired: push").actor_name == ""

    @pytest.mark.parametrize(("allowed", "price"), [(False, 1.0), (True, 899.0)])
    def test_a_price_heals_only_where_a_setting_says_so(
        self, zoho, reconcile, drain, settings, allowed, price
    ):
        settings.RECONCILIATION_POLICIES = {"Unit_Price": "heal"}
        settings.RECONCILIATION_HEAL_PRICES = allowed
        zoho.edit("crm_products", crm(zoho)["id"], Unit_Price=1.0)

        reconcile()
        drain()

        assert crm(zoho)["Unit_Price"] == price

    def test_a_record_with_something_that_needs_a_person_waits(self, zoho, reconcile, drain, settings):
        settings.RECONCILIATION_POLICIES = {"Description": "heal"}
        zoho.edit("crm_products", crm(zoho)["id"], Description="Buy", Unit_Price=1.0)

        reconcile()
        drain()

        assert crm(zoho)["Description"] == "Buy"


class TestAcrossRuns:
    def test_a_finding_is_new_then_still_then_resolved_and_new_again(self, zoho, reconcile):
        def states():
            return sorted(Finding.objects.values_list("state", "times_seen"))

        zoho.edit("billing_plans", KEY, recurring_price=1.0)
        assert (reconcile().counts["new"], states()) == (1, [("new", 1)])
        assert (reconcile().counts["still"], states()) == (1, [("still", 2)])
        zoho.edit("billing_plans", KEY, recurring_price=899.0)
        assert (reconcile().counts["resolved"], states()) == (1, [("resolved", 2)])
        zoho.edit("billing_plans", KEY, recurring_price=1.0)
        assert (reconcile().counts["new"], states()) == (1, [("new", 1), ("resolved", 2)])

    def test_a_run_about_one_system_or_one_package_closes_nothing_of_others(self, zoho, reconcile):
        zoho.edit("billing_plans", KEY, recurring_price=1.0)
        reconcile()
        zoho.edit("billing_plans", KEY, recurring_price=899.0)

        reconcile(services.Scope.CRM)
        reconcile(only=["HF-2"])
        assert Finding.objects.get().state == FindingState.NEW
        reconcile(only=["HF-1"])
        assert Finding.objects.get().state == FindingState.RESOLVED

    def test_what_is_ignored_is_silent_until_its_day_or_another_value(self, zoho, reconcile, operator):
        zoho.edit("billing_plans", KEY, recurring_price=1.0)
        reconcile()
        tomorrow = timezone.now() + timedelta(days=1)
        services.ignore(Finding.objects.all(), actor=operator, reason="A test plan", until=tomorrow)

        silent = reconcile()
        assert (silent.findings, silent.is_complete, silent.counts["ignored"]) == ([], True, 1)
        zoho.edit("billing_plans", KEY, recurring_price=2.0)
        assert [(each["theirs"], each["state"]) for each in reconcile().findings] == [(2.0, "new")]

        services.ignore(Finding.objects.all(), actor=operator, reason="Still", until=tomorrow)
        Finding.objects.update(ignored_until=timezone.now() - timedelta(seconds=1))
        assert [each["state"] for each in reconcile().findings] == ["still"]

    @pytest.mark.parametrize(("reason", "days"), [(" ", 1), ("Because", -1)])
    def test_ignoring_needs_a_reason_and_a_day_ahead(self, zoho, reconcile, operator, reason, days):
        zoho.edit("billing_plans", KEY, recurring_price=1.0)
        reconcile()

        until = timezone.now() + timedelta(days=days)
        with pytest.raises(Refused):
            services.ignore(Finding.objects.all(), actor=operator, reason=reason, until=until)

        assert Finding.objects.get().state == FindingState.NEW


def test_a_package_published_after_the_repair_is_no_news(zoho, reconcile, mend, drain):
    zoho.delete("crm_products", crm(zoho)["id"])
    reconcile()
    mend()
    live_package(sku="LATER")
    drain()

    assert brief(reconcile()) == []
