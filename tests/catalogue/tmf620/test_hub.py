"""Listeners and events: what is told, to whom, signed, again after failures, and never to a neighbour."""

import hashlib
import hmac
import json
import threading
from datetime import timedelta
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
import time_machine
from django.core.management import CommandError, call_command
from django.db import transaction
from django.utils import timezone

from catalogue import ending, services
from catalogue.models import HubDelivery, HubEvent, HubListener, HubSnapshot, ServicePackage, VatRate
from catalogue.signals import package_changed
from catalogue.tmf620 import deliver, events, hub, tasks
from circletel.core.models import AuditEntry
from tests.catalogue.tmf620 import contract
from tests.catalogue.tmf620.world import V4, V5
from tests.factories import approved_product, live_package, mr_botha, ms_naidoo, person

pytestmark = pytest.mark.django_db


def integrator():
    return person("lerato.khumalo", "TMF620 integrator")


class Ear:
    """An HTTP server that writes down what it hears and answers as told."""

    def __init__(self) -> None:
        ear = self
        self.heard: list[tuple[dict[str, str], bytes]] = []
        self.answers: list[int] = []

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                content = self.rfile.read(int(self.headers["Content-Length"]))
                ear.heard.append((dict(self.headers), content))
                self.send_response(ear.answers.pop(0) if ear.answers else 204)
                self.send_header("Location", "http://127.0.0.1:1/elsewhere")
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/listener?key=1"
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()

    def types(self) -> list[str]:
        return [json.loads(content)["eventType"] for _, content in self.heard]


@pytest.fixture
def ear(settings):
    settings.TMF620_ALLOW_PRIVATE_ADDRESSES = True
    ear = Ear()
    yield ear
    ear.server.shutdown()
    ear.server.server_close()


def listening(url: str, query: str = "", version: str = "v4") -> HubListener:
    return HubListener.objects.create(
        version=version, callback=url, query=query, created_by=integrator(), secret="sesame"
    )


def told(version: str = "v4") -> list[tuple[str, str]]:
    """Event type and id of the resource, oldest first."""
    return [
        (event.bodies[version]["eventType"], next(iter(event.bodies[version]["event"].values()))["id"])
        for event in HubEvent.objects.all()
    ]


def drain() -> int:
    sent = 0
    while tried := hub.deliver_due():
        sent += tried
    return sent


def test_the_life_of_an_offering_in_events(django_capture_on_commit_callbacks):
    package = live_package(installation_fee=Decimal("450.00"))
    id = str(package.pk)
    assert told() == [
        ("ProductOfferingCreateEvent", id),
        ("ProductSpecificationCreateEvent", id),
        ("ProductOfferingPriceCreateEvent", f"{id}-recurring"),
        ("ProductOfferingPriceCreateEvent", f"{id}-installation"),
    ]
    HubEvent.objects.all().delete()
    package_changed.send(ServicePackage, package=package)
    assert told() == []
    # The price alone moves: the offering of v4 shows it, so both are told.
    package.price = Decimal("849.00")
    package.version += 1
    package.save()
    package_changed.send(ServicePackage, package=package)
    assert told() == [
        ("ProductOfferingAttributeValueChangeEvent", id),
        ("ProductOfferingPriceAttributeValueChangeEvent", f"{id}-recurring"),
    ]
    HubEvent.objects.all().delete()
    package.installation_fee = None
    package.save()
    package_changed.send(ServicePackage, package=package)
    assert told() == [
        ("ProductOfferingAttributeValueChangeEvent", id),
        ("ProductOfferingPriceDeleteEvent", f"{id}-installation"),
    ]
    HubEvent.objects.all().delete()
    ending.end_sale(package.pk, at=timezone.now(), actor=mr_botha())
    assert told() == [
        ("ProductOfferingStateChangeEvent", id),
        ("ProductOfferingPriceDeleteEvent", f"{id}-recurring"),
        ("ProductSpecificationDeleteEvent", id),
        ("ProductOfferingDeleteEvent", id),
    ]
    assert HubEvent.objects.first().bodies["v5"]["event"]["productOffering"]["lifecycleStatus"] == "Retired"


def test_events_are_what_tm_forum_says_and_hold_the_resource_as_it_is_read(client, settings):
    contract.folder()
    settings.TMF620_PUBLIC_URL = "https://catalogue.example"
    package = live_package(installation_fee=Decimal("450.00"))
    sent = HubEvent.objects.first().bodies
    for version, base in (("v4", V4), ("v5", V5)):
        shown = client.get(f"{base}/productOffering/{package.pk}").json()
        assert sent[version]["event"]["productOffering"] == shown
    ending.end_sale(package.pk, at=timezone.now(), actor=mr_botha())
    for event in HubEvent.objects.all():
        for version, body in event.bodies.items():
            contract.ensure_valid(version, body["eventType"], body)
    assert "timeOcurred" in sent["v4"]
    assert "timeOccurred" in sent["v5"]


def test_events_are_written_with_the_change_or_not_at_all():
    product = approved_product()
    with pytest.raises(RuntimeError), transaction.atomic():  # noqa: PT012
        services.publish(product.pk, actor=mr_botha())
        assert HubEvent.objects.count() == 3
        raise RuntimeError
    assert HubEvent.objects.count() == HubSnapshot.objects.count() == 0


def test_time_alone_is_told_once():
    now = timezone.now()
    package = live_package(
        valid_from=now + timedelta(days=1),
        valid_to=now + timedelta(days=9),
        promotion_price=Decimal("700.00"),
        promotion_to=timezone.localdate(now) + timedelta(days=3),
    )
    id = str(package.pk)
    assert told() == []
    assert events.notice_the_clock() == 0
    with time_machine.travel(now + timedelta(days=2)):
        assert events.notice_the_clock() == 1
        assert events.notice_the_clock() == 0
        assert ("ProductOfferingCreateEvent", id) in told()
        assert ("ProductOfferingPriceCreateEvent", f"{id}-discount") in told()
    HubEvent.objects.all().delete()
    with time_machine.travel(timezone.localtime(now).replace(hour=8) + timedelta(days=4)):
        assert events.notice_the_clock() == 1
        assert events.notice_the_clock() == 0
        assert ("ProductOfferingPriceDeleteEvent", f"{id}-discount") in told()
    HubEvent.objects.all().delete()
    with time_machine.travel(now + timedelta(days=10)):
        assert events.notice_the_clock() == 1
        assert events.notice_the_clock() == 0
        assert told()[-1] == ("ProductOfferingDeleteEvent", id)


def test_without_a_vat_rate_only_the_end_of_a_sale_can_be_told():
    package = live_package()
    HubEvent.objects.all().delete()
    VatRate.objects.all().delete()
    package.name = "Renamed"
    events.tell(package)
    assert told() == []
    package.status = "inactive"
    events.tell(package)
    assert told()[-1] == ("ProductOfferingDeleteEvent", str(package.pk))


def test_events_arrive_signed_in_order_and_once(ear):
    listening(ear.url)
    listening(ear.url, "eventType=ProductOfferingCreateEvent", "v5")
    package = live_package()
    assert drain() == 4
    assert drain() == 0
    assert [
        t for (h, c), t in zip(ear.heard, ear.types(), strict=True) if "timeOcurred" in json.loads(c)
    ] == [
        "ProductOfferingCreateEvent",
        "ProductSpecificationCreateEvent",
        "ProductOfferingPriceCreateEvent",
    ]
    v5 = [json.loads(content) for _, content in ear.heard if b"timeOccurred" in content]
    assert [body["eventType"] for body in v5] == ["ProductOfferingCreateEvent"]
    assert v5[0]["event"]["productOffering"]["id"] == str(package.pk)
    for headers, content in ear.heard:
        seconds, signed = headers["X-CircleTel-Signature"].removeprefix("t=").split(",v1=")
        expected = hmac.new(b"sesame", f"{seconds}.".encode() + content, hashlib.sha256).hexdigest()
        assert signed == expected
    assert set(HubDelivery.objects.values_list("state", "attempts")) == {("delivered", 1)}


def test_a_failure_is_tried_again_later_and_holds_back_what_follows(ear):
    listening(ear.url)
    live_package()
    ear.answers = [500]
    assert hub.deliver_due() == 3
    assert ear.types() == ["ProductOfferingCreateEvent"]
    first, *rest = HubDelivery.objects.all()
    assert (first.state, first.attempts, first.last_error) == ("pending", 1, "answered 500")
    assert [(d.state, d.attempts, d.due_at == first.due_at) for d in rest] == [("pending", 0, True)] * 2
    assert drain() == 0
    with time_machine.travel(timezone.now() + timedelta(minutes=2)):
        assert drain() == 3
    assert ear.types()[1:] == [
        "ProductOfferingCreateEvent",
        "ProductSpecificationCreateEvent",
        "ProductOfferingPriceCreateEvent",
    ]


def test_after_the_last_try_a_person_is_asked_and_replay_sends_again(ear, capsys):
    listener = listening(ear.url, "eventType=ProductOfferingCreateEvent")
    live_package()
    tries = len(hub.RETRY_MINUTES) + 1
    ear.answers = [302] * tries
    for day in range(tries):
        with time_machine.travel(timezone.now() + timedelta(days=day)):
            assert drain() == 1
    with time_machine.travel(timezone.now() + timedelta(days=99)):
        assert drain() == 0
    delivery = HubDelivery.objects.get()
    # A redirect is no success and is not followed.
    assert (delivery.state, delivery.attempts, delivery.last_error) == ("dead", tries, "answered 302")
    call_command("tmf620_replay", str(listener.pk), failed=True)
    assert "1 events will be sent again" in capsys.readouterr().out
    assert drain() == 1
    assert HubDelivery.objects.get().state == "delivered"
    call_command("tmf620_replay", "all", failed=True)
    assert drain() == 0
    call_command("tmf620_replay", "all")
    assert drain() == 1
    assert len(ear.heard) == tries + 2
    with pytest.raises(CommandError, match="no listener nobody"):
        call_command("tmf620_replay", "nobody")


def test_one_deaf_listener_does_not_hold_up_another(ear):
    listening("http://127.0.0.1:1/")
    listening(ear.url)
    live_package()
    assert hub.deliver_due() == 6
    assert len(ear.heard) == 3


def test_two_workers_do_not_send_the_same(ear):
    listening(ear.url)
    live_package()
    assert len(hub._claim()) == 3
    assert hub._claim() == []


def test_registering_and_removing(client, settings, ear):
    contract.folder()
    client.force_login(integrator())
    for version, base in (("v4", V4), ("v5", V5)):
        made = client.post(
            f"{base}/hub",
            {"callback": ear.url, "query": "eventType=ProductOfferingCreateEvent"},
            content_type="application/json",
        )
        assert made.status_code == 201, made.content
        contract.ensure_answer_valid(version, "post", "/hub", made)
        listener = HubListener.objects.get(pk=made.json()["id"])
        assert (listener.version, listener.secret) == (version, made.json()["secret"])
        assert len(listener.secret) > 30
        gone = client.delete(made["Location"])
        assert gone.status_code == 204
        contract.ensure_answer_valid(version, "delete", "/hub/{id}", gone)
        again = client.delete(made["Location"])
        assert again.status_code == 404
        contract.ensure_answer_valid(version, "delete", "/hub/{id}", again)
    assert HubListener.objects.count() == 0
    assert list(AuditEntry.objects.values_list("action", flat=True).order_by("at")) == [
        "registered",
        "removed",
        "registered",
        "removed",
    ]


@pytest.mark.parametrize(
    "callback",
    [
        "http://127.0.0.1/",
        "http://localhost:6379/",
        "http://[::1]/",
        "http://10.1.2.3/",
        "http://192.168.0.1/",
        "http://169.254.169.254/latest/meta-data",
        "http://100.64.0.1/",
        "http://0.0.0.0/",
        "http://2130706433/",
        "http://[::ffff:127.0.0.1]/",
        "http://[64:ff9b::7f00:1]/",
        "http://[2002:7f00:1::]/",
        "http://[fe80::1]/",
        "http://224.0.0.1/",
        "ftp://example.com/",
        "file:///etc/passwd",
        "http://user:secret@8.8.8.8/",
        "http://8.8.8.8/\r\nX: y",
        "http://[nonsense/",
        "http://8.8.8.8:99999/",
        "//8.8.8.8/",
        "",
    ],
)
def test_no_listener_at_an_address_that_is_not_public(client, callback):
    client.force_login(integrator())
    refused = client.post(f"{V4}/hub", {"callback": callback}, content_type="application/json")
    assert (refused.status_code, refused.json()["code"]) == (400, "invalidBody")
    assert HubListener.objects.count() == 0


def test_the_address_is_checked_again_when_an_event_is_sent(monkeypatch):
    """A name that was public when it was registered and is not any more; or half of whose addresses are not."""
    listening("http://rebound.example:8080/")
    live_package()
    found = [(2, 1, 6, "", (address, 8080)) for address in ("8.8.8.8", "127.0.0.1")]
    monkeypatch.setattr(deliver.socket, "getaddrinfo", lambda *_, **__: found)
    hub.deliver_due()
    assert "127.0.0.1, which is not a public address" in HubDelivery.objects.first().last_error


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("8.8.8.8", True),
        ("2606:4700::1111", True),
        ("172.16.0.1", False),
        ("fd00::1", False),
        ("198.18.0.1", False),
    ],
)
def test_public_addresses(address, public):
    assert deliver.is_public(address) is public


def test_registering_needs_the_right_and_a_query_that_is_understood(client):
    body = {"callback": "http://8.8.8.8/"}
    assert client.post(f"{V4}/hub", body, content_type="application/json").status_code == 401
    client.force_login(ms_naidoo())
    assert client.post(f"{V4}/hub", body, content_type="application/json").status_code == 403
    client.force_login(integrator())
    for query in ("event type=x", "eventType.regex=(a%2B)%2B"):
        wrong = client.post(f"{V4}/hub", body | {"query": query}, content_type="application/json")
        assert wrong.status_code == 400
    assert HubListener.objects.count() == 0


def test_the_sweep_sends_and_forgets(ear, settings, sent_tasks):
    listening(ear.url)
    live_package()
    tasks.sweep()
    assert len(ear.heard) == 3
    assert sent_tasks == [("catalogue.tmf620.tasks.deliver_events", (), 0)]
    with time_machine.travel(timezone.now() + timedelta(days=31)):
        tasks.sweep()
    assert HubEvent.objects.count() == 0


def test_a_change_wakes_a_worker_when_somebody_listens(sent_tasks, django_capture_on_commit_callbacks):
    def nudges():
        return [task for task in sent_tasks if task.name == "catalogue.tmf620.tasks.deliver_events"]

    with django_capture_on_commit_callbacks(execute=True):
        live_package()
    assert nudges() == []
    listening("http://8.8.8.8/")
    with django_capture_on_commit_callbacks(execute=True):
        live_package()
    assert len(nudges()) == 1
