"""Who is told what, once, over which channel, and how it is answered."""

import threading
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from zoneinfo import ZoneInfo

import pytest
import time_machine
from django.core import mail
from django.db import connection
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from circletel.core.errors import NotAllowed, NotReady, WrongStatus
from circletel.core.models import AuditEntry, Job
from tests.factories import live_package, ms_naidoo, person
from tests.zoho_sync.crowd import crowd
from zoho_sync import tasks
from zoho_sync.connection.breaker import Breaker
from zoho_sync.connection.errors import ServerTrouble
from zoho_sync.models import Kind, ProductIntegration, SyncStatus, System, ZohoSyncLog
from zoho_sync.operating import alerts, outbox
from zoho_sync.operating.models import Alert, AlertDelivery, AlertRule, Trigger

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("redis_flushed")]
NOON = datetime(2026, 7, 22, 10, 0, tzinfo=UTC)  # 12:00 in South Africa, a Wednesday
SOUTH_AFRICA = ZoneInfo("Africa/Johannesburg")


@pytest.fixture(autouse=True)
def channels(settings):
    settings.ALERT_EMAILS = ["ops@example.com"]
    settings.CIRCLETEL_BASE_URL = "https://catalogue.example"
    # Only the rule under test shall speak.
    AlertRule.objects.update(is_enabled=False, quiet_from=None, quiet_to=None)


@pytest.fixture
def slack(settings):
    """A webhook on this machine. `slack.answers` are taken first, then 200."""

    class Hook(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            code = server.answers.pop(0) if server.answers else 200
            server.bodies.append(body) if code == 200 else None
            self.send_response(code)
            self.end_headers()

        def log_message(self, *_):
            pass

    server = HTTPServer(("127.0.0.1", 0), Hook)
    server.answers, server.bodies = [], []
    threading.Thread(target=server.serve_forever, daemon=True).start()
    settings.SLACK_WEBHOOK_URL = f"http://127.0.0.1:{server.server_port}/services/T0/B0/top-secret"
    yield server
    server.shutdown()


def rule(trigger, **values):
    AlertRule.objects.filter(trigger=trigger).update(is_enabled=True, **values)
    return AlertRule.objects.get(trigger=trigger)


def operator():
    return person("lerato.mokoena", "Sync operator")


def fail(number, cause="billing:InvalidField:unit"):
    """`number` records that failed once just now, of one cause."""
    template = live_package()
    row = ProductIntegration.objects.get(package=template, kind=Kind.BILLING_PLAN)
    ProductIntegration.objects.filter(pk=row.pk).update(
        status=SyncStatus.DEAD,
        next_retry_at=None,
        cause=cause,
        retry_count=number,
        last_retry_at=timezone.now(),
    )
    return row


def subjects():
    return [message.subject for message in mail.outbox]


def test_the_defaults_are_there():
    assert dict(AlertRule.objects.values_list("trigger", "channel")) == {
        "repeated_failure": "email",
        "rate_limited": "slack",
        "not_authorised": "slack",
        "breaker_open": "slack",
        "job_missed": "slack",
        "dead_growing": "slack",
        "billing_unproven": "email",
        "price_notices": "email",
        "weekly_summary": "email",
    }
    assert AlertRule.objects.get(trigger="repeated_failure").threshold == 3


@pytest.mark.parametrize(("failures", "told"), [(3, 0), (4, 1), (1000, 1)])
def test_more_than_three_failures_of_one_cause_are_one_message(failures, told):
    rule(Trigger.REPEATED_FAILURE)
    with time_machine.travel(NOON, tick=False):
        fail(failures)
        for _ in range(3):
            tasks.watch()

    assert len(mail.outbox) == told
    if told:
        [message] = mail.outbox
        assert message.subject == f"{failures} failures of one cause: billing:InvalidField:unit"
        assert message.to == ["ops@example.com"]
        assert (
            "https://catalogue.example/admin/zoho_sync/productintegration/retry-queue/group/" in message.body
        )
        assert f"/admin/zoho_sync/alert/{Alert.objects.get().pk}/change/" in message.body


def test_a_thousand_records_of_one_cause_are_one_message_in_few_queries(django_assert_max_num_queries):
    rule(Trigger.REPEATED_FAILURE)
    row = fail(1)
    crowd(row, 1000, last_retry_at=timezone.now(), retry_count=1)

    with django_assert_max_num_queries(32):
        alerts.watch()
    outbox.send_due()

    assert len(mail.outbox) == 1


def test_open_is_told_daily_and_its_end_with_how_long_it_lasted():
    rule(Trigger.REPEATED_FAILURE)
    with time_machine.travel(NOON, tick=False) as clock:
        row = fail(5)
        tasks.watch()
        for hours in (23, 2, 5):
            clock.shift(timedelta(hours=hours))
            tasks.watch()
        clock.shift(timedelta(hours=20))
        tasks.watch()
        ProductIntegration.objects.filter(pk=row.pk).update(
            status=SyncStatus.PENDING, next_retry_at=timezone.now()
        )
        tasks.watch()
        tasks.watch()

    title = "5 failures of one cause: billing:InvalidField:unit"
    assert subjects() == [
        title,
        f"Open for 1 day: {title}",
        f"Open for 2 days: {title}",
        f"Over after 2 days, 2 hours: {title}",
    ]
    assert Alert.objects.get().state == "resolved"


def test_acknowledged_is_quiet_until_it_is_over():
    rule(Trigger.REPEATED_FAILURE)
    with time_machine.travel(NOON, tick=False) as clock:
        row = fail(5)
        tasks.watch()
        alert = alerts.acknowledge(Alert.objects.get().pk, actor=operator())
        clock.shift(timedelta(days=3))
        tasks.watch()
        assert len(mail.outbox) == 1
        ProductIntegration.objects.filter(pk=row.pk).update(status=SyncStatus.GIVEN_UP)
        tasks.watch()

    assert len(mail.outbox) == 2
    alert.refresh_from_db()
    assert (alert.state, alert.acknowledged_by) == ("resolved", operator())
    assert AuditEntry.objects.get(action="acknowledge").changes == {"state": ["open", "acknowledged"]}
    with pytest.raises(WrongStatus):
        alerts.snooze(alert.pk, actor=operator(), hours=1)


def test_snoozed_is_told_again_afterwards():
    rule(Trigger.REPEATED_FAILURE)
    with time_machine.travel(NOON, tick=False) as clock:
        fail(5)
        tasks.watch()
        alerts.snooze(Alert.objects.get().pk, actor=operator(), hours=30)
        clock.shift(timedelta(hours=29))
        tasks.watch()
        assert len(mail.outbox) == 1
        clock.shift(timedelta(hours=2))
        tasks.watch()
        tasks.watch()

    # Awake again, and then a day and more open: the daily message of the first day comes along once.
    assert [subject.split(":")[0] for subject in subjects()[1:]] == ["Still there", "Open for 1 day"]
    assert Alert.objects.get().state == "open"


def test_answering_takes_the_right_and_sense():
    rule(Trigger.REPEATED_FAILURE)
    fail(5)
    alerts.watch()
    alert = Alert.objects.get()

    with pytest.raises(NotAllowed):
        alerts.acknowledge(alert.pk, actor=ms_naidoo())
    with pytest.raises(NotReady):
        alerts.snooze(alert.pk, actor=operator(), hours=0)

    assert Alert.objects.get().state == "open"


def test_quiet_hours_hold_a_message_back_and_lose_none():
    night = {"quiet_from": "21:00", "quiet_to": "06:00"}
    rule(Trigger.REPEATED_FAILURE, **night)
    with time_machine.travel(datetime(2026, 7, 22, 23, 30, tzinfo=SOUTH_AFRICA), tick=False) as clock:
        fail(5)
        tasks.watch()
        assert mail.outbox == []
        clock.move_to(datetime(2026, 7, 23, 5, 59, tzinfo=SOUTH_AFRICA))
        tasks.watch()
        assert mail.outbox == []
        clock.move_to(datetime(2026, 7, 23, 6, 0, tzinfo=SOUTH_AFRICA))
        tasks.watch()

    assert len(mail.outbox) == 1


@pytest.mark.parametrize(
    ("quiet", "now", "then"),
    [
        (("21:00", "06:00"), "20:59", "20:59"),
        (("21:00", "06:00"), "21:00", "06:00"),
        (("21:00", "06:00"), "03:00", "06:00"),
        (("12:00", "13:00"), "12:30", "13:00"),
        (("12:00", "13:00"), "13:00", "13:00"),
        ((None, None), "03:00", "03:00"),
    ],
)
def test_the_end_of_quiet_hours(quiet, now, then):
    one = rule(Trigger.REPEATED_FAILURE, quiet_from=quiet[0], quiet_to=quiet[1])
    hour, minute = map(int, now.split(":"))
    instant = datetime(2026, 7, 22, hour, minute, tzinfo=SOUTH_AFRICA)

    found = outbox.after_quiet_hours(one, instant)

    assert f"{timezone.localtime(found):%H:%M}" == then
    assert timedelta(0) <= found - instant < timedelta(days=1)


def call(system="billing", error_class="", at=None):
    one = ZohoSyncLog.objects.create(
        system=system, method="POST", path="/x", duration_ms=1, error_class=error_class
    )
    ZohoSyncLog.objects.filter(pk=one.pk).update(at=at or timezone.now())


@pytest.mark.parametrize(
    ("trigger", "error_class", "title"),
    [
        (Trigger.RATE_LIMITED, "RateLimited", "Zoho Billing limits our calls"),
        (Trigger.NOT_AUTHORISED, "NotAuthorised", "Zoho Billing refuses the connection"),
        (Trigger.NOT_AUTHORISED, "Misconfigured", "Zoho Billing refuses the connection"),
    ],
)
def test_limits_and_refusals_go_to_slack_at_once_and_once(slack, trigger, error_class, title):
    rule(trigger)
    with time_machine.travel(NOON, tick=False) as clock:
        for _ in range(50):
            call(error_class=error_class)
        call()
        tasks.watch()
        tasks.watch()
        assert [title in body for body in slack.bodies] == [True]
        clock.shift(timedelta(minutes=16))
        tasks.watch()

    assert len(slack.bodies) == 2
    assert "Over after 16 minutes" in slack.bodies[1]


def test_a_refusal_lasts_until_a_call_went_through(slack):
    rule(Trigger.NOT_AUTHORISED)
    with time_machine.travel(NOON, tick=False) as clock:
        call(error_class="NotAuthorised")
        tasks.watch()
        clock.shift(timedelta(hours=2))
        tasks.watch()
        assert Alert.objects.get().state == "open"
        call()
        tasks.watch()

    assert Alert.objects.get().state == "resolved"


def test_an_open_breaker_is_told_once(slack):
    rule(Trigger.BREAKER_OPEN)
    for _ in range(5):
        Breaker(System.CRM).failed(ServerTrouble("Zoho CRM answered 503."))

    tasks.watch()
    tasks.watch()
    Breaker(System.CRM).reset()
    tasks.watch()

    assert ["Calls to Zoho CRM rest" in body for body in slack.bodies] == [True, True]
    assert "503" in slack.bodies[0]


def test_without_redis_nothing_is_concluded(slack, settings):
    rule(Trigger.BREAKER_OPEN)
    for _ in range(5):
        Breaker(System.CRM).failed(ServerTrouble("down"))
    alerts.watch()
    settings.REDIS_URL = "redis://127.0.0.1:1/0"

    alerts.watch()

    assert Alert.objects.get().state == "open"


def test_more_dead_letters_are_told(slack):
    rule(Trigger.DEAD_GROWING)
    row = fail(1)
    crowd(row, 10, last_retry_at=timezone.now())

    tasks.watch()

    [body] = slack.bodies
    assert "11 more records need a person within 1 hour" in body


def test_a_missed_job_is_told(slack):
    rule(Trigger.JOB_MISSED)
    with time_machine.travel(NOON, tick=False):
        Job.objects.create(
            kind="zoho_sync.tasks.retention",
            started_at=NOON - timedelta(days=3),
            finished_at=NOON - timedelta(days=3),
            state="done",
        )
        alerts.watch()

    assert "Log retention" in Alert.objects.values_list("cause", flat=True)


# --- the outbox


def test_a_channel_that_fails_is_tried_again_and_says_no_secret(slack):
    rule(Trigger.BREAKER_OPEN)
    for _ in range(5):
        Breaker(System.CRM).failed(ServerTrouble("down"))
    slack.answers = [500, 404]
    with time_machine.travel(NOON, tick=False) as clock:
        tasks.watch()
        message = AlertDelivery.objects.get()
        assert (message.state, message.attempts, message.last_error) == (
            "failed",
            1,
            "the webhook answered 500",
        )
        tasks.watch()
        assert AlertDelivery.objects.get().attempts == 1
        clock.shift(timedelta(minutes=2))
        tasks.watch()
        clock.shift(timedelta(minutes=3))
        tasks.watch()

    message.refresh_from_db()
    assert (message.state, message.attempts, message.last_error, len(slack.bodies)) == ("sent", 3, "", 1)


def test_a_channel_without_address_says_which_setting(settings):
    settings.SLACK_WEBHOOK_URL = ""
    alerts.send_test(rule(Trigger.BREAKER_OPEN).pk, actor=operator())

    outbox.send_due()

    assert AlertDelivery.objects.get().last_error == "SLACK_WEBHOOK_URL is not set."


def test_one_message_that_fails_does_not_stop_the_next(slack, settings):
    settings.ALERT_EMAILS = []
    alerts.send_test(rule(Trigger.REPEATED_FAILURE).pk, actor=operator())
    alerts.send_test(rule(Trigger.BREAKER_OPEN).pk, actor=operator())

    assert outbox.send_due() == "1 sent, 1 failed"

    assert len(slack.bodies) == 1


def test_a_message_whose_sender_died_is_taken_up_when_its_lease_ends_with_the_same_id():
    one = rule(Trigger.REPEATED_FAILURE)
    with time_machine.travel(NOON, tick=False) as clock:
        outbox.tell(one, "k", "Subject", "Body", now=timezone.now())
        held = outbox._taken(timezone.now())
        assert outbox.send_due() == "0 sent, 0 failed"
        clock.shift(timedelta(minutes=5))
        outbox.send_due()

    [message] = mail.outbox
    assert message.extra_headers["Message-ID"] == f"<{held.pk}@alerts.circletel>"
    assert AlertDelivery.objects.get().state == "sent"


def test_the_same_is_never_told_twice():
    one = rule(Trigger.REPEATED_FAILURE)

    told = [outbox.tell(one, "k", "Subject", "Body", now=timezone.now()) for _ in range(3)]
    outbox.send_due()
    outbox.send_due()

    assert told == [True, False, False]
    assert len(mail.outbox) == 1


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_two_senders_at_once_send_a_message_once():
    one = rule(Trigger.REPEATED_FAILURE)
    for number in range(20):
        outbox.tell(one, f"k{number}", f"Subject {number}", "Body", now=timezone.now())

    def send():
        try:
            outbox.send_due()
        finally:
            connection.close()

    senders = [threading.Thread(target=send) for _ in range(4)]
    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join()

    assert sorted(subjects()) == sorted(f"Subject {number}" for number in range(20))


def test_the_week_is_told_once():
    rule(Trigger.WEEKLY_SUMMARY)
    fail(5)
    with time_machine.travel(datetime(2026, 7, 20, 7, 0, tzinfo=SOUTH_AFRICA), tick=False):
        tasks.weekly_summary()
        tasks.weekly_summary()
        outbox.send_due()

    [message] = mail.outbox
    assert message.subject == "The week in Zoho, 2026-W30"
    assert "Zoho Billing: 0 in step, 1 owed, 0 failed, 1 need a person" in message.body
    assert "1 × billing:InvalidField:unit" in message.body


# --- the pages


def client_of(*roles):
    client = Client()
    client.force_login(person(f"some.{'-'.join(roles)}".replace(" ", "").lower(), *roles))
    return client


def test_an_operator_answers_from_the_page_of_the_alert():
    rule(Trigger.REPEATED_FAILURE)
    fail(5)
    alerts.watch()
    alert = Alert.objects.get()
    client = client_of("Sync operator")
    client.get(reverse("admin:zoho_sync_alert_acknowledge_one", args=[alert.pk]))
    assert Alert.objects.get().state == "open"

    client.post(
        reverse("admin:zoho_sync_alert_snooze_one", args=[alert.pk]),
        {"_form_submitted": "True", "hours": "8"},
    )
    assert Alert.objects.get().state == "snoozed"
    client.post(
        reverse("admin:zoho_sync_alert_acknowledge_one", args=[alert.pk]), {"_form_submitted": "True"}
    )

    assert Alert.objects.get().state == "acknowledged"
    assert client.get(reverse("admin:zoho_sync_alert_change", args=[alert.pk])).status_code == 200
    assert client.get(reverse("admin:zoho_sync_alertdelivery_changelist")).status_code == 200


def test_a_rule_is_changed_tested_and_audited():
    one = rule(Trigger.REPEATED_FAILURE)
    client = client_of("Sync operator")
    url = reverse("admin:zoho_sync_alertrule_change", args=[one.pk])

    client.post(reverse("admin:zoho_sync_alertrule_test_one", args=[one.pk]), {"_form_submitted": "True"})
    half = client.post(
        url,
        {"channel": "email", "is_enabled": "on", "threshold": 9, "window_hours": 24, "quiet_from": "21:00"},
    )
    client.post(url, {"channel": "email", "is_enabled": "on", "threshold": 9, "window_hours": 24})

    assert "Quiet hours need a beginning and an end" in half.content.decode()
    one.refresh_from_db()
    assert one.threshold == 9
    assert AuditEntry.objects.get(action="alert rule changed").changes == {"threshold": ["3", "9"]}
    outbox.send_due()
    assert subjects() == ["Test: One cause keeps failing"]
    assert client_of("Approver").get(url).status_code == 403
