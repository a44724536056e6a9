"""TMF620: what it takes, and what it tells its listeners."""

import json

import pytest

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
