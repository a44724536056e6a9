"""Lists are kept in the process as long as they are true, and never for those who see drafts."""

import json
from datetime import timedelta
from decimal import Decimal

import pytest
import time_machine
from django.utils import timezone

from catalogue.models import ServicePackage, VatRate
from catalogue.tmf620 import collections
from tests.catalogue.api.packages import package
from tests.catalogue.tmf620.world import V4
from tests.factories import ms_naidoo

pytestmark = pytest.mark.django_db(transaction=True, serialized_rollback=True)
LIST = f"{V4}/productOffering?limit=1"


def test_a_list_asked_again_is_the_same_for_one_question_and_never_stale(client, django_assert_num_queries):
    first = package("ONE")
    package("TWO", name="Zuma Fibre")
    before = client.get(LIST)
    with django_assert_num_queries(1):
        again = client.get(LIST)

    assert before.status_code == again.status_code == 206
    assert again.content == before.content
    for name in ("X-Total-Count", "X-Result-Count", "Link", "Content-Type"):
        assert again[name] == before[name]

    ServicePackage.objects.filter(pk=first.pk).update(price=Decimal("849.00"), name="Aardvark")
    assert client.get(LIST).json()[0]["name"] == "Aardvark"
    ServicePackage.objects.filter(pk=first.pk).update(status="inactive")
    after = client.get(LIST)
    assert (after.status_code, after["X-Total-Count"]) == (200, "1")
    assert after.json()[0]["name"] == "Zuma Fibre"


def test_drafts_are_neither_kept_nor_shown_to_others(client):
    package("ONE")
    anonymous = client.get(f"{V4}/productOffering").json()
    client.force_login(ms_naidoo())
    made = client.post(
        f"{V4}/productOffering", json.dumps({"name": "Secret"}), content_type="application/json"
    )
    assert made.status_code == 201

    assert [one["name"] for one in client.get(f"{V4}/productOffering").json()] == ["Secret", "Home Fibre 100"]
    client.logout()
    assert client.get(f"{V4}/productOffering").json() == anonymous


@pytest.mark.parametrize("query", ["offset=1", "name=Fibre TWO", "sort=-name", "fields=name"])
def test_a_list_is_built_once_for_all_that_is_asked_of_it(client, django_assert_num_queries, query):
    for sku in ("ONE", "TWO", "THREE"):
        package(sku, name=f"Fibre {sku}")
    client.get(LIST)
    with django_assert_num_queries(1):  # whether the catalogue is still the same
        assert client.get(f"{LIST}&{query}")["X-Total-Count"] == ("1" if query.startswith("name") else "3")

    ServicePackage.objects.filter(sku="THREE").update(status="inactive")

    assert client.get(f"{LIST}&{query}")["X-Total-Count"] == ("1" if query.startswith("name") else "2")


def test_what_is_kept_is_never_shown_when_it_is_no_longer_true(client):
    today = timezone.localdate()
    package("PROMOTED", name="A", promotion_price=Decimal("700.00"), promotion_to=today)
    package("COMING", name="B", promotion_price=Decimal("700.00"), promotion_from=today + timedelta(days=1))
    plain = package("PLAIN", name="C")

    def prices(place, name):
        return client.get(f"{V4}/productOffering").json()[place]["productOfferingPrice"][0]["price"][name]

    def how_many():
        offered = client.get(f"{V4}/productOffering").json()
        return [len(offering["productOfferingPrice"]) for offering in offered]

    assert how_many() == [2, 1, 1]
    assert prices(2, "taxIncludedAmount")["value"] == 799.0
    ServicePackage.objects.filter(pk=plain.pk).update(price=Decimal("801.00"))
    assert prices(2, "taxIncludedAmount")["value"] == 801.0
    with time_machine.travel(timezone.now() + timedelta(days=1)):
        assert how_many() == [1, 2, 1]
    assert prices(0, "taxRate") == 15.0
    VatRate.objects.filter(valid_to=None).update(rate=Decimal("0.16"))
    assert prices(0, "taxRate") == 16.0


def test_each_address_of_the_server_has_its_own_lists(client, settings):
    package("ONE")
    here = client.get(f"{V4}/productOffering").json()[0]["href"]
    settings.TMF620_PUBLIC_URL = "https://other.example"
    there = client.get(f"{V4}/productOffering").json()[0]["href"]
    assert here.removeprefix("http://testserver") == there.removeprefix("https://other.example")


def test_the_lists_that_are_kept_are_bounded(client, settings, monkeypatch):
    monkeypatch.setattr(collections, "MOST_LISTS", 2)
    package("ONE")
    for number in range(5):
        settings.TMF620_PUBLIC_URL = f"https://host-{number}.example"
        assert client.get(f"{V4}/productOffering").json()[0]["name"] == "Home Fibre 100"
        assert len(collections._lists[1]) <= 2


def test_a_total_ends_with_the_sale_of_one_of_them(client):
    package("ONE")
    ending = package("TWO", name="Zuma Fibre")
    ServicePackage.objects.filter(pk=ending.pk).update(end_of_sale=timezone.now() + timedelta(hours=1))
    assert client.get(f"{LIST}&offset=0")["X-Total-Count"] == "2"

    with time_machine.travel(timezone.now() + timedelta(hours=1, seconds=1)):
        assert client.get(f"{LIST}&offset=1")["X-Total-Count"] == "1"
