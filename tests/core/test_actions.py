"""What every action has in common, whichever it is: refusals are told and written down once, and stop no other."""

import uuid

import pytest
from django.contrib import admin
from django.contrib.auth.models import User
from django.urls import reverse

from circletel.core.actions import Action
from circletel.core.models import AuditEntry
from reconciliation.models import Finding, Repair
from tests.catalogue.admin.conftest import as_role, texts  # noqa: F401
from tests.factories import draft_product

pytestmark = pytest.mark.django_db
CONFIRMED = {"_form_submitted": "True"}


def declared() -> list[tuple[str, Action]]:
    """Every action of the admin, with the page that shows it."""
    return [
        (label, one)
        for model, page in admin.site._registry.items()
        for label, found in [(model._meta.label_lower, (*getattr(page, "object_actions", ()), *getattr(page, "list_actions", ())))]
        for one in found
        if isinstance(one, Action)
    ]  # fmt: skip


def test_each_action_is_of_the_page_that_shows_it():
    assert [(label, one.name) for label, one in declared() if one.model._meta.label_lower != label] == []
    names = [(label, one.name) for label, one in declared()]
    assert len(names) == len(set(names))


def test_a_record_that_is_gone_is_said(as_role):  # noqa: F811
    address = reverse("admin:catalogue_product_submit_one", args=[uuid.uuid4()])

    response = as_role("Product manager").post(address, CONFIRMED, follow=True)

    assert texts(response) == ["This product does not exist any more."]
    assert response.redirect_chain[-1][0] == reverse("admin:catalogue_product_changelist")


def test_a_refusal_about_the_whole_list_is_written_down_with_the_person(as_role, sandbox):  # noqa: F811
    address = reverse("admin:reconciliation_reconciliationreport_run_now")

    response = as_role("Sync operator").post(
        address, {**CONFIRMED, "scope": "all", "only": "NO-SUCH-SKU"}, follow=True
    )

    entry = AuditEntry.objects.get(result="refused")
    assert (entry.action, entry.target_type, entry.target_id) == (
        "run now",
        "user",
        str(User.objects.get(username="some.syncoperator").pk),
    )
    assert texts(response) == [entry.detail]


def test_a_selection_that_is_done_as_one_is_refused_as_one(as_role):  # noqa: F811
    findings = [
        Finding.objects.create(system="crm", kind="crm_product", type="missing_here", key=key) for key in "ab"
    ]
    asked = {"action": "link_selected", "_selected_action": [str(one.pk) for one in findings]}

    response = as_role("Sync operator").post(
        reverse("admin:reconciliation_finding_changelist"), asked, follow=True
    )

    assert len(texts(response)) == 2
    assert AuditEntry.objects.filter(result="refused", action="link").count() == 1
    assert not Repair.objects.exists()


def test_an_action_is_not_done_over_rest_for_a_record_that_is_not_there(as_role):  # noqa: F811
    client = as_role("Product manager")
    here = draft_product()

    assert (
        client.post(f"/api/admin/products/{here.pk}/submit", content_type="application/json").status_code
        == 200
    )
    answer = client.post(f"/api/admin/products/{uuid.uuid4()}/submit", content_type="application/json")

    assert (answer.status_code, answer.json()["detail"]) == (404, "There is no such product.")
