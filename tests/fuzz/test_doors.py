"""Whatever is asked of the storefront, the REST for staff and the admin, or sent to them: an answer, and no mistake of ours."""

import json
from datetime import date, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.http import QueryDict
from hypothesis import given
from hypothesis import strategies as st

from pricing.models import PriceChange
from tests.factories import draft_product, live_package
from tests.fuzz.inputs import LEAVES, TEXTS, bad_input, documents, fuzzed, objects

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("redis_flushed")]

WORDS = [
    "consumer",
    "MTN",
    "fibre",
    "active",
    "draft",
    "crm",
    "billing",
    "price",
    "-price",
    "name",
    "1",
    "20",
    "true",
]
VALUES = st.one_of(TEXTS, st.sampled_from(WORDS), st.integers().map(str))


def queries(names: list[str]) -> st.SearchStrategy[str]:
    """A query string; parameters may come twice."""
    pair = st.tuples(st.one_of(st.sampled_from(names), st.sampled_from(names), TEXTS), VALUES)
    return st.lists(pair, max_size=4).map(encoded)


def encoded(pairs: list[tuple[str, str]]) -> str:
    query = QueryDict(mutable=True)
    for name, value in pairs:
        query.appendlist(name, value)
    return query.urlencode()


STOREFRONT = [
    "page", "page_size", "ordering", "search", "market_segment", "provider", "service_type", "category", "technology",
    "price_min", "price_max", "speed_down_min", "contract_months", "on_promotion", "at", "customer_since",
]  # fmt: skip


@fuzzed(few=60, many=5_000)
@given(query=queries(STOREFRONT), reference=st.one_of(st.just(""), st.just("home-fibre"), TEXTS))
def test_any_question_to_the_storefront_is_answered(client, query, reference):
    bad_input("questions to the storefront")
    from urllib.parse import quote

    path = f"/api/v1/packages/{quote(reference, safe='') + '/' if reference else ''}?{query}"
    assert client.get(path).status_code < 500


LISTS = {
    "/api/admin/price-changes": [
        "status",
        "package",
        "page",
        "page_size",
        "created_after",
        "search",
        "effective_date",
    ],
    "/api/admin/products/integration-status": ["system", "status", "search", "page", "page_size"],
    "/api/admin/reconciliation-reports": ["limit", "offset"],
}


@fuzzed(few=40, many=2_000)
@given(
    path=st.sampled_from(sorted(LISTS)),
    query=queries(sorted({name for names in LISTS.values() for name in names})),
)
def test_any_question_of_staff_is_answered(chief, path, query):
    bad_input("questions of staff over REST")
    assert chief.get(f"{path}?{query}").status_code < 500


BODY_NAMES = ["package", "new_price", "reason", "effective_date", "customer_message", "notes", "ids", "filter", "status",
              "provider", "category", "scope", "only", "force"]  # fmt: skip
PLAUSIBLE = {
    "new_price": st.one_of(st.sampled_from(["799.00", "0", "1e5", "NaN", "-1", "99999999.99"]), LEAVES),
    "reason": st.one_of(st.just("why"), LEAVES),
    "effective_date": st.one_of(st.just((date.today() + timedelta(days=90)).isoformat()), TEXTS, LEAVES),
    "notes": LEAVES,
    "customer_message": LEAVES,
}
WISHES = st.fixed_dictionaries({}, optional=PLAUSIBLE)
BODIES = st.one_of(WISHES, objects(BODY_NAMES), documents(BODY_NAMES))
DEEDS = ["create", "edit", "publish", "cancel", "amend", "bulk", "reconcile", "crm", "billing"]


@fuzzed(few=60, many=3_000)
@given(deed=st.sampled_from(DEEDS), body=BODIES, is_text=st.booleans(), text=TEXTS)
def test_any_body_sent_by_staff_is_taken_or_refused(chief, deed, body, is_text, text, monkeypatch):
    bad_input("bodies sent by staff over REST")
    package = chief.package
    if deed == "create" and isinstance(body, dict):
        body = {"package": str(package.pk), **body}
    change = PriceChange.objects.first()
    id = change.pk if change else package.pk
    method, path = {
        "create": ("post", "/api/admin/price-changes"),
        "edit": ("put", f"/api/admin/price-changes/{id}"),
        "publish": ("post", f"/api/admin/price-changes/{id}/publish"),
        "cancel": ("post", f"/api/admin/price-changes/{id}/cancel"),
        "amend": ("post", f"/api/admin/price-changes/{id}/amend"),
        "bulk": ("post", "/api/admin/products/bulk-publish"),
        "reconcile": ("post", "/api/admin/reconciliation/run"),
        "crm": ("post", f"/api/admin/products/{package.source_admin_product_id}/sync-crm"),
        "billing": ("post", f"/api/admin/products/{package.source_admin_product_id}/sync-billing"),
    }[deed]
    content = text if is_text else json.dumps(body)
    answer = getattr(chief, method)(path, content.encode("utf-8", "replace"), content_type="application/json")
    assert answer.status_code < 500


PAGES = ["catalogue/product", "catalogue/servicepackage", "core/auditentry", "pricing/pricechange",
         "zoho_sync/productintegration", "zoho_sync/zohosynclog", "reconciliation/finding"]  # fmt: skip
ADMIN = ["q", "p", "o", "all", "e", "_facets", "status__exact", "market_segment__exact", "provider", "id__exact", "created_at__gte",
         "at__day", "kind__exact", "package__id__exact", "price__gt", "_changelist_filters", "source_admin_product"]  # fmt: skip


@fuzzed(few=20, many=800)
@given(page=st.sampled_from(PAGES), query=queries(ADMIN))
def test_any_list_of_the_admin_opens_or_refuses(chief, page, query):
    bad_input("questions to the admin")
    assert chief.get(f"/admin/{page}/?{query}").status_code < 500


@fuzzed(few=20, many=500)
@given(id=st.one_of(TEXTS, st.uuids().map(str)), page=st.sampled_from(PAGES))
def test_any_page_of_the_admin_opens_or_is_not_found(chief, page, id):
    bad_input("pages of the admin")
    from urllib.parse import quote

    assert chief.get(f"/admin/{page}/{quote(id, safe='')}/change/").status_code < 500


@pytest.fixture
def chief(client: Any) -> Any:
    """A superuser in front of a small catalogue. Each input sees what those before it left."""
    client.package = live_package(sku="FUZZ-1")
    draft_product(sku="FUZZ-2")
    client.force_login(User.objects.create_superuser("chief"))
    return client
