"""Subscriptions billed at another price than the rule says, and rand at stake: findings from the mirror alone."""

import csv
import io
from datetime import timedelta
from decimal import Decimal

import pytest
from django.core import mail as outbox
from django.core.management import call_command
from django.urls import reverse
from django.utils import timezone

from pricing.models import SubscriptionPull
from reconciliation import reporting
from reconciliation.models import Finding, FindingState, ReconciliationReport, ReportState, Scope
from reconciliation.planning import deeds_for
from tests.factories import live_package
from tests.pricing.mirror.conftest import pulled, shop  # noqa: F401
from tests.pricing.subscriptions import mirrored
from tests.reconciliation.conftest import brief
from tests.reconciliation.test_drift import crm

pytestmark = pytest.mark.django_db
KEY = "HF-1_consumer_DFA"


@pytest.fixture
def package(zoho, drain):
    package = live_package(name="Home Fibre 100", sku="HF-1", regular_price="899.00")
    drain()
    return package


@pytest.fixture
def fresh_mirror(db):
    now = timezone.now()
    return SubscriptionPull.objects.create(
        started_at=now - timedelta(hours=2), listed_to_the_end=True, finished_at=now - timedelta(hours=1)
    )


def test_a_subscription_at_another_price_is_found_from_the_mirror_and_costs_no_call(
    package, fresh_mirror, zoho, reconcile
):
    mirrored(package, "899.00")
    odd = mirrored(package, "849.00", quantity=2)

    outcome = reconcile()

    assert brief(outcome) == [
        ("billing_subscription", "billed_price", odd.subscription_id, "price", "899.00", "849.00")
    ]
    assert (outcome.is_complete, outcome.calls, outcome.counts["at_stake"]) == (True, 4, "100.00")
    finding = Finding.objects.get()
    assert (finding.package, finding.remote_name, finding.at_stake) == (
        package,
        odd.number,
        Decimal("100.00"),
    )
    assert odd.customer_name not in str(outcome.findings)
    assert outcome.coverage[-1] == {
        "list": "Subscriptions", "ours": 2, "theirs": 2, "as_of": fresh_mirror.started_at.isoformat(),
    }  # fmt: skip
    # No sync mends a subscription: a person does, in Zoho Billing or with a price move.
    assert deeds_for(finding) == []


def test_what_a_pull_brings_in_is_compared_end_to_end(shop, reconcile):  # noqa: F811
    shop.join()
    odd = shop.join(price=Decimal("750.00"))
    pulled()

    found = brief(reconcile())

    assert found == [
        ("billing_subscription", "billed_price", odd.subscription_id, "price", "799.00", "750.00")
    ]


def test_it_is_resolved_when_the_mirror_says_so(package, fresh_mirror, reconcile):
    odd = mirrored(package, "849.00")
    reconcile()
    odd.price = Decimal("899.00")
    odd.save()

    reconcile(Scope.CRM)
    assert Finding.objects.get().state == FindingState.NEW
    reconcile(only=["HF-1"])
    assert Finding.objects.get().state == FindingState.RESOLVED


def test_a_stale_mirror_makes_this_part_incomplete_and_no_other(package, fresh_mirror, zoho, reconcile):
    odd = mirrored(package, "849.00")
    zoho.edit("crm_products", crm(zoho)["id"], Unit_Price=1.0)
    assert len(reconcile().findings) == 2
    odd.price = Decimal("899.00")
    odd.save()
    zoho.edit("crm_products", crm(zoho)["id"], Unit_Price=899.0)
    SubscriptionPull.objects.update(started_at=timezone.now() - timedelta(hours=31))

    outcome = reconcile()

    assert (outcome.is_complete, outcome.lists_are_complete) == (False, True)
    assert "Subscriptions: the mirror is from" in outcome.trouble
    assert dict(Finding.objects.values_list("kind", "state")) == {
        "billing_subscription": FindingState.NEW,
        "crm_product": FindingState.RESOLVED,
    }
    assert ReconciliationReport.objects.first().state == ReportState.INCOMPLETE


def test_where_nothing_was_ever_pulled_the_part_is_left_out_and_says_so(package, reconcile, capsys):
    outcome = reconcile()

    assert outcome.is_complete
    assert outcome.coverage[-1] == {"list": "Subscriptions", "ours": 0, "theirs": 0, "as_of": None}
    call_command("reconcile", "billing", "--dry-run")
    assert "0 in Zoho, never pulled" in capsys.readouterr().out


class TestAtStake:
    def test_a_wrong_price_costs_its_difference_for_each_who_subscribes(
        self, package, fresh_mirror, zoho, reconcile
    ):
        mirrored(package, "899.00", quantity=2)
        mirrored(package, "899.00", status="non_renewing")
        zoho.edit("crm_products", crm(zoho)["id"], Unit_Price=889.0, Description="Buy")
        zoho.edit("billing_plans", KEY, recurring_price=879.5)

        outcome = reconcile()

        assert {each["field"]: each["at_stake"] for each in outcome.findings} == {
            "Unit_Price": "30.00",
            "Description": None,
            "recurring_price": "58.50",
        }
        # The same customers in both systems: the larger counts.
        assert outcome.counts["at_stake"] == "58.50"

    def test_prices_without_vat_are_weighed_with_it(
        self, package, fresh_mirror, zoho, drain, reconcile, settings
    ):
        settings.ZOHO_PRICES_INCLUDE_VAT = False
        mirrored(package, "899.00")
        other = live_package(sku="HF-2", regular_price="115.00")
        drain()
        mirrored(other, "115.00")
        zoho.edit("billing_plans", "HF-2_consumer_DFA", recurring_price=90.0)

        outcome = reconcile(only=["HF-2"])

        assert [(each["ours"], each["at_stake"]) for each in outcome.findings] == [("100.00", "11.50")]

    def test_unknown_is_not_nothing(self, package, zoho, reconcile):
        zoho.edit("billing_plans", KEY, recurring_price=1.0)

        assert [each["at_stake"] for each in reconcile().findings] == [None]

    def test_a_typing_error_of_millions_is_told_and_breaks_nothing(
        self, package, fresh_mirror, zoho, reconcile
    ):
        mirrored(package, "899.00", quantity=10_000)
        zoho.edit("crm_products", crm(zoho)["id"], Unit_Price=9_999_999_999.0)

        assert reconcile().findings[0]["at_stake"] == "99999991000000.00"

    def test_lists_reports_files_and_mails_say_it(
        self,
        package,
        fresh_mirror,
        zoho,
        reconcile,
        as_role,
        settings,
    ):
        settings.RECONCILIATION_REPORT_RECIPIENTS = ["ops@example.com"]
        mirrored(package, "899.00")
        zoho.edit("billing_plans", KEY, recurring_price=879.5)
        report = reconcile()
        operator = as_role("Sync operator")

        listed = operator.get(reverse("admin:reconciliation_finding_changelist")).content.decode()
        page = reverse("admin:reconciliation_reconciliationreport_change", args=[report.pk])
        shown = operator.get(page).content.decode()
        address = f"/api/admin/reconciliation-reports/{report.pk}"
        told = operator.get(address).json()
        [row] = csv.DictReader(io.StringIO(operator.get(f"{address}.csv").getvalue().decode("utf-8-sig")))
        reporting.send_weekly()

        assert "R\u00a019,50 a month" in listed
        assert "R\u00a019,50 a month at stake" in shown
        assert f"as of {timezone.localtime(fresh_mirror.started_at):%-d %b %Y, %H:%M}" in shown
        assert (told["counts"]["at_stake"], told["findings"][0]["at_stake"]) == ("19.50", "19.50")
        assert row["at_stake"] == "19.50"
        [message] = outbox.outbox
        assert "R\u00a019,50 a month at stake.\n" in message.body
        assert "ours 899.00 (R\u00a019,50 a month at stake)" in message.body
        assert "<strong>R\u00a019,50</strong> a month at stake" in message.alternatives[0].content

    def test_a_report_from_before_it_was_known_is_still_read(self, package, zoho, reconcile, as_role):
        zoho.edit("billing_plans", KEY, recurring_price=1.0)
        report = reconcile()
        for each in report.findings:
            del each["at_stake"]
        report.save()

        told = as_role("Sync operator").get(f"/api/admin/reconciliation-reports/{report.pk}").json()
        assert told["findings"][0]["at_stake"] is None
