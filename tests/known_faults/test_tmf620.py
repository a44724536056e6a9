"""TMF620: what it takes, and what it tells its listeners."""

import json
import socket
import threading
import time
from contextlib import suppress
from decimal import Decimal

import pytest

from catalogue.tmf620 import deliver
from tests.catalogue.tmf620.test_hub import drain, listening
from tests.catalogue.tmf620.test_writing import OFFERING, logged_in, send
from tests.catalogue.tmf620.world import V4, V5
from tests.factories import live_package
from tests.known_faults import known_fault

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("redis_flushed")]


@known_fault("a price of `true` is an error of the server")
@pytest.mark.parametrize("base", [V4, V5])
def test_a_price_that_is_no_number_is_refused(client, base):
    logged_in(client)
    client.raise_request_exception = False
    price = {"id": "1", "name": "a month", "priceType": "recurring", "price": {"unit": "ZAR", "value": True}}

    answer = send(client, "post", f"{base}/productOffering", {**OFFERING, "productOfferingPrice": [price]})

    assert answer.status_code == 400


@known_fault("a price below the promotion breaks a constraint: an error of the server")
def test_a_price_below_the_promotion_is_refused(client):
    package = live_package(promotion_price=Decimal("699.00"))
    logged_in(client)
    client.raise_request_exception = False
    price = {
        "name": "a month",
        "priceType": "recurring",
        "price": {"taxIncludedAmount": {"unit": "ZAR", "value": 500.0}},
    }

    answer = send(client, "patch", f"{V4}/productOffering/{package.pk}", {"productOfferingPrice": [price]})

    assert answer.status_code in (400, 409)


@known_fault("a PATCH changes segment and provider of something published")
def test_the_business_key_of_something_published_stays(client):
    package = live_package(sku="KEY-1", provider="DFA")
    logged_in(client)
    provider = {"name": "provider", "productSpecCharacteristicValue": [{"value": "MTN"}]}

    send(
        client,
        "patch",
        f"{V4}/productOffering/{package.pk}",
        {"prodSpecCharValueUse": [provider], "marketSegment": [{"id": "business"}]},
    )

    product = package.source_admin_product
    product.refresh_from_db()
    assert (product.market_segment, product.provider) == ("consumer", "DFA")


@known_fault("after an event that was not taken, those after it are sent at once")
def test_events_of_a_listener_stay_in_order_after_a_failure(ear):
    listening(ear.url)
    ear.answers = [500]
    live_package()
    drain()
    ear.heard.clear()

    live_package()
    drain()

    assert [json.loads(content)["eventType"] for _, content in ear.heard] == []


@known_fault("a callback that sends a byte now and then holds the delivery beyond its timeout")
def test_a_delivery_ends_after_its_timeout_though_bytes_still_come(settings, monkeypatch):
    settings.TMF620_ALLOW_PRIVATE_ADDRESSES = True
    monkeypatch.setattr(deliver, "TIMEOUT_SECONDS", 0.5)
    server = socket.create_server(("127.0.0.1", 0))

    def drip() -> None:
        connection, _ = server.accept()
        with connection:
            connection.recv(65536)
            try:
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n")
                for _ in range(30):
                    connection.sendall(b"x")
                    time.sleep(0.1)
            except OSError:
                pass

    threading.Thread(target=drip, daemon=True).start()
    began = time.monotonic()

    with server, suppress(deliver.Undeliverable):
        deliver.post(f"http://127.0.0.1:{server.getsockname()[1]}/", b"{}", {})

    assert time.monotonic() - began < 2
