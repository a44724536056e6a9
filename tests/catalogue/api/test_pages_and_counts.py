"""Cursors, totals, sparse fields and relevance; categories, providers and segments with their counts."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from catalogue.api.asked import ORDERING_TERMS
from tests.catalogue.api.packages import package
from tests.fuzz.inputs import fuzzed

LIST = "/api/v1/packages/"


def walked(client, url, direction="next"):
    """The SKUs of each page, from `url` on."""
    pages = []
    while url:
        page = client.get(url).json()
        pages.append([each["sku"] for each in page["results"]])
        url = page[direction]
    return pages


@pytest.mark.django_db
def test_cursors_lead_there_and_back(client):
    for number in range(7):
        package(f"F-{number}", price=Decimal(100 + number))

    pages = walked(client, f"{LIST}?ordering=-price&page_size=3&provider=dfa")

    assert pages == [["F-6", "F-5", "F-4"], ["F-3", "F-2", "F-1"], ["F-0"]]
    last = client.get(
        client.get(client.get(f"{LIST}?ordering=-price&page_size=3").json()["next"]).json()["next"]
    )
    assert walked(client, last.json()["previous"], "previous") == [pages[1], pages[0]]


@pytest.mark.fuzz
class TestCursors(TestCase):
    @fuzzed(few=10, many=200)
    @given(
        speeds=st.lists(st.tuples(st.none() | st.integers(1, 3), st.integers(1, 3)), min_size=1, max_size=12),
        terms=st.lists(
            st.sampled_from(ORDERING_TERMS), min_size=1, max_size=3, unique_by=lambda t: t.lstrip("-")
        ),
        size=st.integers(1, 5),
    )
    def test_in_any_order_a_walk_finds_what_one_page_holds_and_walks_back(self, speeds, terms, size):
        for number, (speed, price) in enumerate(speeds):
            package(f"F-{number}", speed_down_mbps=speed, speed_up_mbps=price, price=Decimal(price))
        query = f"{LIST}?ordering={','.join(terms)}"

        whole = [sku for page in walked(self.client, f"{query}&page_size=200") for sku in page]
        pages = walked(self.client, f"{query}&page_size={size}")

        assert sorted(whole) == sorted(f"F-{number}" for number in range(len(speeds)))
        assert [sku for page in pages for sku in page] == whole
        end = self.client.get(f"{query}&page_size={size}").json()
        while end["next"]:
            end = self.client.get(end["next"]).json()
        back = walked(self.client, end["previous"], "previous") if end["previous"] else []
        assert [*back[::-1], *pages[-1:]] == pages


@pytest.mark.django_db
def test_a_cursor_loses_nothing_when_its_package_moves_or_goes(client):
    made = [package(f"F-{number}", price=Decimal(100 + number)) for number in range(4)]
    onwards = client.get(f"{LIST}?ordering=price&page_size=2").json()["next"]
    type(made[0]).objects.filter(pk=made[1].pk).update(status="archived")

    assert walked(client, onwards) == [["F-2", "F-3"]]


@pytest.mark.django_db
def test_totals_are_counted_when_asked(client, django_assert_num_queries):
    for number in range(5):
        package(f"F-{number}", provider=["DFA", "MTN"][number % 2])

    for query, count in [
        ("", None),
        ("?total=false", None),
        ("?total=true&page_size=1", 5),
        ("?total=true&provider=mtn", 2),
        ("?total=true&provider=nobody", 0),
        ("?page=2&page_size=2", 5),
    ]:
        with django_assert_num_queries(2):
            assert client.get(f"{LIST}{query}").json()["count"] == count
    further = client.get(f"{LIST}?total=true&page_size=3").json()["next"]
    assert client.get(further).json()["count"] == 5


@pytest.mark.django_db
def test_a_cursor_fits_its_own_ordering_only(client):
    for number in range(3):
        package(f"F-{number}")
    onwards = client.get(f"{LIST}?ordering=price&page_size=1").json()["next"]

    other = client.get(onwards.replace("ordering=price", "ordering=-price"))
    both = client.get(f"{onwards}&page=2")

    assert (other.status_code, other.json()["errors"][0]["parameter"]) == (400, "cursor")
    assert (both.status_code, both.json()["errors"][0]["parameter"]) == (400, "page")


@pytest.mark.django_db
def test_only_the_fields_asked_for_are_shown_in_their_usual_order(client):
    one = package()

    listed = client.get(f"{LIST}?fields=price,SKU").json()["results"]
    alone = client.get(f"{LIST}{one.slug}/?fields=price&fields=sku").json()

    price = {"including_vat": "799.00", "vat": "104.22", "excluding_vat": "694.78"}
    assert listed == [alone] == [{"sku": "HOME-FIBRE-100", "price": price}]
    assert list(alone) == ["sku", "price"]


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("search", "skus"),
    [
        ("skyfbre", ["S-1"]),
        ("routers", ["S-1"]),
        ("uncaped", ["S-2", "S-1"]),
        ("S-1", ["S-1"]),
        ("S-9", []),
        ("skyfibre cheese", []),
        ("uncapped", ["S-2", "S-1"]),
    ],
)
def test_search_forgives_and_puts_the_best_first(client, search, skus):
    package("S-1", name="SkyFibre Lite", features=["Free WiFi router"], description="Uncapped")
    package("S-2", name="Home Uncapped")

    assert [each["sku"] for each in client.get(LIST, {"search": search}).json()["results"]] == skus


@pytest.mark.django_db
def test_what_there_is_to_choose_from(client):
    package("A", provider="MTN", category="fixed")
    package("B", provider="mtn", category="fixed", market_segment="business")
    package("C", provider="DFA", category="fibre")
    package("D", provider="Gone", status="archived")

    def counts(path):
        return [(each["value"].lower(), each["packages"]) for each in client.get(path).json()["results"]]

    assert counts("/api/v1/providers/") == [("dfa", 1), ("mtn", 2)]
    assert counts("/api/v1/categories/") == [("fibre", 1), ("fixed", 2)]
    assert counts("/api/v1/segments/") == [("business", 1), ("consumer", 2)]
    assert counts("/api/v1/providers/?market_segment=consumer") == [("dfa", 1), ("mtn", 1)]
    assert counts("/api/v1/segments/?provider=nobody") == []
    assert counts("/api/v1/providers/?as_of=2019-01-01") == []
    refused = client.get("/api/v1/providers/?ordering=name")
    assert refused.status_code == 400
    assert refused.json()["errors"][0]["parameter"] == "ordering"


@pytest.mark.django_db
def test_every_other_address_is_refused_in_the_same_form(client):
    for path in ("/api/v1/nothing/", "/api/v1/packages//", "/api/v1/price-locks/"):
        answer = client.get(path)
        assert answer.status_code == 404
        assert answer.headers["Content-Type"] == "application/problem+json"
    assert client.get("/api/v1/nothing", follow=True).json()["status"] == 404
    assert client.post("/api/v1/providers/").json()["status"] == 405
