"""The first page of the day: its numbers, where they lead, and what each reader may see of it."""

import json
import re
from datetime import UTC, date, datetime, timedelta

import pytest
import time_machine
from django.db.models import F
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from django_celery_beat.models import PeriodicTask

from catalogue import services
from circletel.core.models import Job
from pricing import services as services_of_prices
from pricing.models import PriceChange
from reconciliation.models import Finding, ReconciliationReport
from tests.factories import approved_product, draft_product, live_package, ms_naidoo, person
from tests.pricing.people import PUBLISHED, drafted, mr_daniels, published
from zoho_sync.connection.breaker import Breaker
from zoho_sync.connection.errors import ServerTrouble
from zoho_sync.models import (
    Alert,
    AlertDelivery,
    AlertRule,
    DailyFigures,
    Kind,
    ProductIntegration,
    SyncStatus,
    System,
    ZohoSyncLog,
)

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("redis_flushed")]
HOME = reverse("admin:index")


def reader(*roles):
    client = Client()
    client.force_login(person(f"some.{'-'.join(roles) or 'body'}".replace(" ", "").lower(), *roles))
    return client


def home(*roles):
    response = reader(*roles).get(HOME)
    assert response.status_code == 200
    return response.context["home"]


def numbers(figures):
    return {figure.words: figure.number for figure in figures}


def acknowledge(rows):
    """As if Zoho had taken them."""
    rows.update(remote_id="42", synced_hash=F("desired_hash"), status=SyncStatus.OK, next_retry_at=None)


def log_call(path, **values):
    ZohoSyncLog.objects.create(system="crm", method="POST", path=path, duration_ms=12, **values)


def test_the_catalogue_is_counted_by_what_it_waits_for():
    draft_product()
    services.submit(draft_product().pk, actor=ms_naidoo())
    approved_product()
    live_package()
    live_package()

    page = home("Product manager")

    assert numbers(page["products"]) == {
        "Waiting for approval": 1,
        "Drafts": 1,
        "Approved, not yet published": 1,
    }
    assert page["packages"].number == 2
    assert page["import_url"] == reverse("admin:catalogue_product_import_products")


def test_each_system_is_counted_by_state():
    package = live_package(hardware={"model": "Router", "included": True})
    rows = ProductIntegration.objects.filter(package=package)
    acknowledge(rows.filter(kind=Kind.CRM_PRODUCT))
    rows.filter(kind=Kind.BILLING_PRODUCT).update(status=SyncStatus.DEAD, next_retry_at=None)
    rows.filter(kind=Kind.BILLING_PLAN).update(status=SyncStatus.FAILED)

    response = reader("Sync operator").get(HOME)
    page = response.context["home"]

    assert {system.name: numbers(system.figures) for system in page["zoho"]} == {
        "Zoho CRM": {"In step": 1, "Owed": 0, "Failed, will be retried": 0, "Needs a person": 0},
        "Zoho Billing": {"In step": 0, "Owed": 1, "Failed, will be retried": 1, "Needs a person": 1},
    }
    assert not page["is_in_step"]
    oldest = rows.filter(status__in=(SyncStatus.PENDING, SyncStatus.FAILED)).order_by("owed_since", "pk")[0]
    assert page["oldest_owed"]["id"] == str(oldest.pk)
    assert f'href="{reverse("admin:zoho_sync_productintegration_change", args=[oldest.pk])}"' in (
        response.content.decode()
    )


def test_every_number_is_the_length_of_the_list_it_leads_to():
    services.submit(draft_product().pk, actor=ms_naidoo())
    approved_product()
    live_package()
    client = reader("Product manager", "Sync operator")
    page = client.get(HOME).context["home"]
    figures = [page["packages"], *page["products"], *(f for system in page["zoho"] for f in system.figures)]

    lengths = {figure.url: client.get(figure.url).context["cl"].result_count for figure in figures}

    assert lengths == {figure.url: figure.number for figure in figures}
    assert (
        sum(figure.number for figure in figures) == 6
    )  # one waits, one approved, one on sale, its three records


def test_in_step_says_so():
    live_package()
    acknowledge(ProductIntegration.objects.all())

    response = reader("Sync operator").get(HOME)

    assert "Everything that is published is in step with Zoho." in response.content.decode()
    assert "No call to Zoho has failed." in response.content.decode()


def test_a_system_at_rest_says_why(settings):
    trouble = ServerTrouble("Zoho Billing answered 503.")
    breaker = Breaker(System.BILLING)
    for _ in range(20):
        breaker.failed(trouble)

    rests = {system.name: system.rest for system in home("Sync operator")["zoho"]}

    assert rests["Zoho CRM"] == "Calls go through."
    assert re.fullmatch(r"Resting for \d+ s: .*503.*", rests["Zoho Billing"])


def test_without_redis_the_page_says_that_it_does_not_know(settings):
    settings.REDIS_URL = "redis://127.0.0.1:1/0"

    rests = {system.rest for system in home("Sync operator")["zoho"]}

    assert rests == {"Not known whether calls go through: Redis does not answer."}


def test_the_last_failing_calls_lead_to_what_was_said():
    for number in range(7):
        log_call(f"/crm/v8/{number}", error_class="RateLimited", error="Too many")
    log_call("/crm/v8/fine")

    calls = home("Sync operator")["failing_calls"]

    assert [(call["method"], call["path"]) for call in calls] == [
        ("POST", f"/crm/v8/{number}") for number in (6, 5, 4, 3, 2)
    ]


def test_whoever_has_no_rights_sees_no_number():
    live_package()

    response = reader().get(HOME)

    assert response.context["home"] == {}
    assert "You have not been given any rights here yet." in response.content.decode()


def test_an_approver_sees_no_calls_and_cannot_import():
    page = home("Approver")

    assert "failing_calls" not in page
    assert page["import_url"] == page["add_url"] == ""


def test_the_page_takes_the_same_few_queries_however_much_there_is(django_assert_max_num_queries):
    client = reader("Product manager", "Sync operator")
    for _ in range(5):
        live_package()

    with django_assert_max_num_queries(9):
        client.get(HOME)


@pytest.mark.parametrize(
    "name",
    ["auth_user", "auth_group", "django_celery_beat_periodictask", "django_celery_beat_crontabschedule"],
)
def test_pages_of_other_apps_open(name, admin_client):
    assert admin_client.get(reverse(f"admin:{name}_changelist")).status_code == 200
    assert admin_client.get(reverse(f"admin:{name}_add")).status_code == 200


def test_jobs_are_shown_and_a_late_one_is_red(schedule_just_made):
    now = timezone.now()
    # As if the schedule had just been installed, however long the tests have been running.
    PeriodicTask.objects.update(date_changed=now)
    for name, days in (("sweep", 0), ("retention", 3)):
        at = now - timedelta(days=days)
        Job.objects.create(kind=f"zoho_sync.tasks.{name}", started_at=at, finished_at=at, state="done")

    response = reader("Sync operator").get(HOME)

    first, *rest = response.context["home"]["jobs"]
    assert (first.name, first.is_late) == ("Log retention", True)
    assert not next(job for job in rest if job.name.startswith("Sweep")).needs_a_look
    assert response.content.decode().count("data-missed") == 1


def test_calls_and_credits_of_a_day_are_counted(settings):
    settings.ZOHO_CRM_CREDITS_PER_DAY, settings.ZOHO_BILLING_CALLS_PER_DAY = 5000, 3
    log_call("/upsert", records=100)
    log_call("/upsert", records=11)
    log_call("/fields")
    for _ in range(4):
        ZohoSyncLog.objects.create(system="billing", method="PUT", path="/x", duration_ms=1)
    old = ZohoSyncLog.objects.create(system="billing", method="PUT", path="/old", duration_ms=1)
    ZohoSyncLog.objects.filter(pk=old.pk).update(at=timezone.now() - timedelta(hours=25))

    usage = home("Sync operator")["usage"]

    assert [(one.system.label, one.used, one.unit, one.left, one.tone) for one in usage] == [
        ("Zoho CRM", 13, "credits", 4987, ""),
        ("Zoho Billing", 4, "calls", 0, "trouble"),
    ]


def test_the_trend_goes_back_thirty_days():
    today = timezone.localdate()
    for days in (0, 29, 30):
        DailyFigures.objects.create(
            day=today - timedelta(days=days), system="crm", in_step=100 + days, owed=1, failed=2, dead=3
        )

    response = reader("Sync operator").get(HOME)

    [trend] = response.context["home"]["trends"]
    data = json.loads(trend["data"])
    assert [(one["label"], one["data"]) for one in data["datasets"]] == [
        ("Owed", [1, 1]),
        ("Failed", [2, 2]),
        ("Needs a person", [3, 3]),
        ("In step (right scale)", [129, 100]),
    ]
    assert 'class="chart"' in response.content.decode()


def test_open_alerts_and_channels_that_fail_are_shown():
    rule = AlertRule.objects.get(trigger="breaker_open")
    now = timezone.now()
    alert = Alert.objects.create(
        rule=rule, cause="crm", title="Calls to Zoho CRM rest", path="/", opened_at=now, last_seen_at=now
    )
    AlertDelivery.objects.create(
        key="k",
        channel="slack",
        subject="S",
        body="B",
        state="failed",
        next_try_at=now,
        last_error="the webhook answered 500",
    )

    response = reader("Sync operator").get(HOME)
    page = response.context["home"]

    assert [(one["title"], one["state"]) for one in page["alerts"]] == [("Calls to Zoho CRM rest", "open")]
    address = reverse("admin:zoho_sync_alert_change", args=[alert.pk])
    assert f'href="{address}">Calls to Zoho CRM rest</a>' in response.content.decode()
    assert page["failing_channels"] == ["Slack does not take messages: the webhook answered 500"]
    assert "alerts" not in home("Product manager")


# --- prices and the last comparison


def test_open_price_changes_tell_their_days_to_go_and_lead_to_the_list():
    with time_machine.travel(PUBLISHED, tick=False) as clock:
        days = (date(2027, 7, 6), date(2027, 5, 4), date(2027, 5, 1), date(2027, 5, 3), date(2027, 5, 2))
        far, near, late, today, held = (published(live_package(), effective_date=day) for day in days)
        PriceChange.objects.filter(pk=held.pk).update(problem="The package was archived")
        draft = drafted(live_package(), effective_date=date(2027, 9, 1))
        services_of_prices.cancel_price_change(
            published(live_package()).pk, reason="A mistake", actor=mr_daniels()
        )
        clock.move_to(datetime(2027, 5, 3, 6, 0, tzinfo=UTC))
        client = reader("Sync operator")

        page = client.get(HOME).context["home"]

        assert [(str(one["id"]), one["when"], one["tone"]) for one in page["changes"]] == [
            (str(late.pk), "2 days overdue", "red"),
            (str(held.pk), "held: The package was archived", "red"),
            (str(today.pk), "today", ""),
            (str(near.pk), "1 day to go", ""),
            (str(far.pk), "64 days to go", ""),
            (str(draft.pk), "draft, not published yet", ""),
        ]
        assert page["changes"][0]["move"] == "R\u00a0799,00 → R\u00a0899,00"
        assert page["changes_number"] == 6 == client.get(page["changes_url"]).context["cl"].result_count


def test_the_last_comparison_and_its_open_findings_lead_to_their_lists():
    earlier = ReconciliationReport.objects.create(
        state="complete", started_at=timezone.now() - timedelta(days=1)
    )
    last = ReconciliationReport.objects.create(
        state="alarm", trouble="A third of the plans vanished", scope="billing"
    )
    for number, state in enumerate(("new", "still", "still", "resolved", "ignored")):
        Finding.objects.create(
            system="crm",
            kind=Kind.CRM_PRODUCT,
            type="missing_in_zoho",
            key=f"K-{number}",
            state=state,
            first_report=earlier,
            resolved_at=timezone.now() if state == "resolved" else None,
            ignore_reason="It may stay",
            ignored_until=timezone.now(),
        )
    client = reader("Sync operator")

    response = client.get(HOME)
    page = response.context["home"]

    seen = page["comparison"]
    assert (seen["scope"], seen["state"], seen["tone"], seen["trouble"]) == (
        "Zoho Billing",
        "Stopped with an alarm",
        "trouble",
        "A third of the plans vanished",
    )
    address = reverse("admin:reconciliation_reconciliationreport_change", args=[last.pk])
    assert f'href="{address}">Zoho Billing, ' in response.content.decode()
    assert (page["findings_number"], page["findings_new"]) == (3, 1)
    assert client.get(page["findings_url"]).context["cl"].result_count == 3


def test_before_the_first_comparison_the_page_says_so():
    assert "The catalogue was never compared with Zoho." in reader("Sync operator").get(HOME).content.decode()


def test_who_may_not_see_prices_or_findings_does_not():
    drafted(live_package())

    page = home("Product manager")

    assert not {"changes", "comparison", "findings_number"} & page.keys()
