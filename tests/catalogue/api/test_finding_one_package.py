"""By slug or by SKU: what leads where, and what is said when it leads to several."""

from urllib.parse import quote

import pytest
from django.test import Client
from django.urls import reverse

from catalogue.api import examples
from tests.catalogue.api.packages import package, skyfibre_home_lite

pytestmark = pytest.mark.django_db


def slug_at(client: Client, reference: str) -> str:
    response = client.get(f"/api/v1/packages/{reference}")
    assert response.status_code == 200, response.text
    return response.json()["slug"]


@pytest.mark.parametrize(
    "sku", ["FIBRE-100", "fibre_100.b", "MOB/50.GB", "A/B/C", "..2/x", "X.json", "1", "search"]
)
def test_an_sku_leads_to_its_package_in_any_case_raw_or_encoded(client, sku):
    slug = package(sku).slug
    package("OTHER")

    for spelling in (sku, sku.lower(), sku.upper(), quote(sku, safe=""), quote(sku.lower(), safe="")):
        assert slug_at(client, f"{spelling}/") == slug
    assert slug_at(client, reverse("package-detail", args=[sku]).removeprefix("/api/v1/packages/")) == slug


def test_without_the_last_slash_one_is_sent_to_it(client):
    package("MOB/50.GB")

    response = client.get("/api/v1/packages/MOB%2F50.GB?provider=DFA")

    assert response.status_code == 301
    assert client.get(response.headers["Location"]).json()["sku"] == "MOB/50.GB"


def test_an_sku_sold_twice_is_answered_with_the_slugs_to_choose_from(client, django_assert_num_queries):
    skyfibre_home_lite()
    skyfibre_home_lite(id="0d3b8f0e-8a34-4d0b-a6d5-3c2f1f3b7a10", market_segment="business")

    with django_assert_num_queries(2):  # epoch, packages
        response = client.get("/api/v1/packages/SKYFIBRE-HOME-LITE-50-12M/")

    assert response.status_code == 409
    assert response.headers["Content-Type"] == "application/problem+json"
    assert response.json() == examples.AMBIGUOUS
    for choice in response.json()["packages"]:
        chosen = client.get(f"/api/v1/packages/{choice['slug']}/").json()
        assert {name: chosen[name] for name in choice} == choice


def test_segment_and_provider_narrow_a_shared_sku(client):
    home = package("SHARED", name="Shared").slug
    work = package("SHARED", name="Shared", market_segment="business").slug
    other = package("shared", name="Shared", market_segment="business", provider="Open, Serve").slug

    assert slug_at(client, "Shared/?market_segment=consumer") == home
    assert slug_at(client, "SHARED/?market_segment=BUSINESS&provider=dfa") == work
    assert slug_at(client, "SHARED/?provider=%22open,%20serve%22") == other
    assert client.get("/api/v1/packages/SHARED/?market_segment=business").status_code == 409
    assert client.get("/api/v1/packages/SHARED/?provider=MTN").json() == examples.NOT_ON_SALE
    assert slug_at(client, f"{home}/?market_segment=business&provider=DFA") == work
    assert client.get(f"/api/v1/packages/{home}/?provider=MTN").json() == examples.NOT_ON_SALE


def test_what_is_not_on_sale_makes_no_sku_ambiguous(client):
    package("SHARED", name="Shared", status="archived")
    work = package("SHARED", name="Shared", market_segment="business").slug

    assert slug_at(client, "SHARED/") == work


def test_a_slug_leads_to_its_own_package_even_when_it_is_the_sku_of_another(client):
    by_slug = package("ONE", slug="fibre-100")
    package("fibre-100", slug="something-else")

    assert slug_at(client, "fibre-100/") == by_slug.slug
    assert slug_at(client, "FIBRE-100/") == "something-else"
    assert slug_at(client, "something-else/") == "something-else"


@pytest.mark.parametrize(
    "reference",
    [
        "nothing",
        "HOME-FIBRE",
        "home-fibre-10_",
        "%25",
        "a%00b",
        "%00",
        "%0A",
        "home-fibre-100%0A",
        "%C3%28",
        "%F0%9F%98%80",
        "x" * 7000,
        "//",
        "..",
        "%5C",
    ],
)
def test_what_nobody_sells_is_a_404_in_the_same_form(client, reference):
    package()

    response = client.get(f"/api/v1/packages/{reference}/")

    assert response.status_code == 404
    assert response.headers["Content-Type"] == "application/problem+json"
    assert response.json() == examples.NOT_ON_SALE
