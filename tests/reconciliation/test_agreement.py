"""Nothing is reported that is not so."""

import json
from decimal import Decimal

import psycopg
import pytest
from django.core.management import call_command
from django.db import connection
from django.utils import timezone

from catalogue import demo
from catalogue.models import ServicePackage
from reconciliation.findings import write_verified
from reconciliation.models import Finding, ReconciliationReport, ReportState, Scope
from tests import hostile
from tests.factories import live_package
from tests.reconciliation.conftest import brief
from zoho_sync.models import Kind, ProductIntegration, SyncStatus
from zoho_sync.services import owe

pytestmark = pytest.mark.django_db


def test_the_sample_catalogue_freshly_synced_agrees_in_exactly_so_many_calls(zoho, drain, reconcile):
    demo.set_up(lambda _line: None)
    drain()

    outcome = reconcile()

    assert outcome.findings == []
    assert outcome.is_complete
    # 64 CRM products, 5 product lines, 64 plans and 71 one-time charges: one call for each list.
    assert outcome.calls == 4
    assert outcome.counts == {
        "findings": 0, "compared": 64 + 5 + 64 + 71, "owed": 0, "by_type": {}, "by_system": {}, "by_kind": {},
        "at_stake": "0.00", "new": 0, "still": 0, "resolved": 0, "ignored": 0,
    }  # fmt: skip
    report = ReconciliationReport.objects.get()
    assert (report.state, report.calls, report.trouble) == (ReportState.COMPLETE, 4, "")
    assert {each["list"]: (each["ours"], each["theirs"]) for each in report.coverage} == {
        "CRM products": (64, 64),
        "Billing products": (5, 5),
        "Billing plans": (64, 64),
        "Billing add-ons": (71, 71),
        "Subscriptions": (0, 0),
    }


def test_what_agrees_is_verified_and_what_differs_is_not(zoho, drain, reconcile):
    good, bad = live_package(sku="GOOD"), live_package(sku="BAD")
    drain()
    plan = next(plan for plan in zoho.records("billing_plans") if plan["plan_code"].startswith("BAD"))
    zoho.edit("billing_plans", plan["plan_id"], recurring_price=1.0)

    reconcile()

    verified = {
        (record.package_id, record.kind)
        for record in ProductIntegration.objects.exclude(verified_at=None)
        if record.verified_at >= record.last_synced_at
    }
    both = ("crm_product", "billing_product", "billing_plan")
    assert verified == {(good.pk, kind) for kind in both} | {(bad.pk, kind) for kind in both[:2]}


def test_only_what_was_compared_is_verified(zoho, drain, reconcile):
    asked, other = live_package(sku="ASKED"), live_package(sku="OTHER")
    drain()

    reconcile(Scope.CRM, only=["ASKED"])

    records = ProductIntegration.objects.exclude(verified_at=None)
    assert [(record.package_id, record.kind) for record in records] == [(asked.pk, "crm_product")]
    assert other.integrations.filter(verified_at=None).count() == 3


def test_a_run_that_could_not_read_everything_verifies_nothing(zoho, drain, reconcile):
    live_package()
    drain()
    zoho.fault(match={"path": "/billing/v1/plans*"}, action={"status": 500, "body": {"code": 1000}}, times=50)

    outcome = reconcile()

    assert not outcome.is_complete
    assert not ProductIntegration.objects.exclude(verified_at=None).exists()


def test_hundreds_of_packages_with_hostile_texts_agree(zoho, drain, reconcile):
    """`python -m bench hostile` does it with ten thousand."""
    hostile.make(200)
    for package in ServicePackage.objects.all():
        owe(package)
    drain()
    assert set(ProductIntegration.objects.values_list("status", flat=True)) == {SyncStatus.OK}

    outcome = reconcile()

    assert brief(outcome) == []
    assert outcome.counts["compared"] > 400


def test_where_zoho_adds_the_vat_amounts_agree_as_well(zoho, drain, reconcile, settings):
    settings.ZOHO_PRICES_INCLUDE_VAT = False
    live_package(regular_price="899.00", installation_fee=Decimal("0.01"))
    drain()

    assert brief(reconcile()) == []


def test_what_is_owed_is_no_finding(zoho, drain, reconcile):
    live_package()

    outcome = reconcile()

    assert brief(outcome) == []
    assert (outcome.counts["compared"], outcome.counts["owed"]) == (3, 3)
    assert outcome.is_complete


def test_more_than_two_thousand_products_cost_one_more_query(zoho, drain, reconcile, monkeypatch):
    monkeypatch.setattr("zoho_sync.crm.client.PER_QUERY", 20)
    for number in range(45):
        live_package(sku=f"N-{number}")
    drain()

    outcome = reconcile(Scope.CRM)

    assert brief(outcome) == []
    assert outcome.calls == 3


def test_where_coql_is_not_granted_the_list_is_read_and_coql_not_asked_for_again(zoho, drain, reconcile):
    live_package()
    drain()
    refusal = {
        "code": "OAUTH_SCOPE_MISMATCH",
        "details": {},
        "message": "invalid oauth scope",
        "status": "error",
    }
    zoho.fault(match={"path": "/crm/v8/coql"}, action={"status": 401, "body": refusal}, times=None)

    assert [reconcile(Scope.CRM).calls for _ in range(2)] == [2, 1]
    assert [brief(reconcile(Scope.CRM)), Finding.objects.count()] == [[], 0]


def test_only_some_packages_are_asked_for_by_key(zoho, drain, reconcile):
    package, other = live_package(sku="ONE"), live_package(sku="OTHER")
    drain()
    for plan in zoho.records("billing_plans"):
        zoho.edit("billing_plans", plan["plan_id"], recurring_price=1.0)

    outcome = reconcile(only=["ONE"])

    assert [(each["sku"], each["field"]) for each in outcome.findings] == [("ONE", "recurring_price")]
    # A query, the list of products, and the plan; it has no one-time charges.
    assert outcome.calls == 3
    assert ServicePackage.objects.count() == 2
    assert other.sku == "OTHER"
    assert package.sku == "ONE"


def test_the_command_writes_json_and_says_with_its_exit_code_how_it_stands(zoho, drain, tmp_path, capsys):
    live_package(sku="HF-1")
    drain()
    call_command("reconcile", "all")
    assert "Zoho agrees with the catalogue; 4 API calls." in capsys.readouterr().out
    [product] = zoho.records("crm_products")
    zoho.edit("crm_products", product["id"], Unit_Price=799.01, edited_by="Sipho Dube")

    with pytest.raises(SystemExit) as ended:
        call_command(
            "reconcile", "crm", "--json", str(tmp_path / "out.json"), "--csv", str(tmp_path / "o.csv")
        )

    assert ended.value.code == 1
    told = json.loads((tmp_path / "out.json").read_text())
    assert list(told) == ["complete", "counts", "calls", "findings"]
    assert (told["complete"], told["calls"], told["counts"]["by_type"]) == (True, 1, {"field_mismatch": 1})
    [finding] = told["findings"]
    expected = {
        "system": "crm", "kind": "crm_product", "type": "field_mismatch", "key": "HF-1_consumer_DFA",
        "field": "Unit_Price", "ours": "799.00", "theirs": 799.01, "changed_by": "Sipho Dube",
    }  # fmt: skip
    assert {name: finding[name] for name in expected} == expected
    assert finding["since"] is not None
    assert (
        (tmp_path / "o.csv").read_text().splitlines()[0].startswith("system,kind,type,key,field,ours,theirs")
    )


def test_a_dry_run_stores_nothing(zoho, drain, reconcile):
    live_package()
    drain()
    zoho.edit("crm_products", zoho.records("crm_products")[0]["id"], Unit_Price=1.0)

    outcome = reconcile(dry_run=True)

    assert len(outcome.findings) == 1
    assert (Finding.objects.count(), ReconciliationReport.objects.count()) == (0, 0)


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_what_somebody_holds_is_not_waited_for_when_agreement_is_written_down(zoho, drain):
    """A publish locks the rows of its package one by one: waiting for one of them, both would wait for ever."""
    package = live_package(sku="HELD-1")
    live_package(sku="FREE-1")
    drain()
    ProductIntegration.objects.update(verified_at=None)
    there = {name: connection.settings_dict[name.upper()] for name in ("host", "port", "user", "password")}
    with psycopg.connect(**there, dbname=connection.settings_dict["NAME"]) as another:
        another.execute(
            "SELECT 1 FROM product_integrations WHERE package_id = %s AND kind = 'billing_plan' FOR UPDATE",
            [package.pk],
        )
        with connection.cursor() as cursor:
            cursor.execute("SET lock_timeout = '2s'")

        marked = write_verified(Kind.values, [], at=timezone.now())

        another.rollback()
    held = ProductIntegration.objects.get(package=package, kind=Kind.BILLING_PLAN)
    assert held.verified_at is None
    assert marked == ProductIntegration.objects.exclude(verified_at=None).count()
    assert marked == ProductIntegration.objects.count() - 1
