"""What a customer pays, and a price held for one, as the storefront answers."""

from datetime import timedelta
from decimal import Decimal

import pytest
import time_machine
from django.core import signing

from catalogue.models import ServicePackage
from pricing import price_lock
from tests.catalogue.api.packages import SECRETS
from tests.pricing.histories import OPENED, Told, package_opened, write

pytestmark = pytest.mark.django_db
PUBLISHED, EFFECTIVE = OPENED + timedelta(days=100), OPENED + timedelta(days=200)
FIELDS = ["package", "signed_up_at", "at", "price", "reason", "next_change", "currency"]
HELD = ["package", "version", "price", "vat_rate", "currency", "expires_at", "token"]


@pytest.fixture
def package():
    """R 799 at first; R 899 published after 100 days, effective after 200."""
    one = package_opened(Decimal("799.00"))
    write(one, [Told(PUBLISHED, EFFECTIVE, Decimal("899.00"), applied=False)])
    return one


def told(client, one, path="price", status=200, **query):
    answer = client.get(f"/api/v1/packages/{one.pk}/{path}", query)
    assert answer.status_code == status, answer.text
    return answer.json()


def at(days):
    return (OPENED + timedelta(days=days)).isoformat()


@pytest.mark.parametrize(
    ("signed_up", "asked", "price", "reason", "next_price"),
    [
        (10, 50, "799.00", "current_price", "899.00"),
        (10, 150, "799.00", "old_price_until_effective_date", "899.00"),
        (120, 150, "899.00", "new_price_from_sign_up", None),
        (10, 250, "899.00", "current_price", None),
    ],
)
def test_a_customer_is_told_price_reason_and_next_change(
    client, package, signed_up, asked, price, reason, next_price
):
    answer = told(client, package, signed_up_at=at(signed_up), at=at(asked))

    assert list(answer) == FIELDS
    assert (answer["price"]["including_vat"], answer["reason"]) == (price, reason)
    parts = {name: Decimal(value) for name, value in answer["price"].items()}
    assert parts["excluding_vat"] + parts["vat"] == parts["including_vat"]
    following = answer["next_change"]
    assert (following and following["price"]["including_vat"]) == next_price
    assert following is None or following["at"].startswith("2020-08-02T11:30:00")


def test_without_instants_it_is_what_who_signs_up_now_pays(client, package):
    with time_machine.travel(EFFECTIVE - timedelta(seconds=20), tick=False):
        answer = client.get(f"/api/v1/packages/{package.pk}/price")

    assert answer.json()["price"] == {"including_vat": "899.00", "vat": "117.26", "excluding_vat": "781.74"}
    assert answer.headers["Cache-Control"] == "public, max-age=20"
    assert [secret for secret in SECRETS if secret in answer.text] == []


def test_packages_off_sale_are_answered_and_unknown_ones_are_not(client, package):
    ServicePackage.objects.filter(pk=package.pk).update(status="archived")
    assert told(client, package, at=at(50), signed_up_at=at(10))["price"]["including_vat"] == "799.00"
    before = told(client, package, status=404, at=at(-10), signed_up_at=at(-10))
    assert before["type"] == "urn:circletel:problem:no-price-then"
    nobody = client.get("/api/v1/packages/00000000-0000-0000-0000-000000000000/price")
    assert (nobody.status_code, nobody.headers["Content-Type"]) == (404, "application/problem+json")
    wrong = told(client, package, status=400, signed_up="2026-01-01", at="soon")
    assert [error["parameter"] for error in wrong["errors"]] == ["signed_up", "at"]


def locked(client, package, when=PUBLISHED):
    with time_machine.travel(when, tick=False):
        return told(client, package, "price-lock")


def verified(client, token, when=PUBLISHED):
    with time_machine.travel(when, tick=False):
        answer = client.get("/api/v1/price-locks/verify", {"token": token})
    assert answer.headers.get("Cache-Control", "no-store") == "no-store"
    return answer.status_code, answer.json()


def test_a_held_price_holds_for_an_hour_whatever_is_published_meanwhile(client, package):
    held = locked(client, package, PUBLISHED - timedelta(minutes=30))
    assert list(held) == HELD
    assert (held["version"], held["price"]["including_vat"], held["vat_rate"]) == (1, "799.00", "0.1500")

    status, answer = verified(client, held["token"], PUBLISHED + timedelta(minutes=29))

    assert (status, answer) == (200, {name: held[name] for name in HELD if name != "token"})
    status, answer = verified(client, held["token"], PUBLISHED + timedelta(minutes=30))
    assert (status, answer["type"]) == (410, "urn:circletel:problem:price-lock-expired")


@pytest.mark.parametrize("spoilt", ["", "x", "{}x", "x{}", "abc:def:ghi"])
def test_a_forged_token_is_refused(client, package, spoilt):
    token = locked(client, package)["token"]
    status, answer = verified(client, spoilt.format(token))
    kind = "price-lock-forged" if spoilt else "invalid-parameter"
    assert (status, answer["type"]) == (400, f"urn:circletel:problem:{kind}")


def test_what_this_server_signed_for_something_else_is_no_price(client, package):
    status, _answer = verified(client, signing.dumps([str(package.pk), 1, "1.00", "0.15", 99999999999]))
    assert status == 400
    status, _answer = verified(client, signing.dumps("x", salt=price_lock.SALT))
    assert status == 400


def test_a_price_taken_back_is_not_held(client):
    one = package_opened(Decimal("799.00"))
    cancelled = PUBLISHED + timedelta(days=5)
    write(one, [Told(PUBLISHED, EFFECTIVE, Decimal("899.00"), cancelled_at=cancelled)])
    token = locked(client, one, PUBLISHED)["token"]

    status, answer = verified(client, token)

    assert (status, answer["type"]) == (409, "urn:circletel:problem:price-lock-withdrawn")
    assert "R 899.00" in answer["detail"]


def test_a_package_off_sale_holds_no_price(client, package):
    token = locked(client, package)["token"]
    ServicePackage.objects.filter(pk=package.pk).update(end_of_sale=PUBLISHED)

    assert verified(client, token)[0] == 409
    with time_machine.travel(PUBLISHED, tick=False):
        assert told(client, package, "price-lock", status=404)["type"].endswith("not-on-sale")
