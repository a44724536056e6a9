"""Lists are kept in the process as long as they are true, and never for those who see drafts."""

import json
from datetime import timedelta
from decimal import Decimal

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from catalogue.models import ServicePackage
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


def test_the_total_is_counted_once_for_all_pages_and_never_stale(client, django_assert_num_queries):
    for sku in ("ONE", "TWO", "THREE"):
        package(sku, name=f"Fibre {sku}")
    first = client.get(f"{LIST}&offset=0")
    with CaptureQueriesContext(connection) as asked:
        second = client.get(f"{LIST}&offset=1")
    assert not [each for each in asked.captured_queries if "COUNT(" in each["sql"]]
    assert first["X-Total-Count"] == second["X-Total-Count"] == "3"
    assert client.get(f"{LIST}&name=Fibre TWO")["X-Total-Count"] == "1"

    ServicePackage.objects.filter(sku="THREE").update(status="inactive")

    assert client.get(f"{LIST}&offset=1")["X-Total-Count"] == "2"
    assert client.get(f"{LIST}&name=Fibre THREE")["X-Total-Count"] == "0"


def test_a_total_ends_with_the_sale_of_one_of_them(client):
    package("ONE")
    ending = package("TWO", name="Zuma Fibre")
    ServicePackage.objects.filter(pk=ending.pk).update(end_of_sale=timezone.now() + timedelta(hours=1))
    assert client.get(f"{LIST}&offset=0")["X-Total-Count"] == "2"

    with time_machine.travel(timezone.now() + timedelta(hours=1, seconds=1)):
        assert client.get(f"{LIST}&offset=1")["X-Total-Count"] == "1"
