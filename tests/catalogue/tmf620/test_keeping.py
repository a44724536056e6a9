"""Lists are kept in the process as long as they are true, and never for those who see drafts."""

import json
from decimal import Decimal

import pytest

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
