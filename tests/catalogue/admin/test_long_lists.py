"""Lists of tables that grow: few queries for any number of rows, searches from an index, estimates that say so."""

import pytest
from django.contrib import admin
from django.db import connection
from django.test import Client, RequestFactory
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from catalogue.models import Product, ServicePackage
from circletel.core.admin import long_lists
from circletel.core.models import AuditEntry
from pricing.models import Subscription
from tests.factories import live_package, person
from tests.pricing.subscriptions import mirrored
from zoho_sync.models import ProductIntegration, ZohoSyncLog

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("redis_flushed")]

LONG = [ServicePackage, Product, ProductIntegration, ZohoSyncLog, AuditEntry, Subscription]
# Who asks and what they may: the same on every page.
OF_THE_PERSON = ("django_session", "auth_user", "auth_permission", "auth_group", "SAVEPOINT")


@pytest.fixture
def client():
    client = Client()
    client.force_login(person("nomsa.dlamini", "Auditor", "Product manager", "Sync operator"))
    return client


def url(model):
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")


def rows(count):
    for number in range(count):
        package = live_package(provider=f"Network {number}")
        mirrored(package, customer_name="Sipho Dlamini")
        ZohoSyncLog.objects.create(
            system="crm", method="GET", path=f"/crm/v8/Products/{number}", duration_ms=9
        )


def own_queries(client, address):
    with CaptureQueriesContext(connection) as context:
        assert client.get(address).status_code == 200
    asked = [query["sql"] for query in context.captured_queries]
    return [
        sql for sql in asked if not any(f'FROM "{name}' in sql or name == sql[:9] for name in OF_THE_PERSON)
    ]


def test_a_list_takes_at_most_six_queries_for_any_number_of_rows(client):
    lists = [url(model) + search for model in LONG for search in ("", "?q=fibre", "?q=sipho+network")]
    rows(2)
    few = {each: own_queries(client, each) for each in lists}
    rows(8)

    for each, before in few.items():
        # The second look knows the values of the filters already.
        assert len(own_queries(client, each)) <= len(before) <= 6, "\n".join([each, *before])


@pytest.mark.parametrize("model", LONG)
def test_a_search_is_answered_from_an_index(model):
    rows(1)
    pages = admin.site._registry[model]
    request = RequestFactory().get("/")
    request.user = person("nomsa.dlamini")
    found, _ = pages.get_search_results(request, model._default_manager.order_by(), "fibre")

    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        plan = found.explain()

    assert "_search" in plan
    assert "Seq Scan" not in plan


def test_a_record_is_found_by_the_name_of_its_package(client):
    package = live_package(name="Karoo Fibre 100")
    live_package(name="Overberg Fibre 50")

    page = client.get(url(ProductIntegration) + "?q=karoo+fibre")

    assert {record.package_id for record in page.context["cl"].result_list} == {package.pk}


def test_a_name_of_many_packages_finds_the_records_of_all_of_them(client, monkeypatch):
    monkeypatch.setattr(long_lists, "MOST_RELATED", 1)
    packages = {live_package(name="Karoo Fibre 100").pk, live_package(name="Karoo Fibre 200").pk}
    live_package(name="Overberg Fibre 50")

    page = client.get(url(ProductIntegration) + "?q=karoo")

    assert {record.package_id for record in page.context["cl"].result_list} == packages


def test_every_word_has_to_be_found_and_quotes_keep_words_together(client):
    live_package(name="Karoo Fibre 100", sku="A")
    live_package(name="Fibre for the Karoo", sku="B")

    def skus(search):
        return {one.sku for one in client.get(url(ServicePackage), {"q": search}).context["cl"].result_list}

    assert skus("karoo fibre") == {"A", "B"}
    assert skus('"karoo fibre"') == {"A"}
    assert skus("karoo lake") == set()


def test_a_filter_offers_what_there_is_without_reading_the_table_each_time(client):
    rows(1)
    address = url(ServicePackage)
    first = own_queries(client, address)
    second = own_queries(client, address)

    assert sum("DISTINCT" in sql for sql in first) == 3  # service type, provider, technology
    assert not [sql for sql in second if "DISTINCT" in sql]
    assert "Network 0" in client.get(address).content.decode()


def test_filters_work_without_redis(client, monkeypatch, settings):
    rows(1)
    settings.CACHES = settings.CACHES | {
        "default": settings.CACHES["default"] | {"LOCATION": "redis://127.0.0.1:1/0"}
    }

    assert client.get(url(ServicePackage)).status_code == 200
