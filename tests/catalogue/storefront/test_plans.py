"""How the database answers the storefront's questions among 10,000 packages: by index, never by reading all."""

import json

import pytest
from django.db import connection
from django.http import QueryDict
from django.utils import timezone

from catalogue.api import asked
from catalogue.api.views import LIST_PARAMETERS
from catalogue.storefront import written
from catalogue.storefront.asking import Key, Where
from catalogue.storefront.reading import Shelf, statement
from circletel.core.rest.parameters import ensure_understood
from tests.catalogue.api.packages import package

TABLES = {"service_packages", "service_package_documents"}
COPIES = """
INSERT INTO service_packages
SELECT (jsonb_populate_record(p, jsonb_build_object(
    'id', gen_random_uuid(), 'description', '', 'sku', 'COPY-' || n, 'slug', 'copy-' || n, 'logical_key', 'copy-' || n,
    'name', 'Plan ' || md5(n::text), 'price', 299 + n % 2000, 'contract_months', 1 + n % 36,
    'provider', 'P' || n % 40, 'category', 'c' || n % 30, 'service_type', 's' || n % 30,
    'speed_down_mbps', n % 1000, 'technology', 't' || n % 30))).*
FROM service_packages p, generate_series(1, 10000) n
"""


@pytest.fixture(scope="module")
def shelf(django_db_setup, django_db_blocker):
    """Committed, for statistics and visibility; taken away afterwards."""
    with django_db_blocker.unblock():
        package(description="Aardvark")
        with connection.cursor() as cursor:
            cursor.execute(COPIES)
        while written.write_missing():
            pass
        with connection.cursor() as cursor:
            cursor.execute("VACUUM ANALYZE service_packages, service_package_documents")
        yield
        with connection.cursor() as cursor:
            cursor.execute(
                "TRUNCATE service_packages, admin_products CASCADE; DELETE FROM auth_user WHERE NOT is_staff"
            )


def nodes(plan):
    yield plan
    for below in plan.get("Plans", []):
        yield from nodes(below)


def explained(sql, values):
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {sql}", values)
        [told] = cursor.fetchone()
    return list(nodes((json.loads(told) if isinstance(told, str) else told)[0]["Plan"]))


def ensure_by_index(sql, values):
    scans = [(node["Node Type"], node.get("Relation Name")) for node in explained(sql, values)]
    assert [each for each in scans if each[0] == "Seq Scan" and each[1] in TABLES] == []
    assert any("Index" in kind for kind, _table in scans)


def now():
    at = timezone.now()
    return Shelf(at, at, None)


@pytest.mark.django_db
@pytest.mark.parametrize(
    "query",
    [
        "",
        "provider=P7",
        "provider=p7&market_segment=consumer",
        "provider=P7,P8,P9",
        "category=c3",
        "service_type=s3&technology=t3",
        "ordering=price",
        "ordering=-price",
        "ordering=-speed_down_mbps",
        "ordering=speed_down_mbps",
        "ordering=contract_months",
        "ordering=-valid_from",
        "price_min=500&price_max=510",
        "search=COPY-4711",
        "search=ardvark",
    ],
)
def test_a_list_reads_by_index(shelf, query):
    values = ensure_understood(QueryDict(query), LIST_PARAMETERS)
    keys = asked.keys(asked.ordering(values), values, now().id)

    ensure_by_index(*statement(now(), asked.conditions(values), keys, limit=21))


@pytest.mark.django_db
def test_a_package_is_found_by_index(shelf):
    named = Where("(p.slug = %s OR upper(p.sku) = upper(%s))", ("copy-42", "copy-42"))

    ensure_by_index(*statement(now(), [named], [Key("p.slug", "text")], limit=100))


@pytest.mark.django_db
def test_the_epoch_reads_by_index(shelf):
    with connection.cursor() as cursor:
        cursor.execute("SELECT prosrc FROM pg_proc WHERE proname = 'storefront_epoch'")
        [source] = cursor.fetchone()
    questions = [line.strip().rstrip(",") for line in source.splitlines() if "FROM service_packages" in line]
    assert len(questions) >= 6
    for column in ("valid_from", "valid_to", "end_of_sale", "promotion_from", "promotion_to"):
        for best, sign in (("max", "<="), ("min", ">")):
            ensure_by_index(
                f"SELECT {best}(p.{column}) FROM service_packages p"
                f" WHERE p.status = 'active' AND p.{column} {sign} now()",
                [],
            )
