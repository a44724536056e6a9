"""Kept answers are never wrong: tags, dates and what a process keeps, against what others commit."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import httpx
import pytest
import time_machine
from django.core.cache import cache
from django.db import connection
from django.db.models import F

from catalogue.api import window
from catalogue.models import CatalogueRevision, ServicePackage
from catalogue.storefront.kept import OVERHEAD, Kept
from tests.catalogue.api.packages import package
from tests.catalogue.storefront.servers import serving

committed = pytest.mark.django_db(transaction=True, serialized_rollback=True)
LIST = "/api/v1/packages/"


def asked(client, path=LIST, **headers):
    return client.get(path, headers=headers)


@committed
def test_an_answer_bears_a_strong_tag_and_304_asks_one_question(client, django_assert_num_queries):
    package()
    first = asked(client)

    assert first.headers["ETag"].startswith('"')
    with django_assert_num_queries(1):  # the epoch; no package
        again = asked(client, **{"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["ETag"] == first.headers["ETag"]
    assert again.headers["Cache-Control"] == first.headers["Cache-Control"] == "public, max-age=60"
    with django_assert_num_queries(1):
        assert asked(client).content == first.content


@committed
@pytest.mark.parametrize("weakened", ["W/{}", '"x", {}', "{}"])
def test_a_tag_is_known_again_in_any_of_its_forms(client, weakened):
    package()
    tag = asked(client).headers["ETag"]

    assert asked(client, **{"If-None-Match": weakened.format(tag)}).status_code == 304
    assert asked(client, f"{LIST}?page_size=1", **{"If-None-Match": tag}).status_code == 200
    assert asked(client, f"{LIST}?colour=red", **{"If-None-Match": tag}).status_code == 400


@committed
def test_conditions_are_read_as_http_has_them(client):
    package()
    tag = asked(client).headers["ETag"]
    inside_another = f'"{tag[1:-1]}-more", "{tag}'

    assert asked(client, **{"If-None-Match": "*"}).status_code == 304
    assert asked(client, **{"If-None-Match": inside_another}).status_code == 200
    assert asked(client, f"{LIST}nowhere/", **{"If-None-Match": "*"}).status_code == 404
    assert asked(client, **{"If-Match": tag}).status_code == 200
    refused = asked(client, **{"If-Match": '"other"'})
    assert (refused.status_code, "Cache-Control" in refused.headers) == (412, False)
    long_ago = "Mon, 02 Nov 2020 06:00:00 GMT"
    assert asked(client, **{"If-Modified-Since": long_ago}).status_code == 200


@committed
@pytest.mark.parametrize(
    "path", [LIST, "/api/v1/packages/home-fibre-100/", f"{LIST}?provider=DFA&total=true"]
)
def test_every_change_is_in_the_next_answer(client, path):
    one = package()
    before = asked(client, path)

    ServicePackage.objects.filter(pk=one.pk).update(price=Decimal("849.00"))
    after = asked(client, path, **{"If-None-Match": before.headers["ETag"]})

    assert after.status_code == 200
    assert b"849.00" in after.content
    assert after.headers["ETag"] != before.headers["ETag"]


@committed
def test_time_alone_ends_an_epoch(client):
    begins = datetime(2026, 11, 2, 22, tzinfo=UTC)  # midnight in South Africa
    package(promotion_price=Decimal("599.00"), promotion_from=begins.date() + timedelta(days=1))

    with time_machine.travel(begins - timedelta(seconds=30), tick=False):
        before = asked(client)
    with time_machine.travel(begins, tick=False):
        after = asked(client, **{"If-None-Match": before.headers["ETag"]})

    assert before.headers["Cache-Control"] == "public, max-age=30"
    assert after.status_code == 200
    assert before.json()["results"][0]["promotion"] is None
    assert after.json()["results"][0]["promotion"]["price"]["including_vat"] == "599.00"


@committed
def test_dates_count_only_when_no_later_change_can_have_the_same(client):
    one = package()
    changed = datetime.now(UTC)
    assert "Last-Modified" not in asked(client).headers

    with time_machine.travel(changed + timedelta(hours=1), tick=False):
        since = asked(client).headers["Last-Modified"]
        assert asked(client, **{"If-Modified-Since": since}).status_code == 304
        assert asked(client, **{"If-Modified-Since": since, "If-None-Match": '"other"'}).status_code == 200
        ServicePackage.objects.filter(pk=one.pk).update(name="Renamed")
        # The database's clock did not travel; by now it is another second there too.
        CatalogueRevision.objects.update(revision=F("revision") + 1_000_000)
        assert asked(client, **{"If-Modified-Since": since}).json()["results"][0]["name"] == "Renamed"


@committed
def test_inside_a_transaction_nothing_is_kept(client):
    from django.db import transaction

    one = package()
    asked(client)
    with transaction.atomic():
        ServicePackage.objects.filter(pk=one.pk).update(name="Renamed")
        inside = asked(client)
        transaction.set_rollback(True)

    assert inside.json()["results"][0]["name"] == "Renamed"
    assert "ETag" not in inside.headers
    assert asked(client).json()["results"][0]["name"] == "Home Fibre 100"


@committed
def test_a_lost_connection_is_opened_again(client):
    package()
    asked(client)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        [pid] = cursor.fetchone()
    other = connection.copy()
    with other.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])
    other.close()

    assert asked(client).status_code == 200


def test_what_is_kept_is_bounded_and_the_least_recently_asked_goes_first():
    epoch, other = object(), object()
    kept = Kept(3 * (OVERHEAD + 101))
    for name in "abc":
        kept.put(epoch, name, b"x" * 100)
    kept.get(epoch, "a")
    kept.put(epoch, "d", b"x" * 100)

    assert [kept.get(epoch, name) is not None for name in "abcd"] == [True, False, True, True]
    kept.put(epoch, "e", b"x" * 10_000)
    assert kept.get(epoch, "e") is None
    assert kept.get(other, "a") is None
    kept.put(other, "a", b"y")
    assert (kept.get(epoch, "a"), kept.get(other, "a")) == (None, b"y")


@committed
def test_a_publish_is_seen_by_the_next_request_of_every_process():
    one = package()
    with serving() as first, serving() as second:
        for number in range(20):
            price = f"{800 + number}.00"
            ServicePackage.objects.filter(pk=one.pk).update(price=Decimal(price))
            for url in (first, second, second, first):
                answer = httpx.get(f"{url}{LIST}")
                assert answer.json()["results"][0]["price"]["including_vat"] == price


@pytest.mark.django_db
def test_other_origins_read_where_the_setting_says(client, settings):
    settings.STOREFRONT_CORS_ORIGINS = ["https://shop.example"]

    ours = asked(client, Origin="https://shop.example")
    others = asked(client, Origin="https://evil.example")
    preflight = client.options(
        LIST, headers={"Origin": "https://shop.example", "Access-Control-Request-Method": "GET"}
    )

    assert ours.headers["Access-Control-Allow-Origin"] == "https://shop.example"
    assert "Access-Control-Allow-Origin" not in others.headers
    assert ours.headers["Vary"] == others.headers["Vary"] == "Origin"
    assert preflight.headers["Access-Control-Allow-Methods"] == "GET, HEAD, OPTIONS"
    settings.STOREFRONT_CORS_ORIGINS = []
    assert "Access-Control-Allow-Origin" not in asked(client, Origin="https://shop.example").headers


@pytest.mark.django_db
def test_one_address_asks_no_more_often_than_the_setting_says(client, settings, redis_flushed):
    settings.STOREFRONT_THROTTLE = "2/minute"
    cache.clear()

    statuses = [asked(client).status_code for _ in range(3)]
    refused = asked(client)

    assert statuses == [200, 200, 429]
    assert refused.headers["Content-Type"] == "application/problem+json"
    assert int(refused.headers["Retry-After"]) > 0


def test_the_cache_of_a_process_is_bounded():
    assert window.kept.most_bytes == 32 * 1024 * 1024
