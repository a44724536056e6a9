"""Zoho CRM says that a product was touched: its finding is there at once, and a lie does no harm."""

import json
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from queue import Queue
from threading import Thread

import pytest
from django.core import mail as outbox
from django.db import connection
from django.utils import timezone

from reconciliation import hints, tasks
from reconciliation.channel import NotPossible, keep_channel
from reconciliation.models import Finding, FindingState, FindingType, Hint, HintChannel
from tests.factories import live_package
from tests.reconciliation.test_drift import crm, send
from zoho_sync.models import System, ZohoSyncLog

pytestmark = pytest.mark.django_db
KEY = "HF-1_consumer_DFA"
DOOR = "/hooks/zoho/crm-hints"


@pytest.fixture
def heard():
    """What Zoho called to say, in the order in which it came."""
    calls = Queue()

    class Listener(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            calls.put((self.path, json.loads(body)))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Listener)
    Thread(target=server.serve_forever, daemon=True).start()
    calls.url = f"http://127.0.0.1:{server.server_port}"
    yield calls
    server.shutdown()
    server.server_close()


@pytest.fixture
def nudges(sent_tasks):
    """Asked for the messages that wake a worker for hints."""
    return lambda: [task for task in sent_tasks if task.name == "reconciliation.tasks.read_hints"]


@pytest.fixture
def channel(zoho, drain, heard, nudges, settings):
    """A package in step, and a channel that tells of every change."""
    settings.RECONCILIATION_HINTS = True
    settings.CIRCLETEL_BASE_URL = heard.url
    live_package(name="Home Fibre 100", sku="HF-1", regular_price="899.00")
    drain()
    keep_channel()
    return HintChannel.objects.get()


@pytest.fixture
def deliver(client, heard, django_capture_on_commit_callbacks):
    """Hand on what Zoho called to say next."""

    def now():
        path, message = heard.get(timeout=20)
        with django_capture_on_commit_callbacks(execute=True):
            answer = client.post(path, message, content_type="application/json")
        assert answer.status_code == 200
        return message

    return now


def calls_of(zoho, since):
    return [(each["method"], each["path"]) for each in zoho.requests(since, "crm")]


def test_a_persons_edit_is_a_finding_after_one_call_and_gone_when_it_is_taken_back(
    channel, zoho, deliver, nudges
):
    record = crm(zoho)
    zoho.edit("crm_products", record["id"], Unit_Price=1.0, edited_by="Sipho Dube")
    message = deliver()
    assert (message["ids"], message["operation"], nudges()) == (
        [record["id"]],
        "update",
        [("reconciliation.tasks.read_hints", (), 5)],
    )
    before = zoho.state()["last_request"]

    assert hints.read_waiting() == "1 looked at"

    assert calls_of(zoho, before) == [("GET", "/crm/v8/Products")]
    finding = Finding.objects.get()
    assert (finding.key, finding.field, finding.theirs, finding.changed_by) == (
        KEY,
        "Unit_Price",
        1.0,
        "Sipho Dube",
    )
    assert Hint.objects.count() == 0
    zoho.edit("crm_products", record["id"], Unit_Price=899.0)
    deliver()
    hints.read_waiting()
    finding.refresh_from_db()
    assert (finding.state, Finding.objects.count()) == (FindingState.RESOLVED, 1)


def test_what_a_hint_brought_is_told_of_once_by_the_night_run(channel, zoho, deliver, settings):
    settings.RECONCILIATION_REPORT_RECIPIENTS = ["ops@example.com"]
    zoho.edit("crm_products", crm(zoho)["id"], Unit_Price=1.0)
    deliver()
    hints.read_waiting()

    tasks.run_nightly()
    tasks.run_nightly()

    assert [message.subject for message in outbox.outbox] == ["Zoho: 1 new finding"]
    finding = Finding.objects.get()
    assert (finding.state, finding.times_seen) == (FindingState.STILL, 3)


def test_our_own_writes_are_told_to_us_and_are_no_finding(channel, zoho, drain, deliver):
    live_package(name="Another", sku="HF-2")
    drain()
    written = crm(zoho, "HF-2_consumer_DFA")["id"]
    assert deliver()["ids"] == [written]

    hints.read_waiting()

    assert (Finding.objects.count(), Hint.objects.count()) == (0, 0)


def test_a_record_that_is_being_made_is_no_stranger(channel, zoho, drain, deliver):
    """Zoho has it, and our acknowledgement is not written yet."""
    package = live_package(name="Another", sku="HF-2")
    drain()
    package.integrations.filter(kind="crm_product").update(
        remote_id="", status="pending", next_retry_at=timezone.now()
    )
    deliver()

    hints.read_waiting()

    assert Finding.objects.count() == 0


def test_deleted_and_foreign_records_are_found_as_well(channel, zoho, deliver):
    zoho.delete("crm_products", crm(zoho)["id"])
    made = send("POST", "/crm/v8/Products", {"data": [{"Product_Name": "Router"}]}, System.CRM)
    assert {deliver()["operation"], deliver()["operation"]} == {"delete", "insert"}

    hints.read_waiting()

    assert sorted(Finding.objects.values_list("type", "key")) == [
        ("missing_here", made["data"][0]["details"]["id"]),
        ("missing_in_zoho", KEY),
    ]


def test_repeated_and_late_hints_change_nothing(channel, zoho, client, heard):
    record = crm(zoho)
    zoho.edit("crm_products", record["id"], Unit_Price=1.0)
    zoho.edit("crm_products", record["id"], Unit_Price=899.0)
    messages = [heard.get(timeout=20)[1] for _ in range(2)]
    for message in [*reversed(messages), *messages]:
        assert client.post(DOOR, message, content_type="application/json").json() == {"noted": 1}
    assert Hint.objects.count() == 1
    before = zoho.state()["last_request"]

    hints.read_waiting()
    hints.read_waiting()

    assert Finding.objects.count() == 0
    assert len(calls_of(zoho, before)) == 1


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"token": "guessed"}, 403),
        ({"token": None}, 403),
        ({"channel_id": "1"}, 403),
        ({"module": "Leads"}, 400),
        ({"ids": "7"}, 400),
        ({"ids": ["7 or 1=1"]}, 400),
        ({"ids": [{"id": 7}]}, 400),
        ({"ids": ["9" * 31]}, 400),
    ],
)
def test_forged_and_senseless_hints_are_turned_away_and_cost_no_call(
    channel, zoho, client, nudges, change, status
):
    right = {
        "channel_id": channel.channel_id,
        "token": hints.token_of(channel.channel_id),
        "module": "Products",
        "ids": ["7"],
    }
    before = zoho.state()["last_request"]

    answer = client.post(DOOR, right | change, content_type="application/json")

    assert answer.status_code == status
    assert (Hint.objects.count(), nudges(), calls_of(zoho, before)) == (0, [], [])


@pytest.mark.parametrize(("body", "status"), [("not json", 400), ("[]", 400), ("x" * 100_001, 413)])
def test_what_is_no_hint_at_all_is_turned_away(channel, client, body, status):
    assert client.post(DOOR, body, content_type="application/json").status_code == status
    assert client.get(DOOR).status_code == 405


def test_a_true_hint_about_a_record_nobody_has_costs_one_look(channel, zoho, client):
    message = {
        "channel_id": channel.channel_id,
        "token": hints.token_of(channel.channel_id),
        "module": "Products",
        "ids": ["7"],
    }
    assert client.post(DOOR, message, content_type="application/json").status_code == 200

    assert hints.read_waiting() == "1 looked at"

    assert Finding.objects.count() == 0


def test_more_hints_than_a_comparison_is_worth_are_left_to_it(channel, client, monkeypatch):
    monkeypatch.setattr(hints, "MOST_WAITING", 3)
    message = {
        "channel_id": channel.channel_id,
        "token": hints.token_of(channel.channel_id),
        "module": "Products",
    }

    noted = [
        client.post(DOOR, message | {"ids": ids}, content_type="application/json").json()["noted"]
        for ids in (["1", "2"], ["3", "4"])
    ]

    assert (noted, Hint.objects.count()) == ([2, 0], 2)


def test_they_wait_while_zoho_is_away(channel, zoho, deliver):
    zoho.edit("crm_products", crm(zoho)["id"], Unit_Price=1.0)
    deliver()
    zoho.fault(match={"path": "/crm/v8/Products"}, action={"status": 500, "body": {}}, times=4)

    assert "the others wait" in hints.read_waiting(sleep=lambda _seconds: None)
    assert (Hint.objects.count(), Finding.objects.count()) == (1, 0)
    assert hints.read_waiting() == "1 looked at"
    assert Finding.objects.count() == 1


def test_they_wait_while_a_comparison_is_going_on(channel, zoho, deliver):
    zoho.edit("crm_products", crm(zoho)["id"], Unit_Price=1.0)
    deliver()
    other = connection.copy()
    try:
        with other.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_lock(hashtext('reconciliation'))")
            assert hints.read_waiting() == "a comparison is going on: they wait"
    finally:
        other.close()

    assert Hint.objects.count() == 1


def test_who_is_linked_wrongly_is_left_to_the_next_comparison(channel, zoho, deliver, reconcile, drain):
    live_package(name="Home Fibre 200", sku="HF-2")
    drain()
    first, second = crm(zoho), crm(zoho, "HF-2_consumer_DFA")
    zoho.edit("crm_products", first["id"], ct_Package_Key="aside")
    zoho.edit("crm_products", second["id"], ct_Package_Key=KEY)
    zoho.edit("crm_products", first["id"], ct_Package_Key="HF-2_consumer_DFA")
    reconcile()
    for _ in range(4):
        deliver()

    hints.read_waiting()

    assert list(Finding.objects.open().values_list("type", flat=True)) == [FindingType.WRONG_LINK] * 2


class TestChannel:
    def test_it_is_opened_for_six_days_and_renewed_each_day(self, channel, zoho, heard):
        [open_] = zoho.records("crm_watches")
        assert (open_["channel_id"], open_["notify_url"]) == (channel.channel_id, heard.url + DOOR)
        assert (open_["events"], open_["notify_on_related_action"]) == (["Products.all"], False)
        ends = datetime.fromisoformat(open_["channel_expiry"])
        assert abs(ends - timezone.now() - timedelta(days=6)) < timedelta(minutes=5)
        before = zoho.state()["last_request"]

        assert tasks.keep_hint_channel() is True

        assert calls_of(zoho, before) == [("PUT", "/crm/v8/actions/watch")]
        assert [each["channel_id"] for each in zoho.records("crm_watches")] == [channel.channel_id]

    def test_one_that_zoho_forgot_is_opened_again(self, channel, zoho):
        zoho.clock(days=7)

        keep_channel()

        assert [each["channel_id"] for each in zoho.records("crm_watches")] == [channel.channel_id]

    def test_it_ends_when_hints_are_switched_off_and_its_door_with_it(self, channel, zoho, client, settings):
        settings.RECONCILIATION_HINTS = False

        assert keep_channel() == "ended: hints are off"

        assert (zoho.records("crm_watches"), HintChannel.objects.count()) == ([], 0)
        assert client.post(DOOR, {}, content_type="application/json").status_code == 404

    def test_off_it_costs_no_call(self, zoho):
        before = zoho.state()["last_request"]

        assert keep_channel() == "hints are off"

        assert calls_of(zoho, before) == []

    def test_without_an_address_it_says_what_to_set(self, zoho, settings):
        settings.RECONCILIATION_HINTS, settings.CIRCLETEL_BASE_URL = True, ""

        with pytest.raises(NotPossible, match="Set CIRCLETEL_BASE_URL"):
            keep_channel()

    def test_its_token_is_in_no_log(self, channel):
        written = [
            f"{each.request} {each.response}" for each in ZohoSyncLog.objects.filter(path__contains="watch")
        ]

        assert len(written) == 1
        assert hints.token_of(channel.channel_id) not in written[0]
        assert channel.channel_id in written[0]
