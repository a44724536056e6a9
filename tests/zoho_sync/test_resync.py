"""Sending one package again: what differs, or everything; once for a double click, ahead of the rest."""

import base64
from decimal import Decimal

import pytest
from django.db.models import F
from django.test import Client
from django.urls import reverse

from circletel.core.errors import NotAllowed, NotReady
from circletel.core.models import AuditEntry
from tests.factories import live_package, ms_naidoo, person
from zoho_sync import claims, services
from zoho_sync.models import Kind, ProductIntegration, Resync, SyncStatus, System
from zoho_sync.operating.resync import resync_package

pytestmark = [pytest.mark.django_db]
CONFIRMED = {"_form_submitted": "True"}
STATUS = reverse("integration-status")


def operator():
    return person("lerato.mokoena", "Sync operator")


def rows(package):
    return {Kind(row.kind): row for row in ProductIntegration.objects.filter(package=package)}


def in_step(records):
    """As if Zoho had taken them."""
    records.update(remote_id="42", synced_hash=F("desired_hash"), status=SyncStatus.OK, next_retry_at=None)


def written(zoho):
    return [(one["method"], one["path"]) for one in zoho.requests() if one["method"] in ("POST", "PUT")]


def test_without_force_nothing_is_sent_when_nothing_differs(zoho, drain):
    package = live_package()
    drain()
    before = zoho.state()["calls"]

    wish = resync_package(package.pk, System.BILLING, actor=operator())
    drain()

    assert (wish.outcomes, wish.finished_at is not None) == ({}, True)
    assert zoho.state()["calls"] == before
    entry = AuditEntry.objects.get(action="re-sync billing")
    assert (entry.actor_name, entry.detail) == ("Lerato Mokoena", "Nothing differed, so nothing was sent.")


def test_with_force_everything_of_that_system_is_sent_and_says_what_became_of_it(zoho, drain):
    package = live_package(regular_price="899.00")
    drain()
    [plan], [crm] = zoho.records("billing_plans"), zoho.records("crm_products")
    zoho.edit("billing_plans", plan["plan_id"], recurring_price=1.0, status="inactive")
    zoho.edit("crm_products", crm["id"], Unit_Price=1.0)

    wish = resync_package(package.pk, System.BILLING, actor=operator(), force=True, reason="Edited in Zoho")
    drain()

    [plan] = zoho.records("billing_plans")
    assert (plan["recurring_price"], plan["status"]) == (899.0, "active")
    assert zoho.records("crm_products")[0]["Unit_Price"] == 1.0
    wish.refresh_from_db()
    assert wish.outcomes == {"billing_product": "in step", "billing_plan": "in step"}
    assert {(row.status, row.priority, row.resync_id) for row in rows(package).values()} == {("ok", 0, None)}
    asked, told = AuditEntry.objects.filter(action__contains="re-sync").order_by("at")
    assert (asked.action, asked.detail) == ("force re-sync billing", "Edited in Zoho")
    assert (told.action, told.actor_name) == ("re-sync billing result", "Lerato Mokoena")
    assert told.detail == "Billing product: in step; Billing plan: in step"


def test_force_reaches_crm_too(zoho, drain):
    package = live_package(regular_price="899.00", description="")
    drain()
    [crm] = zoho.records("crm_products")
    zoho.edit("crm_products", crm["id"], Unit_Price=1.0, Description="Typed in by hand")

    resync_package(package.pk, System.CRM, actor=operator(), force=True, reason="Edited in Zoho")
    drain()

    [crm] = zoho.records("crm_products")
    assert crm["Unit_Price"] == 899.0
    assert not crm.get("Description")


def test_a_double_click_sends_once(zoho, drain):
    package = live_package()
    drain()

    first = resync_package(package.pk, System.BILLING, actor=operator(), force=True, reason="Why not")
    second = resync_package(package.pk, System.BILLING, actor=operator(), force=True, reason="Why not")
    drain()
    third = resync_package(package.pk, System.BILLING, actor=operator(), force=True, reason="Why not")
    drain()

    assert first == second == third
    assert AuditEntry.objects.filter(action="force re-sync billing").count() == 1
    assert [method for method, _path in written(zoho)].count("PUT") == 2  # the product and the plan


def test_a_wish_without_force_while_one_with_force_is_going_on_is_the_same(zoho, drain):
    package = live_package()
    drain()

    first = resync_package(package.pk, System.BILLING, actor=operator(), force=True, reason="Why not")
    second = resync_package(package.pk, System.BILLING, actor=operator())
    drain()

    assert first == second
    assert Resync.objects.get().outcomes == {"billing_product": "in step", "billing_plan": "in step"}


def test_a_wish_with_force_takes_over_from_one_without(zoho, drain):
    package = live_package()

    first = resync_package(package.pk, System.BILLING, actor=operator())
    second = resync_package(package.pk, System.BILLING, actor=operator(), force=True, reason="Why not")

    first.refresh_from_db()
    assert first.finished_at is not None
    assert set(first.outcomes.values()) == {"left to a later wish"}
    drain()
    second.refresh_from_db()
    assert set(second.outcomes.values()) == {"in step"}


def test_a_wish_is_done_although_the_package_changes_and_changes_back_meanwhile(zoho, drain):
    package = live_package()
    drain()
    [plan] = zoho.records("billing_plans")
    zoho.edit("billing_plans", plan["plan_id"], recurring_price=1.0)
    wish = resync_package(package.pk, System.BILLING, actor=operator(), force=True, reason="Edited in Zoho")

    services.owe(package)
    drain()

    wish.refresh_from_db()
    assert wish.outcomes == {"billing_product": "in step", "billing_plan": "in step"}
    assert zoho.records("billing_plans")[0]["recurring_price"] == 799.0


def test_a_wish_for_what_is_not_wanted_any_more_ends(zoho):
    package = live_package(installation_fee=Decimal("450.00"))
    wish = resync_package(package.pk, System.BILLING, actor=operator())

    package.installation_fee = None
    package.save()
    services.owe(package)

    wish.refresh_from_db()
    assert wish.outcomes["billing_installation"] == "not wanted any more"
    assert Kind.BILLING_INSTALLATION not in rows(package)


def test_force_needs_a_reason_and_the_right(db, redis_flushed):
    package = live_package()

    with pytest.raises(NotReady, match="reason"):
        resync_package(package.pk, System.CRM, actor=operator(), force=True, reason="  ")
    with pytest.raises(NotAllowed):
        resync_package(package.pk, System.CRM, actor=ms_naidoo())

    assert not Resync.objects.exists()


def test_what_somebody_waits_for_goes_before_what_has_waited_longer(db, redis_flushed):
    live_package()
    wanted = live_package()

    resync_package(wanted.pk, System.CRM, actor=operator())

    assert claims.claim([Kind.CRM_PRODUCT], 1)[0].row.package == wanted


def test_a_wish_made_while_its_record_is_on_the_way_is_still_done(zoho, drain):
    package = live_package()
    drain()
    ProductIntegration.objects.filter(package=package, kind=Kind.CRM_PRODUCT).update(
        status=SyncStatus.PENDING, next_retry_at=package.published_at
    )
    [held] = claims.claim([Kind.CRM_PRODUCT], 1)
    resync_package(package.pk, System.CRM, actor=operator(), force=True, reason="Look again")

    claims.report_done(held, held.row.acknowledged_payload, held.row.remote_id)

    row = rows(package)[Kind.CRM_PRODUCT]
    assert (row.status, row.resync is None) == (SyncStatus.PENDING, False)
    drain()
    assert rows(package)[Kind.CRM_PRODUCT].resync is None


def test_a_wish_that_fails_says_why_and_keeps_its_force_for_the_next_try(zoho, drain):
    package = live_package()
    drain()
    zoho.fault(
        match={"method": "PUT", "path": "/billing/v1/plans/*"},
        action={"status": 400, "body": {"code": 2, "message": "Invalid value passed for unit"}},
        times=1,
    )

    wish = resync_package(package.pk, System.BILLING, actor=operator(), force=True, reason="Look")
    drain()

    wish.refresh_from_db()
    assert wish.outcomes["billing_plan"].startswith("Needs a person: Zoho Billing: a value is invalid.")
    row = rows(package)[Kind.BILLING_PLAN]
    assert (row.cause, row.priority, row.resync) == ("billing:InvalidField:unit", 0, wish)
    assert row.failing_since is not None


# --- doors


def client_of(*roles):
    client = Client()
    client.force_login(person(f"some.{'-'.join(roles)}".replace(" ", "").lower(), *roles))
    return client


@pytest.mark.parametrize("model", ["product", "servicepackage"])
def test_buttons_on_product_and_package_send_again(model, db, redis_flushed):
    package = live_package()
    ProductIntegration.objects.update(status=SyncStatus.DEAD, next_retry_at=None)
    pk = package.pk if model == "servicepackage" else package.source_admin_product_id
    url = reverse(f"admin:catalogue_{model}_resync_billing_one", args=[pk])

    response = client_of("Sync operator").post(url, CONFIRMED)

    assert response["Location"] == reverse(f"admin:catalogue_{model}_change", args=[pk])
    assert {kind: row.status for kind, row in rows(package).items()} == {
        Kind.CRM_PRODUCT: SyncStatus.DEAD,
        Kind.BILLING_PRODUCT: SyncStatus.PENDING,
        Kind.BILLING_PLAN: SyncStatus.PENDING,
    }


def test_force_without_a_reason_is_sent_back_by_the_dialog(db, redis_flushed):
    package = live_package()
    url = reverse("admin:catalogue_servicepackage_resync_crm_one", args=[package.pk])

    response = client_of("Sync operator").post(url, {**CONFIRMED, "force": "on", "reason": ""})

    assert "Say why everything is to be sent" in response.content.decode()
    assert not Resync.objects.exists()


def test_a_selection_is_sent_again(db, redis_flushed):
    packages = [live_package(), live_package()]
    ProductIntegration.objects.update(status=SyncStatus.DEAD, next_retry_at=None)
    chosen = [package.source_admin_product_id for package in packages]

    response = client_of("Sync operator", "Product manager").post(
        reverse("admin:catalogue_product_changelist"),
        {"action": "resync_crm_selected", "_selected_action": chosen},
        follow=True,
    )

    assert [str(one) for one in response.context["messages"]] == ["2 records on the way to Zoho CRM."]
    assert Resync.objects.count() == 2


@pytest.mark.parametrize("model", ["product", "servicepackage"])
@pytest.mark.parametrize("system", ["crm", "billing"])
def test_a_selection_is_sent_with_force_once_a_reason_is_given(model, system, db, redis_flushed):
    packages = [live_package(), live_package()]
    live_package()
    in_step(ProductIntegration.objects.all())
    chosen = [one.pk if model == "servicepackage" else one.source_admin_product_id for one in packages]
    url = reverse(f"admin:catalogue_{model}_changelist")
    client = client_of("Sync operator", "Product manager")
    asked = {"action": f"force_{system}_selected", "_selected_action": [str(pk) for pk in chosen]}

    page = client.post(url, asked)
    empty = client.post(url, {**asked, "_form_submitted": "1", "reason": "  "})
    assert not Resync.objects.exists()
    again = {**asked, "_form_submitted": "1", "reason": "Edited by hand in Zoho"}
    client.post(url, again)
    client.post(url, again)

    assert (page.context["number"], page.context["selected"]) == (2, asked["_selected_action"])
    assert "Say why everything is to be sent" in empty.content.decode()
    wishes = Resync.objects.all()
    assert {(wish.package_id, wish.system, wish.force, wish.reason) for wish in wishes} == {
        (package.pk, system, True, "Edited by hand in Zoho") for package in packages
    }
    assert len(wishes) == 2
    owed = ProductIntegration.objects.filter(status=SyncStatus.PENDING)
    assert {Kind(row.kind).system for row in owed} == {System(system)}
    assert {row.package_id for row in owed} == {package.pk for package in packages}


@pytest.mark.parametrize("model", ["product", "servicepackage"])
def test_row_page_and_selection_offer_both_systems(model, db, redis_flushed):
    package = live_package()
    pk = package.pk if model == "servicepackage" else package.source_admin_product_id
    client = client_of("Sync operator", "Product manager")

    listed = client.get(reverse(f"admin:catalogue_{model}_changelist")).content.decode()
    page = client.get(reverse(f"admin:catalogue_{model}_change", args=[pk])).content.decode()

    for system in ("crm", "billing"):
        one = reverse(f"admin:catalogue_{model}_resync_{system}_one", args=[pk])
        assert one in listed
        assert one in page
        for deed in ("resync", "force"):
            assert f'value="{deed}_{system}_selected"' in listed


def test_whoever_may_not_sees_no_button_and_is_refused(db, redis_flushed):
    package = live_package()
    url = reverse("admin:catalogue_servicepackage_resync_crm_one", args=[package.pk])

    assert client_of("Publisher").post(url, CONFIRMED).status_code == 403
    assert not Resync.objects.exists()


def test_the_page_of_a_package_tells_its_way(zoho, drain):
    package = live_package(name="Home Fibre 100")
    drain(System.CRM)

    page = client_of("Sync operator").get(reverse("admin:catalogue_servicepackage_change", args=[package.pk]))

    steps = {step.name: step for step in _steps(package)}
    assert [(name, bool(step.at), step.who) for name, step in steps.items()] == [
        ("Approved", True, "Pieter Botha"),
        ("Published", True, "Pieter Botha"),
        ("Owed to Zoho", True, ""),
        ("In Zoho CRM", True, ""),
        ("In Zoho Billing", False, ""),
        ("Verified in Zoho", False, ""),
    ]
    assert "hx-get" in page.context["panel"]
    assert 'data-step="In Zoho Billing"' in page.content.decode()


def _steps(package):
    from zoho_sync.operating.timeline import timeline_of

    package.refresh_from_db()
    return timeline_of(package, list(package.integrations.all()))


# --- REST


def basic(user):
    user.set_password("correct horse")
    user.save()
    token = base64.b64encode(f"{user.username}:correct horse".encode()).decode()
    return {"HTTP_AUTHORIZATION": f"Basic {token}"}


def test_rest_sends_again_for_an_operator(db, redis_flushed):
    package = live_package()
    url = reverse("product-sync-crm", args=[package.source_admin_product_id])
    assert url == f"/api/admin/products/{package.source_admin_product_id}/sync-crm"
    who = basic(operator())

    refused = Client().post(f"{url}?force=true", **who)
    done = Client().post(f"{url}?force=true", {"reason": "Check"}, content_type="application/json", **who)

    assert (refused.status_code, refused["Content-Type"]) == (422, "application/problem+json")
    assert refused.json()["reasons"] == ["reason: say why everything is to be sent although it is in step"]
    assert done.status_code == 202
    [wish] = done.json()
    assert (wish["package"], wish["system"], wish["force"], wish["outcomes"]) == (
        str(package.pk),
        "crm",
        True,
        {"crm_product": "waits"},
    )


@pytest.mark.parametrize(("query", "names"), [("?force=maybe", ["force"]), ("?forse=true", ["forse"])])
def test_rest_refuses_what_it_does_not_understand(db, redis_flushed, query, names):
    package = live_package()
    url = reverse("product-sync-billing", args=[package.source_admin_product_id])

    response = Client().post(url + query, **basic(operator()))

    assert response.status_code == 400
    assert [error["parameter"] for error in response.json()["errors"]] == names
    assert not Resync.objects.exists()


def test_rest_is_for_staff_who_may(db, redis_flushed):
    package = live_package()
    url = reverse("product-sync-crm", args=[package.source_admin_product_id])

    assert Client().post(url).status_code == 401
    assert Client().get(STATUS).status_code == 401
    assert Client().post(url, **basic(ms_naidoo())).status_code == 403
    unknown = reverse("product-sync-crm", args=["6a1f5c1e-0f3c-4c55-9d8a-2f6f0a0c9b11"])
    assert Client().post(unknown, **basic(operator())).status_code == 404


def test_rest_tells_how_each_record_stands(db, redis_flushed, django_assert_max_num_queries):
    package = live_package(sku="HF-1")
    live_package(sku="OTHER")
    row = rows(package)[Kind.BILLING_PLAN]
    row.status, row.next_retry_at, row.retry_count = SyncStatus.DEAD, None, 8
    row.last_sync_error, row.sync_error_details = "A value is invalid", {"class": "InvalidField", "code": "2"}
    row.save()
    client = client_of("Sync operator")

    with django_assert_max_num_queries(6):
        page = client.get(STATUS).json()
    [dead] = client.get(STATUS, {"system": "billing", "status": "dead,failed", "search": "hf-1"}).json()[
        "results"
    ]

    assert page["count"] == 6
    assert (dead["id"], dead["sku"], dead["is_in_step"], dead["retry_count"], dead["next_retry_at"]) == (
        str(row.pk),
        "HF-1",
        False,
        8,
        None,
    )
    assert dead["error"]["class"] == "InvalidField"
    assert client.get(STATUS, {"search": "A value is"}).json()["count"] == 1
    assert client.get(STATUS, {"page_size": 1, "page": 2}).json()["previous"] is not None
    wrong = client.get(STATUS, {"status": "broken", "sistem": "crm"})
    assert (wrong.status_code, {error["parameter"] for error in wrong.json()["errors"]}) == (
        400,
        {"status", "sistem"},
    )
