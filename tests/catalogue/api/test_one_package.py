"""What a package says of itself, to the cent and to the field."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
import time_machine
from django.test import Client
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from catalogue.api import examples
from catalogue.api.serializers import PackageSerializer
from catalogue.models import VatRate
from catalogue.storefront.document import PUBLIC_FIELDS as SHOWN
from catalogue.storefront.document import amount as amount_of
from tests.catalogue.api.packages import SECRETS, package, skyfibre_home_lite
from tests.factories import live_package

pytestmark = pytest.mark.django_db

PUBLIC_FIELDS = [
    "id",
    "sku",
    "slug",
    "name",
    "service_type",
    "category",
    "technology",
    "market_segment",
    "provider",
    "speed_down_mbps",
    "speed_up_mbps",
    "data_limit",
    "contract_months",
    "description",
    "features",
    "add_ons",
    "bundle",
    "hardware",
    "price",
    "promotion",
    "installation_fee",
    "discounted_installation_fee",
    "installation_days",
    "zones",
    "featured",
    "popular",
    "currency",
    "valid_from",
    "valid_to",
]


def shown(client: Client, slug: str = "home-fibre-100") -> dict[str, Any]:
    response = client.get(f"/api/v1/packages/{slug}/")
    assert response.status_code == 200, response.content
    return response.json()


def amount(including: str, vat: str, excluding: str) -> dict[str, str]:
    return {"including_vat": including, "vat": vat, "excluding_vat": excluding}


@time_machine.travel("2026-11-02T08:00:00+02:00", tick=False)
def test_a_package_is_shown_whole_as_the_documentation_shows_it(client):
    skyfibre_home_lite()

    response = client.get("/api/v1/packages/skyfibre-home-lite-50-12m/")

    assert response.status_code == 200
    assert response.headers["Content-Type"] == "application/json"
    assert response.json() == examples.PACKAGE


@time_machine.travel("2026-11-02T08:00:00+02:00", tick=False)
def test_the_list_shows_the_same_in_an_envelope(client):
    skyfibre_home_lite()

    response = client.get("/api/v1/packages/")

    assert response.json() == {"count": None, "next": None, "previous": None, "results": [examples.PACKAGE]}


def test_the_public_fields_are_these_and_no_others(client):
    package()

    assert list(PackageSerializer().fields) == list(SHOWN) == PUBLIC_FIELDS
    assert list(shown(client)) == PUBLIC_FIELDS


def test_a_package_with_nothing_optional_says_so(client):
    package(speed_down_mbps=None, speed_up_mbps=None, technology="", data_limit="", features=[])

    answer = shown(client)

    nothing = {"speed_down_mbps": None, "speed_up_mbps": None, "technology": "", "data_limit": ""}
    nothing |= {
        "description": "",
        "features": [],
        "add_ons": [],
        "bundle": None,
        "hardware": None,
        "promotion": None,
    }
    nothing |= {"installation_fee": None, "discounted_installation_fee": None, "valid_to": None}
    nothing |= {"installation_days": None, "zones": [], "featured": False, "popular": False}
    assert {name: answer[name] for name in nothing} == nothing


def test_a_published_product_appears_at_its_slug(client):
    published = live_package(
        name="Home Fibre 100",
        sku="HF.100/12",
        regular_price="899.00",
        hardware={"model": "ONT", "included": False, "retail_value": "1150.00", "dealer_cost": "43217.89"},
        internal_notes="margin-is-thin-here",
    )

    response = client.get(f"/api/v1/packages/{published.slug}/")

    assert response.json()["price"] == amount("899.00", "117.26", "781.74")
    assert response.json()["hardware"] == {
        "model": "ONT",
        "included": False,
        "price": amount("1150.00", "150.00", "1000.00"),
    }
    assert [secret for secret in SECRETS if secret in response.text] == []


def test_a_new_customer_sees_the_price_new_customers_pay(client):
    package(price=Decimal("799.00"), new_customer_price=Decimal("849.00"))

    answer = shown(client)

    assert answer["price"] == amount("849.00", "110.74", "738.26")
    assert "799.00" not in str(answer)


@pytest.mark.parametrize(
    ("including", "vat", "excluding"),
    [
        ("899.00", "117.26", "781.74"),
        ("799.00", "104.22", "694.78"),
        ("1150.00", "150.00", "1000.00"),
        ("0.00", "0.00", "0.00"),
        ("0.01", "0.00", "0.01"),
        ("0.03", "0.00", "0.03"),
        ("0.04", "0.01", "0.03"),
        ("99999999.99", "13043478.26", "86956521.73"),
    ],
)
def test_vat_is_taken_out_of_the_quoted_amount(client, including, vat, excluding):
    package(price=Decimal(including), installation_fee=Decimal(including))

    answer = shown(client)

    assert answer["price"] == answer["installation_fee"] == amount(including, vat, excluding)


@given(cents=st.integers(0, 9_999_999_999), rate=st.decimals(0, "0.9999", places=4))
def test_the_three_parts_always_add_up(cents, rate):
    parts = amount_of(Decimal(cents) / 100, rate)

    assert Decimal(parts["including_vat"]) == Decimal(cents) / 100
    assert Decimal(parts["vat"]) + Decimal(parts["excluding_vat"]) == Decimal(parts["including_vat"])
    assert all(part == f"{Decimal(part):.2f}" for part in parts.values())


def test_the_vat_rate_is_the_one_in_force_today_in_south_africa(client):
    package(price=Decimal("114.00"), valid_from=datetime(2018, 1, 1, tzinfo=UTC))

    with time_machine.travel("2018-03-31T23:59:59+02:00", tick=False):
        assert shown(client)["price"] == amount("114.00", "14.00", "100.00")
    with time_machine.travel("2018-04-01T00:00:00+02:00", tick=False):
        assert shown(client)["price"] == amount("114.00", "14.87", "99.13")


def test_without_a_vat_rate_nothing_is_quoted(client):
    package()
    VatRate.objects.all().delete()

    for path in ("/api/v1/packages/", "/api/v1/packages/home-fibre-100/"):
        response = client.get(path)

        assert response.status_code == 503
        assert response.headers["Content-Type"] == "application/problem+json"
        assert response.json() == examples.UNAVAILABLE


def test_add_ons_show_chosen_fields_only(client):
    package(
        add_ons=[
            {"name": "Static IP", "price": "99.00", "recurring": True, "dealer_cost": "43217.89"},
            {"name": "Call-out", "price": "450.00", "recurring": False},
        ]
    )

    assert shown(client)["add_ons"] == [
        {
            "name": "Static IP",
            "price": amount("99.00", "12.91", "86.09"),
            "recurring": True,
            "categories": [],
        },
        {
            "name": "Call-out",
            "price": amount("450.00", "58.70", "391.30"),
            "recurring": False,
            "categories": [],
        },
    ]


@pytest.mark.parametrize(
    ("now", "offered"),
    [
        ("2026-10-31T23:59:59+02:00", False),
        ("2026-11-01T00:00:00+02:00", True),
        ("2026-10-31T22:00:00+00:00", True),
        ("2026-11-30T23:59:59+02:00", True),
        ("2026-12-01T00:00:00+02:00", False),
        ("2026-11-30T22:00:00+00:00", False),
    ],
)
def test_a_promotion_is_offered_on_south_african_days_first_and_last_included(client, now, offered):
    package(
        promotion_price=Decimal("599.00"),
        promotion_from=date(2026, 11, 1),
        promotion_to=date(2026, 11, 30),
        promotion_months=3,
    )

    with time_machine.travel(now, tick=False):
        answer = shown(client)

    promotion = {"price": amount("599.00", "78.13", "520.87"), "months": 3, "until": "2026-11-30"}
    assert answer["promotion"] == (promotion if offered else None)
    assert answer["price"]["including_vat"] == "799.00"


def test_a_promotion_without_end_and_limit_says_so(client):
    package(promotion_price=Decimal("599.00"))

    assert shown(client)["promotion"] == {
        "price": amount("599.00", "78.13", "520.87"),
        "months": None,
        "until": None,
    }


@pytest.mark.parametrize(
    "values",
    [
        {"status": "draft"},
        {"status": "inactive"},
        {"status": "archived"},
        {"valid_from": timezone.now() + timedelta(days=3650)},
        {"valid_to": timezone.now() - timedelta(days=1)},
    ],
    ids=["draft", "inactive", "archived", "not yet", "over"],
)
def test_what_is_not_on_sale_is_nowhere(client, values):
    package(**values)

    assert client.get("/api/v1/packages/").json()["results"] == []
    for reference in ("home-fibre-100", "HOME-FIBRE-100"):
        response = client.get(f"/api/v1/packages/{reference}/")
        assert response.status_code == 404
        assert response.json() == examples.NOT_ON_SALE


@pytest.mark.parametrize(
    ("now", "status"),
    [
        ("2026-10-31T23:59:59.999999+02:00", 404),
        ("2026-11-01T00:00:00+02:00", 200),
        ("2026-11-30T23:59:59.999999+02:00", 200),
        ("2026-12-01T00:00:00+02:00", 404),
    ],
)
def test_validity_begins_at_its_instant_and_ends_before_its_end(client, now, status):
    package(
        valid_from=datetime(2026, 10, 31, 22, tzinfo=UTC), valid_to=datetime(2026, 11, 30, 22, tzinfo=UTC)
    )

    with time_machine.travel(now, tick=False):
        assert client.get("/api/v1/packages/home-fibre-100/").status_code == status
        assert client.get("/api/v1/packages/?total=true").json()["count"] == (1 if status == 200 else 0)


def test_nothing_of_ours_alone_is_seen_from_outside(client):
    package()
    package(market_segment="business", hardware_model="ONT", hardware_price=Decimal("1150.00"))

    paths = ["", "?search=thin", "home-fibre-100/", "HOME-FIBRE-100/", "nothing/", "?colour=x"]
    bodies = [client.get(f"/api/v1/packages/{path}").text for path in paths]
    bodies.append(client.options("/api/v1/packages/").text)

    assert "Home Fibre 100" in bodies[0]
    assert "Home Fibre 100" not in bodies[1]
    assert "home-fibre-100" in bodies[3]
    assert [secret for secret in SECRETS if secret in "".join(bodies)] == []


def test_anyone_may_read_and_nobody_write(client):
    package()

    for method in ("post", "put", "patch", "delete"):
        for path in ("/api/v1/packages/", "/api/v1/packages/home-fibre-100/"):
            response = getattr(client, method)(path)
            assert response.status_code == 405
            assert response.headers["Content-Type"] == "application/problem+json"
            assert response.json()["title"] == "Method Not Allowed"
    assert client.head("/api/v1/packages/").status_code == 200
    assert not client.get("/api/v1/packages/").cookies


def test_the_list_takes_two_queries_however_long(client, django_assert_num_queries):
    for number in range(30):
        package(f"FIBRE-{number}", name=f"Fibre {number}", hardware_model="ONT", hardware_price=0)

    for query, shown_ in (
        ("", 20),
        ("?page_size=200", 30),
        ("?page_size=200&total=true&fields=sku,price", 30),
        ("?search=uncapped fibre&market_segment=consumer&price_max=900&page=2", 10),
    ):
        with django_assert_num_queries(2):  # epoch, page
            assert len(client.get(f"/api/v1/packages/{query}").json()["results"]) == shown_


def test_one_package_takes_two_queries(client, django_assert_num_queries):
    package()

    with django_assert_num_queries(2):  # epoch, package
        shown(client)
