"""The pages of the sync: what is owed and why, every call, and sending again."""

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from circletel.core.models import AuditEntry
from tests.factories import live_package, person
from zoho_sync.models import Kind, ProductIntegration, SyncStatus, ZohoSyncLog

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("redis_flushed")]
RECORDS = reverse("admin:zoho_sync_productintegration_changelist")
CALLS = reverse("admin:zoho_sync_zohosynclog_changelist")
CONFIRMED = {"_form_submitted": "True"}
WORDS = "Zoho Billing: a plan of this name exists already."


@pytest.fixture
def operator():
    return reader("Sync operator")


@pytest.fixture
def dead():
    """A plan that needs a person, beside records that are only owed."""
    package = live_package(sku="HF-100")
    record = ProductIntegration.objects.get(package=package, kind=Kind.BILLING_PLAN)
    record.status, record.next_retry_at, record.retry_count = SyncStatus.DEAD, None, 3
    record.last_sync_error, record.sync_error_details = WORDS, {"class": "DuplicateRecord", "code": "1001"}
    record.save()
    return record


def reader(*roles):
    client = Client()
    client.force_login(person(f"some.{'-'.join(roles) or 'body'}".replace(" ", "").lower(), *roles))
    return client


def page_of(record):
    return reverse("admin:zoho_sync_productintegration_change", args=[record.pk])


def send_again_url(record):
    return reverse("admin:zoho_sync_productintegration_send_again_one", args=[record.pk])


def listed(response):
    return {row.kind for row in response.context["cl"].result_list}


def state_of(record):
    return ProductIntegration.objects.values_list("status", "retry_count").get(pk=record.pk)


def test_the_list_is_narrowed_by_state_system_error_and_text(operator, dead):
    every = {Kind.CRM_PRODUCT, Kind.BILLING_PRODUCT, Kind.BILLING_PLAN}

    assert listed(operator.get(RECORDS)) == every
    assert listed(operator.get(RECORDS, {"status__exact": "dead"})) == {Kind.BILLING_PLAN}
    assert listed(operator.get(RECORDS, {"system": "crm"})) == {Kind.CRM_PRODUCT}
    assert listed(operator.get(RECORDS, {"system": "billing"})) == every - {Kind.CRM_PRODUCT}
    assert listed(operator.get(RECORDS, {"error": "DuplicateRecord"})) == {Kind.BILLING_PLAN}
    assert listed(operator.get(RECORDS, {"q": "of this name"})) == {Kind.BILLING_PLAN}
    assert listed(operator.get(RECORDS, {"q": "HF-100_consumer"})) == every - {Kind.BILLING_PRODUCT}


def test_a_record_shows_its_error_in_words_and_in_detail(operator, dead):
    text = operator.get(page_of(dead)).content.decode()

    assert WORDS in text
    assert "&quot;code&quot;: &quot;1001&quot;" in text
    assert "Nothing yet" in text


def test_a_dead_record_is_sent_again_from_its_page(operator, dead):
    response = operator.post(send_again_url(dead), CONFIRMED)

    assert response["Location"] == page_of(dead)
    assert state_of(dead) == (SyncStatus.PENDING, 0)
    entry = AuditEntry.objects.get(action="resync")
    assert (entry.actor_email, entry.changes) == (
        "some.syncoperator@example.com",
        {"status": ["dead", "pending"]},
    )


def test_a_selection_is_sent_again_and_what_is_in_step_stays(operator, dead):
    crm = ProductIntegration.objects.get(kind=Kind.CRM_PRODUCT)
    crm.status, crm.remote_id, crm.synced_hash, crm.next_retry_at = "ok", "42", crm.desired_hash, None
    crm.save()

    response = operator.post(
        RECORDS, {"action": "send_again_selected", "_selected_action": [dead.pk, crm.pk]}, follow=True
    )

    assert [str(message) for message in response.context["messages"]] == [
        "1 record will be sent again at once."
    ]
    assert state_of(dead) == (SyncStatus.PENDING, 0)
    assert state_of(crm) == (SyncStatus.OK, 0)


def test_opening_the_dialog_sends_nothing(operator, dead):
    operator.get(send_again_url(dead))

    assert state_of(dead) == (SyncStatus.DEAD, 3)


@pytest.mark.parametrize("role", ["Product manager", "Approver", "Publisher", "Auditor"])
def test_others_see_records_and_cannot_send_them(role, dead):
    client = reader(role)

    assert client.get(page_of(dead)).status_code == 200
    assert client.post(send_again_url(dead), CONFIRMED).status_code == 403
    client.post(RECORDS, {"action": "send_again_selected", "_selected_action": [dead.pk]})

    assert state_of(dead) == (SyncStatus.DEAD, 3)
    assert not AuditEntry.objects.filter(action="resync").exists()


def test_whoever_has_no_role_sees_nothing(dead):
    client = reader()

    assert [client.get(url).status_code for url in (RECORDS, page_of(dead), CALLS)] == [403, 403, 403]


def test_records_and_calls_cannot_be_edited_added_or_deleted(admin_client, dead):
    call = log_call()
    for model, row in (("productintegration", dead), ("zohosynclog", call)):
        change = reverse(f"admin:zoho_sync_{model}_change", args=[row.pk])
        assert admin_client.get(reverse(f"admin:zoho_sync_{model}_add")).status_code == 403
        assert admin_client.post(change, {"status": "ok"}).status_code == 403
        assert (
            admin_client.post(
                reverse(f"admin:zoho_sync_{model}_delete", args=[row.pk]), {"post": "yes"}
            ).status_code
            == 403
        )

    assert state_of(dead) == (SyncStatus.DEAD, 3)
    assert ZohoSyncLog.objects.filter(pk=call.pk).exists()


def test_a_call_is_found_by_its_package_and_shows_both_sides(operator, dead):
    call = log_call(packages=[dead.package_id], request={"plan_code": "HF-100"}, response={"code": 1001})
    log_call()

    response = operator.get(CALLS, {"q": str(dead.package_id)})

    assert [found.pk for found in response.context["cl"].result_list] == [call.pk]
    text = operator.get(reverse("admin:zoho_sync_zohosynclog_change", args=[call.pk])).content.decode()
    assert "&quot;plan_code&quot;: &quot;HF-100&quot;" in text
    assert "&quot;code&quot;: 1001" in text


def test_both_lists_take_the_same_queries_whatever_their_length(operator, django_assert_max_num_queries):
    for _ in range(4):
        live_package()
        log_call()

    with django_assert_max_num_queries(7):
        operator.get(RECORDS)
    with django_assert_max_num_queries(11):
        operator.get(CALLS)


def log_call(**values):
    return ZohoSyncLog.objects.create(
        at=timezone.now(),
        system="billing",
        method="POST",
        path="/billing/v1/plans",
        duration_ms=12,
        http_status=400,
        error_class="DuplicateRecord",
        **values,
    )
