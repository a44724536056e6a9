"""What is served is what would be built at that instant, whatever was done before and whichever way."""

import json
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
import time_machine
from django.db import connection
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from catalogue import services
from catalogue.models import PackageDocument, ServicePackage, VatRate, vat_rate_at
from catalogue.storefront import written
from catalogue.storefront.document import SHAPE, document
from pricing import applying
from tests.catalogue.api.packages import package
from tests.factories import live_package, mr_botha
from tests.fuzz.inputs import fuzzed

START = datetime(2026, 11, 2, 6, tzinfo=UTC)


def served(slug, at):
    with time_machine.travel(at, tick=False):
        return Client().get(f"/api/v1/packages/{slug}/")


def built(one, at):
    """The same, from the package as it stands."""
    one = ServicePackage.objects.get(pk=one.pk)
    return json.loads(json.dumps(document(one, at, vat_rate_at(at))))


def text_of(one):
    return PackageDocument.objects.get(pk=one.pk).text


@pytest.mark.django_db
def test_a_publish_writes_the_document_down_in_its_own_transaction():
    one = live_package(name="Home Fibre 100", description="Fast")

    kept = PackageDocument.objects.get(pk=one.pk)
    assert json.loads(kept.text) == built(one, START)
    assert (kept.promoted_text, kept.vat_rate, kept.shape) == (None, Decimal("0.1500"), SHAPE)
    assert "Fast" in kept.search_text


@pytest.mark.django_db
def test_whoever_goes_past_the_services_empties_the_document_and_the_answer_is_right_all_the_same(
    django_assert_num_queries,
):
    one = package()
    assert text_of(one)

    ServicePackage.objects.filter(pk=one.pk).update(price=Decimal("1.15"), name="Renamed")

    assert text_of(one) is None
    with django_assert_num_queries(3):  # epoch, package, and the one that is built
        answer = served(one.slug, START).json()
    assert (answer["name"], answer["price"]["excluding_vat"]) == ("Renamed", "1.00")
    assert text_of(one) is None
    assert written.write_missing() == 1
    assert json.loads(text_of(one)) == answer
    assert written.write_missing() == 0


@pytest.mark.django_db
def test_what_changes_nothing_leaves_the_document_alone():
    one = package()

    ServicePackage.objects.filter(pk=one.pk).update(price=one.price)

    assert text_of(one) is not None


@pytest.mark.django_db
def test_another_vat_rate_is_quoted_from_its_first_instant_and_written_down_by_the_job():
    one = package(price=Decimal("116.00"))
    VatRate.objects.filter(valid_to=None).update(valid_to=date(2027, 1, 1))
    VatRate.objects.create(rate=Decimal("0.16"), valid_from=date(2027, 1, 1))

    before = served(one.slug, "2026-12-31T23:59:59+02:00").json()
    after = served(one.slug, "2027-01-01T00:00:00+02:00").json()

    assert before["price"] == {"including_vat": "116.00", "vat": "15.13", "excluding_vat": "100.87"}
    assert after["price"] == {"including_vat": "116.00", "vat": "16.00", "excluding_vat": "100.00"}
    with time_machine.travel("2027-01-01T00:01:00+02:00", tick=False):
        assert written.write_missing() == 1
    assert json.loads(text_of(one)) == after


@pytest.mark.django_db
def test_the_set_of_a_price_job_is_written_down_in_as_many_statements_as_one(django_assert_num_queries):
    ones = [package(f"F-{number}") for number in range(12)]
    ServicePackage.objects.update(price=Decimal("850.00"))

    with django_assert_num_queries(3):  # VAT rate, packages, documents
        written.write_down([one.pk for one in ones])

    assert {json.loads(text_of(one))["price"]["including_vat"] for one in ones} == {"850.00"}


def _later(days):
    return START + timedelta(days=days)


DEEDS = st.one_of(
    st.tuples(st.just("price"), st.integers(1, 200_000)),
    st.tuples(st.just("new price"), st.one_of(st.none(), st.integers(1, 200_000))),
    st.tuples(
        st.just("promotion"),
        st.tuples(
            st.one_of(st.none(), st.integers(0, 150_000)),
            st.one_of(st.none(), st.integers(-5, 20)),
            st.one_of(st.none(), st.integers(-5, 20)),
        ),
    ),
    st.tuples(st.just("validity"), st.tuples(st.integers(-5, 10), st.one_of(st.none(), st.integers(11, 20)))),
    st.tuples(st.just("end of sale"), st.one_of(st.none(), st.integers(-5, 20))),
    st.tuples(st.just("status"), st.sampled_from(["active", "inactive"])),
    st.tuples(st.just("description"), st.text(max_size=5).filter(lambda text: "\0" not in text)),
    st.tuples(st.just("sweep"), st.none()),
    st.tuples(st.just("tell"), st.none()),
)


def do(one, deed, value):
    changes = {
        "price": lambda: {"price": Decimal(value) / 100},
        "new price": lambda: {"new_customer_price": value and Decimal(value) / 100},
        "promotion": lambda: _promotion(*value),
        "validity": lambda: {
            "valid_from": _later(value[0]),
            "valid_to": None if value[1] is None else _later(value[1]),
        },
        "end of sale": lambda: {"end_of_sale": None if value is None else _later(value)},
        "status": lambda: {"status": value},
        "description": lambda: {"description": value},
    }
    if deed == "sweep":
        written.write_missing()
    elif deed == "tell":
        written.write_down([one.pk])
    else:
        ServicePackage.objects.filter(pk=one.pk).update(**changes[deed]())


def _promotion(price, begin, end):
    first, last = (None if days is None else _later(days).date() for days in (begin, end))
    return {
        "promotion_price": None if price is None else Decimal(price) / 100,
        "promotion_from": first,
        "promotion_to": last,
        "promotion_months": 3,
    }


@pytest.mark.fuzz
class TestServedIsBuilt(TestCase):
    @fuzzed(few=25, many=300)
    @given(
        deeds=st.lists(DEEDS, max_size=8),
        minutes=st.lists(st.integers(-6 * 24 * 60, 21 * 24 * 60), min_size=1, max_size=5),
    )
    def test_at_any_instant_after_any_deeds(self, deeds, minutes):
        one = package(promotion_price=Decimal("599.00"), promotion_from=_later(1).date())
        for deed, value in deeds:
            do(one, deed, value)
        for minute in minutes:
            at = START + timedelta(minutes=minute)
            answer, listed = served(one.slug, at), self._listed(at)
            standing = ServicePackage.objects.get(pk=one.pk)
            if standing.is_on_sale(at):
                assert answer.json() == built(one, at)
                assert listed == [built(one, at)]
            else:
                assert (answer.status_code, listed) == (404, [])

    def _listed(self, at):
        with time_machine.travel(at, tick=False):
            return Client().get("/api/v1/packages/").json()["results"]


@pytest.mark.django_db
def test_the_boundaries_of_an_epoch_are_the_next_and_the_last_instant_at_which_something_begins_or_ends():
    package(valid_to=_later(9), promotion_price=Decimal("1"), promotion_from=date(2026, 11, 5))
    package("B", promotion_price=Decimal("1"), promotion_to=date(2026, 11, 8), end_of_sale=_later(30))
    midnight = "2026-11-{:02}T00:00:00+02:00".format
    for now, begins, ends in [
        ("2026-11-04T12:00:00+02:00", "2020-01-01T00:00:00+00:00", midnight(5)),
        (midnight(5), midnight(5), midnight(9)),
        ("2026-11-08T23:59:59+02:00", midnight(5), midnight(9)),
        (midnight(9), midnight(9), _later(9).isoformat()),
        (_later(9).isoformat(), _later(9).isoformat(), _later(30).isoformat()),
        (_later(30).isoformat(), _later(30).isoformat(), None),
    ]:
        with connection.cursor() as cursor:
            cursor.execute("SELECT begins, ends FROM storefront_epoch(-1, %s)", [datetime.fromisoformat(now)])
            assert cursor.fetchone() == (
                datetime.fromisoformat(begins),
                ends and datetime.fromisoformat(ends),
            ), now


@pytest.mark.django_db
def test_services_keep_documents_written_whatever_they_do():
    one = live_package(name="Home Fibre 100")
    services.publish(one.source_admin_product_id, actor=mr_botha())
    applying.apply_due(START)
    assert text_of(one)
