from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from tests.factories import live_package
from zoho_sync import services, tasks
from zoho_sync.connection.http import ZohoHttp
from zoho_sync.crm.client import CrmClient
from zoho_sync.models import Kind, ProductIntegration, SyncStatus, System

pytestmark = pytest.mark.django_db


def run(*arguments, **options):
    out = StringIO()
    call_command(*arguments, stdout=out, **options)
    return out.getvalue()


def test_await_sync_prints_what_is_live_and_what_zoho_holds(zoho, drain):
    live_package()
    live_package()
    drain()

    lines = [" ".join(line.split()) for line in run("await_sync").splitlines()]

    assert "Packages live 2" in lines
    assert "CRM product 2 0 0 0" in lines
    assert "Billing product (2 packages) 1 0 0 0" in lines
    assert "Billing plan 2 0 0 0" in lines
    assert "Zoho Billing 4 0" in lines


def test_await_sync_fails_with_the_reasons_when_something_needs_a_person(zoho, drain):
    package = live_package()
    drain()
    ProductIntegration.objects.filter(package=package, kind=Kind.BILLING_PLAN).update(
        status=SyncStatus.DEAD, last_sync_error="Zoho Billing: a value is invalid."
    )

    with pytest.raises(CommandError, match="1 × Zoho Billing: a value is invalid"):
        run("await_sync")


def test_await_sync_does_not_wait_for_what_waits_for_a_dead_record(zoho, drain):
    zoho.fault(
        match={"method": "POST", "path": "/billing/v1/products"},
        action={"status": 400, "body": {"code": 2, "message": "no"}},
    )
    live_package()
    drain()

    with pytest.raises(CommandError, match="1 wait for a record above that needs a person"):
        run("await_sync")


def test_await_sync_gives_up_with_a_reason_when_nothing_moves(zoho):
    live_package()

    with pytest.raises(CommandError, match="is a worker running"):
        run("await_sync", patience=0)


def test_zoho_fields_checks_then_shows_then_creates_and_then_has_nothing_to_do(sandbox, zoho_settings):
    with pytest.raises(CommandError, match="lacks fields"):
        run("zoho_fields", "check")
    assert "Nothing was changed" in run("zoho_fields", "create")
    fields = {field["api_name"] for field in sandbox.records("crm_fields")}
    assert "ct_Package_Key" not in fields

    assert "now has every field" in run("zoho_fields", "create", yes=True)

    [key] = [field for field in sandbox.records("crm_fields") if field["api_name"] == "ct_Package_Key"]
    assert key["unique"]
    before = sandbox.state()["calls"]["crm"]["total"]
    assert "has every field" in run("zoho_fields", "create", yes=True)
    assert sandbox.state()["calls"]["crm"]["total"] == before + 1


def test_zoho_fields_marks_an_existing_key_unique(sandbox, zoho_settings):
    by_hand = {"field_label": "ct Package Key", "data_type": "text", "length": 255}
    CrmClient(ZohoHttp(System.CRM)).create_fields([by_hand])

    with pytest.raises(CommandError):
        run("zoho_fields", "check")
    run("zoho_fields", "create", yes=True)

    [key] = [field for field in sandbox.records("crm_fields") if field["api_name"] == "ct_Package_Key"]
    assert key["unique"]


@pytest.mark.parametrize(
    ("edition", "words"),
    [
        (
            "free",
            "37 custom fields are missing in Products, which has 1 and may have 0 in the edition free: 38",
        ),
        ("standard", "which has 1 and may have 10 in the edition standard: 28 too many"),
    ],
)
@pytest.mark.parametrize("yes", [False, True])
def test_zoho_fields_refuses_what_the_edition_cannot_hold_before_it_makes_any(
    sandbox, zoho_settings, edition, words, yes
):
    CrmClient(ZohoHttp(System.CRM)).create_fields([{"field_label": "Theirs", "data_type": "text"}])
    sandbox.set(crm_edition=edition)
    before = sandbox.state()["last_request"]

    with pytest.raises(CommandError) as refused:
        run("zoho_fields", "create", yes=yes)

    assert words in str(refused.value)
    assert {request["method"] for request in sandbox.requests(before, "crm")} == {"GET"}
    assert [field for field in sandbox.records("crm_fields") if field["api_name"].startswith("ct_")] == []


def test_zoho_fields_refuses_when_two_other_fields_are_unique(sandbox, zoho_settings):
    unique = {"data_type": "text", "unique": {"case_sensitive": False}}
    CrmClient(ZohoHttp(System.CRM)).create_fields(
        [{"field_label": "Serial", **unique}, {"field_label": "Barcode", **unique}]
    )

    with pytest.raises(
        CommandError, match=r"may have 2 unique fields and Products has 2 \(Serial, Barcode\)"
    ):
        run("zoho_fields", "create", yes=True)

    assert [field for field in sandbox.records("crm_fields") if field["api_name"].startswith("ct_")] == []


@pytest.mark.parametrize("edition", ["professional", "Enterprise", "something new"])
def test_zoho_fields_makes_what_the_edition_holds_or_may_hold(sandbox, zoho_settings, edition):
    sandbox.set(crm_edition=edition)

    assert "now has every field" in run("zoho_fields", "create", yes=True)


def test_zoho_fields_says_which_setting_is_missing(settings):
    settings.ZOHO_API_URL = ""

    with pytest.raises(CommandError, match="ZOHO_API_URL"):
        run("zoho_fields", "check")


def test_the_sweep_asks_for_a_drain_only_of_systems_that_are_owed_something(zoho, drain, monkeypatch):
    asked = []
    monkeypatch.setattr("zoho_sync.tasks.services.nudge", lambda system, **_: asked.append(system))
    tasks.sweep()
    assert asked == []
    live_package()
    drain(System.CRM)

    tasks.sweep()

    assert asked == [System.BILLING]


def test_a_drain_that_had_to_wait_comes_back_by_itself(zoho, settings, monkeypatch):
    asked = []
    monkeypatch.setattr(
        "zoho_sync.tasks.services.nudge", lambda system, seconds=1: asked.append((system, seconds))
    )
    settings.ZOHO_BILLING_CALLS_PER_MINUTE = 2
    settings.ZOHO_BILLING_CONCURRENCY = 1
    monkeypatch.setattr("zoho_sync.connection.limits.PATIENCE_SECONDS", 0)
    live_package()

    tasks.drain_system("billing")

    [(system, seconds)] = asked
    assert (system, 50 < seconds <= 62) == (System.BILLING, True)
    assert ProductIntegration.objects.get(kind=Kind.BILLING_PLAN).retry_count == 0


def test_what_failed_is_tried_again_when_its_time_has_come_not_with_the_next_sweep(
    zoho, settings, monkeypatch
):
    settings.ZOHO_BILLING_CONCURRENCY = 1
    live_package()
    asked = []
    monkeypatch.setattr(
        "zoho_sync.tasks.services.nudge", lambda system, seconds=1: asked.append((system, seconds))
    )
    zoho.fault(match={"method": "POST", "path": "/billing/v1/plans"}, action={"status": 500, "body": ""})

    tasks.drain_system("billing")

    plan = ProductIntegration.objects.get(kind=Kind.BILLING_PLAN)
    assert (plan.status, plan.retry_count) == (SyncStatus.FAILED, 1)
    [(system, seconds)] = asked
    left = (plan.next_retry_at - timezone.now()).total_seconds()
    assert (system, left < seconds < left + 2) == (System.BILLING, True)


def test_a_drain_put_off_holds_no_nudge_up(zoho, sent_tasks):
    asked = [services.nudge(System.CRM, seconds=seconds) for seconds in (60, 60, 1, 1, 30)]

    assert asked == [True, False, True, False, True]
    assert sent_tasks == [
        ("zoho_sync.tasks.drain_system", ("crm", False), seconds) for seconds in (60, 1, 30)
    ]
    assert services.nudge(System.BILLING, seconds=1) is True
