"""Many products at once over REST."""

import pytest
from django.test import Client
from django.urls import reverse

from catalogue import batches
from catalogue.models import ServicePackage
from circletel.core import jobs
from circletel.core.models import Job
from tests.factories import approved_product, draft_product, mr_botha, ms_naidoo, person

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("redis_flushed")]
URL = "/api/admin/products/bulk-publish"


def as_(somebody):
    client = Client()
    client.force_login(somebody)
    return client


def post(client, body, url=URL):
    return client.post(url, body, content_type="application/json")


def test_it_starts_a_batch_and_returns_at_once():
    good, bad = approved_product(), draft_product()
    client = as_(mr_botha())

    response = post(client, {"ids": [str(good.pk), str(bad.pk)]})

    assert response.status_code == 202
    assert response.json()["progress"]["waiting"] == 2
    assert not ServicePackage.objects.exists()
    jobs.run(response.json()["id"])
    done = client.get(response["Location"]).json()
    assert (done["status"], [item["state"] for item in done["items"]]) == ("done", ["done", "refused"])
    assert "it is draft, not approved" in done["items"][1]["message"]


def test_a_filter_chooses_the_products():
    approved_product(provider="DFA")
    approved_product(provider="MTN")
    draft_product(provider="DFA")

    response = post(as_(mr_botha()), {"filter": {"status": "approved", "provider": "dfa"}})

    assert response.json()["progress"]["total"] == 1


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({}, "Give either ids or filter."),
        ({"ids": ["x"]}, "Must be a valid UUID."),
        ({"ids": []}, "This list may not be empty."),
        ({"filter": {}}, "An empty filter would mean every product"),
        ({"filter": {"status": "sold"}}, "is not a valid choice"),
        (
            {"ids": ["0b6b3d4e-0000-4000-8000-000000000000"], "filter": {"status": "draft"}},
            "either ids or filter",
        ),
    ],
)
def test_what_is_not_understood_is_refused(body, says):
    response = post(as_(mr_botha()), body)

    assert response.status_code == 400
    assert response.headers["Content-Type"] == "application/problem+json"
    assert says in response.text
    assert not Job.objects.exists()


def test_unknown_products_and_a_filter_without_any_are_a_conflict():
    client = as_(mr_botha())

    assert post(client, {"ids": ["0b6b3d4e-0000-4000-8000-000000000000"]}).status_code == 409
    assert post(client, {"filter": {"status": "approved"}}).status_code == 409


def test_who_may():
    product = approved_product()
    body = {"ids": [str(product.pk)]}

    assert post(Client(), body).status_code == 401
    assert post(as_(ms_naidoo()), body).status_code == 403
    assert not Job.objects.exists()


def test_a_batch_is_cancelled_and_seen_by_those_who_may():
    batch = batches.plan("publish", [approved_product().pk], actor=mr_botha())
    cancel = reverse("batch-cancel", args=[batch.pk])

    assert post(as_(ms_naidoo()), {}, cancel).status_code == 403
    stranger = as_(person("sees.costs", "Cost viewer"))
    assert stranger.get(reverse("batch-detail", args=[batch.pk])).status_code == 403
    assert post(as_(mr_botha()), {}, cancel).json()["status"] == "cancelled"
    assert post(as_(mr_botha()), {}, cancel).status_code == 409
    assert as_(mr_botha()).get("/api/admin/batches/0b6b3d4e-0000-4000-8000-000000000000").status_code == 404
