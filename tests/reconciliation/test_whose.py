"""Whose hand it was: of the field that differs, not of the record as somebody touched it last."""

from datetime import datetime

import pytest
from django.urls import reverse

from circletel.core.models import AuditEntry
from reconciliation import tasks
from reconciliation.models import Finding, FindingState, ReconciliationReport
from reconciliation.whose import can_be_asked
from tests.factories import live_package
from tests.reconciliation.conftest import brief
from tests.reconciliation.test_drift import crm
from zoho_sync.models import ZohoSyncLog

pytestmark = pytest.mark.django_db
KEY, OTHER = "HF-1_consumer_DFA", "HF-2_consumer_DFA"


@pytest.fixture
def in_step(zoho, drain):
    """Four packages in Zoho."""
    for number in range(1, 5):
        live_package(sku=f"HF-{number}", regular_price="899.00")
    drain()


@pytest.fixture
def two_hands(zoho, in_step):
    """Sipho Dube changed a price, and Lerato Khumalo something that is not ours. Returns when the price changed."""
    changed = zoho.edit("crm_products", crm(zoho)["id"], Unit_Price=1.0, edited_by="Sipho Dube")
    zoho.edit("crm_products", crm(zoho)["id"], Manufacturer="Reyee", edited_by="Lerato Khumalo")
    return datetime.fromisoformat(changed["Modified_Time"])


def histories_read():
    return ZohoSyncLog.objects.filter(path__regex="__timeline|/deleted").count()


@pytest.mark.usefixtures("in_step")
class TestTheNightlyRun:
    def test_names_who_changed_the_field_and_when(self, two_hands):
        tasks.run_nightly()

        finding = Finding.objects.get()
        assert (finding.changed_by, finding.since) == ("Sipho Dube", two_hands)
        report = ReconciliationReport.objects.get()
        assert [(each["changed_by"], each["field"]) for each in report.findings] == [
            ("Sipho Dube", "Unit_Price")
        ]
        assert report.calls == 4 + 1

    def test_asks_once_for_a_record_and_once_for_all_that_were_deleted(self, zoho):
        zoho.edit("crm_products", crm(zoho)["id"], Unit_Price=1.0, edited_by="Sipho Dube")
        zoho.edit("crm_products", crm(zoho)["id"], Product_Active=False, edited_by="Lerato Khumalo")
        for number in (2, 3):
            id = crm(zoho, f"HF-{number}_consumer_DFA")["id"]
            zoho.delete("crm_products", id, edited_by=f"Hand {number}")

        tasks.run_nightly()

        told = dict(Finding.objects.values_list("key", "changed_by").exclude(key=KEY))
        assert told == {OTHER: "Hand 2", "HF-3_consumer_DFA": "Hand 3"}
        assert dict(Finding.objects.filter(key=KEY).values_list("field", "changed_by")) == {
            "Unit_Price": "Sipho Dube",
            "Product_Active": "Lerato Khumalo",
        }
        assert Finding.objects.filter(since=None).count() == 0
        assert histories_read() == 2

    def test_asks_nothing_when_nothing_is_new(self, two_hands):
        tasks.run_nightly()
        tasks.run_nightly()

        finding = Finding.objects.get()
        assert (finding.state, finding.changed_by, finding.since) == (
            FindingState.STILL,
            "Sipho Dube",
            two_hands,
        )
        assert histories_read() == 1

    def test_spends_no_more_than_it_may(self, zoho, monkeypatch):
        monkeypatch.setattr("reconciliation.tasks.WHO_CALLS", 1)
        for key in (KEY, OTHER):
            zoho.edit("crm_products", crm(zoho, key)["id"], Unit_Price=1.0, edited_by="Sipho Dube")

        tasks.run_nightly()

        assert histories_read() == 1
        assert list(Finding.objects.values_list("changed_by", flat=True)) == ["Sipho Dube"] * 2

    def test_is_complete_although_nobody_tells(self, zoho, two_hands):
        zoho.fault(
            match={"path": f"/crm/v8/Products/{crm(zoho)['id']}/__timeline"},
            action={"status": 401, "body": {"code": "OAUTH_SCOPE_MISMATCH", "status": "error"}},
            times=None,
        )

        tasks.run_nightly()

        assert ReconciliationReport.objects.get().is_complete
        assert Finding.objects.get().changed_by == "Lerato Khumalo"


def test_a_run_by_hand_reads_the_lists_and_no_history(two_hands, reconcile):
    outcome = reconcile()

    assert outcome.calls == 4
    assert [each["changed_by"] for each in outcome.findings] == ["Lerato Khumalo"]


def test_a_later_touch_of_the_record_is_not_who_did_it_but_another_value_is(zoho, in_step, reconcile):
    zoho.edit("crm_products", crm(zoho)["id"], Unit_Price=1.0, edited_by="Sipho Dube")
    reconcile()
    zoho.edit("crm_products", crm(zoho)["id"], Manufacturer="Reyee", edited_by="Lerato Khumalo")
    [still] = reconcile().findings
    zoho.edit("crm_products", crm(zoho)["id"], Unit_Price=2.0, edited_by="Anele Zulu")
    [again] = reconcile().findings

    assert (still["theirs"], still["changed_by"]) == (1.0, "Sipho Dube")
    assert (again["theirs"], again["changed_by"]) == (2.0, "Anele Zulu")


class TestOnAFinding:
    def test_a_person_asks_who_did_it(self, zoho, in_step, two_hands, reconcile, as_role):
        zoho.clock(hours=2)
        zoho.edit("crm_products", crm(zoho)["id"], Manufacturer="Tozed", edited_by="Anele Zulu")
        reconcile()
        finding = Finding.objects.get()
        assert (finding.changed_by, finding.since > two_hands) == ("Anele Zulu", True)
        operator = as_role("Sync operator")
        url = reverse("admin:reconciliation_finding_who_one", args=[finding.pk])
        assert url in operator.get(_page(finding)).content.decode()

        operator.post(url, {"_form_submitted": "True"})

        finding.refresh_from_db()
        assert (finding.changed_by, finding.since) == ("Sipho Dube", two_hands)
        assert AuditEntry.objects.filter(action="finding looked up").count() == 1
        assert histories_read() == 1

    def test_billing_tells_nobody_so_nobody_is_asked(self, zoho, in_step, reconcile, as_role):
        zoho.edit("billing_plans", KEY, recurring_price=1.0)
        assert [each[0] for each in brief(reconcile())] == ["billing_plan"]
        finding = Finding.objects.get()

        assert not can_be_asked(finding)
        url = reverse("admin:reconciliation_finding_who_one", args=[finding.pk])
        assert url not in as_role("Sync operator").get(_page(finding)).content.decode()


def _page(finding):
    return reverse("admin:reconciliation_finding_change", args=[finding.pk])
