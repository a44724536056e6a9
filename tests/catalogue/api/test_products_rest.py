"""Products over REST: the same rules, rights and audit as their page in the admin."""

import json
import uuid
from decimal import Decimal

import pytest
from django.test import Client

from catalogue import services
from catalogue.api import examples
from catalogue.models import Product, ProductStatus, ServicePackage
from circletel.core.models import AuditEntry
from tests.factories import approved_product, draft_product, live_package, mr_botha, ms_naidoo, person

pytestmark = pytest.mark.django_db
LIST = "/api/admin/products"
READ_ONLY = {"id", "slug", "status", "published", "version", "rejection_reason", "packages"}


def as_(somebody):
    client = Client()
    client.force_login(somebody)
    return client


def send(client, method, path, body=None):
    return getattr(client, method)(path, body, content_type="application/json")


def fields(response):
    assert response.headers["Content-Type"] == "application/problem+json", response.content
    return response.status_code, sorted(error["field"] for error in response.json()["errors"])


def cost_viewer():
    return person("thandi.naidoo", "Product manager", "Cost viewer")


def test_the_example_of_the_documentation_is_taken_and_shown():
    made = send(as_(ms_naidoo()), "post", LIST, examples.NEW)

    assert made.status_code == 201
    shown, expected = dict(made.json()), dict(examples.SHOWN)
    for name in ("id", "created_at", "changed_at"):
        shown.pop(name), expected.pop(name)
    assert shown == expected
    assert as_(ms_naidoo()).get(made["Location"]).json() == made.json()
    entry = AuditEntry.objects.get()
    assert (entry.action, entry.actor_name) == ("created", "Thandi Naidoo")
    assert entry.changes["pricing.regular_price"] == [None, "999.00"]


def test_an_edit_changes_what_it_names_and_voids_an_approval():
    product = approved_product(hardware={"model": "ONT", "retail_value": Decimal("500.00")})
    body = {"pricing": {"regular_price": "849.00"}, "features": ["Capped", "Fast"], "hardware": None}

    edited = send(as_(ms_naidoo()), "patch", f"{LIST}/{product.pk}", body).json()

    assert (edited["status"], edited["version"], edited["approved_by"]) == ("draft", 2, None)
    assert (edited["pricing"]["regular_price"], edited["pricing"]["approved_by"]) == ("849.00", None)
    assert (edited["features"], edited["hardware"], edited["name"]) == (
        ["Capped", "Fast"],
        None,
        product.name,
    )
    entry = AuditEntry.objects.filter(action="edited").get()
    assert entry.detail == "approval voided"
    assert set(entry.changes) == {
        "pricing.regular_price", "features", "status",
        "hardware.model", "hardware.included", "hardware.retail_value",
    }  # fmt: skip


def test_an_edit_that_changes_nothing_leaves_the_approval():
    product = approved_product()
    same = {"name": product.name, "features": ["Uncapped"], "add_ons": [], "internal_notes": "Only for us"}

    answer = send(as_(ms_naidoo()), "patch", f"{LIST}/{product.pk}", same)

    assert (answer.json()["status"], answer.json()["internal_notes"]) == ("approved", "Only for us")
    assert services.publish(product.pk, actor=mr_botha()).created


def test_costs_are_for_cost_viewers():
    product = draft_product(hardware={"model": "ONT", "dealer_cost": Decimal("321.00")})
    address, body = f"{LIST}/{product.pk}", {"hardware": {"dealer_cost": "300.00"}}

    blind = as_(ms_naidoo())
    assert "dealer_cost" not in blind.get(address).json()["hardware"]
    assert "321.00" not in blind.get(LIST).text
    assert send(blind, "patch", address, body).status_code == 403
    seeing = as_(cost_viewer())
    assert seeing.get(address).json()["hardware"]["dealer_cost"] == "321.00"
    assert send(seeing, "patch", address, body).json()["hardware"] == {
        "model": "ONT", "included": True, "retail_value": None, "dealer_cost": "300.00",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ({"nmae": "X"}, ["nmae"]),
        ({"status": "approved"}, ["status"]),
        ({"sku": "A/../B"}, ["sku"]),
        ({"contract_months": 0}, ["contract_months"]),
        ({"pricing": {"regular_price": "-1"}}, ["pricing.regular_price"]),
        ({"pricing": {"regular_prise": "1"}}, ["pricing.regular_prise"]),
        ({"pricing": {"promotion_price": "899.00"}}, ["pricing"]),
        ({"pricing": None}, ["pricing"]),
        ({"add_ons": [{"name": "IP", "price": "1"}, {"name": "IP", "price": "1"}]}, ["add_ons.1"]),
        ({"add_ons": [{"price": "1"}]}, ["add_ons.0.name"]),
        ({"components": [{"component": str(uuid.uuid4())}]}, ["components.0.component"]),
        ({"components": [{"quantity": 0}]}, ["components.0.quantity"]),
        ({"valid_from": "2026-02-01T00:00:00Z", "valid_to": "2026-01-01T00:00:00Z"}, [""]),
        ({"features": ["x" * 201, "ok", 5.5, None]}, ["features.0", "features.3"]),
    ],
)
def test_every_wrong_field_is_named_and_nothing_is_stored(body, named):
    product = draft_product(regular_price="799.00")

    status, told = fields(send(as_(ms_naidoo()), "patch", f"{LIST}/{product.pk}", body))

    assert (status, told) == (400, named)
    found = Product.objects.with_content().get(pk=product.pk)
    assert (found.version, found.pricing.regular_price, found.add_ons.count()) == (1, Decimal("799.00"), 0)
    assert [one.text for one in found.features.all()] == ["Uncapped"]
    assert not AuditEntry.objects.filter(action="edited").exists()


def test_a_business_key_is_taken_once():
    draft_product(sku="HF-1")
    body = {**examples.NEW, "sku": "hf-1", "provider": "dfa"}

    answer = send(as_(ms_naidoo()), "post", LIST, body)

    assert answer.status_code == 400
    assert "There is already a product with this SKU" in answer.json()["detail"]
    assert Product.objects.count() == 1


def test_what_is_published_keeps_its_key_and_what_is_archived_stays():
    product = live_package(sku="HF-1").source_admin_product
    client, address = as_(ms_naidoo()), f"{LIST}/{product.pk}"

    refused = send(client, "patch", address, {"sku": "HF-2", "provider": product.provider})
    assert (refused.status_code, len(refused.json()["reasons"])) == (409, 1)
    assert "sku cannot change any more" in refused.json()["detail"]
    assert AuditEntry.objects.filter(action="edit", result="refused").count() == 1
    Product.objects.filter(pk=product.pk).update(status=ProductStatus.ARCHIVED)
    assert send(client, "patch", address, {"name": "X"}).status_code == 409
    assert client.delete(address).status_code == 405


def test_a_bundle_holds_products_and_no_bundles():
    single = live_package().source_admin_product
    client = as_(ms_naidoo())
    body = {**examples.NEW, "components": [{"component": str(single.pk), "quantity": 2}]}

    bundle = send(client, "post", LIST, body).json()

    assert bundle["components"] == [{"component": str(single.pk), "quantity": 2}]
    nested = {"components": [{"component": bundle["id"]}]}
    assert fields(send(client, "patch", f"{LIST}/{draft_product().pk}", nested)) == (
        400,
        ["components.0.component"],
    )
    itself = send(client, "patch", f"{LIST}/{bundle['id']}", nested)
    assert itself.status_code == 400


def test_the_life_of_a_product():
    author, boss = as_(ms_naidoo()), as_(mr_botha())
    address = f"{LIST}/{send(author, 'post', LIST, examples.NEW).json()['id']}"

    assert send(author, "post", f"{address}/submit").json()["status"] == "pending"
    rejected = send(boss, "post", f"{address}/reject", {"reason": "Too dear"}).json()
    assert (rejected["status"], rejected["rejection_reason"]) == ("draft", "Too dear")
    send(author, "post", f"{address}/submit")
    approved = send(boss, "post", f"{address}/approve").json()
    assert (approved["status"], approved["approved_by"]) == ("approved", "pieter.botha")
    assert approved["pricing"]["approved_by"] == "pieter.botha"
    published = send(boss, "post", f"{address}/publish").json()
    package = ServicePackage.objects.get()
    assert (published["package"], published["created"], published["price_waiting"]) == (
        str(package.pk),
        True,
        None,
    )
    live = author.get(address).json()
    assert (live["published"], [one["id"] for one in live["packages"]]) == ("live", [str(package.pk)])
    still = send(author, "post", f"{address}/archive", {"reason": "No"})
    assert (still.status_code, "is active still" in still.json()["detail"]) == (409, True)


def test_pricing_is_approved_by_itself():
    product = draft_product()
    services.submit(product.pk, actor=ms_naidoo())
    pricer = as_(person("sipho.dube", "Pricing approver"))

    answer = send(pricer, "post", f"{LIST}/{product.pk}/approve-pricing")

    assert (answer.json()["status"], answer.json()["pricing"]["approved_by"]) == ("pending", "sipho.dube")


def test_refusals_are_told_and_written_down():
    product = draft_product()
    Product.objects.filter(pk=product.pk).update(category="")
    address = f"{LIST}/{product.pk}"
    author = as_(ms_naidoo())

    not_ready = send(author, "post", f"{address}/submit")
    not_allowed = send(author, "post", f"{address}/publish")
    wrong_status = send(as_(mr_botha()), "post", f"{address}/publish")

    assert [answer.status_code for answer in (not_ready, not_allowed, wrong_status)] == [422, 403, 409]
    assert "category" in not_ready.json()["reasons"][0]
    refused = AuditEntry.objects.filter(result="refused").order_by("at")
    assert [entry.action for entry in refused] == ["submit", "publish", "publish"]
    assert fields(send(author, "post", f"{address}/archive", {})) == (400, ["reason"])
    assert fields(send(author, "post", f"{address}/submit", {"reason": "x"})) == (400, ["reason"])


def test_finding_products(django_assert_num_queries):
    draft_product(name="Alpha", provider="MTN", technology="5g", market_segment="business")
    live_package(name="Beta", sku="B-1")
    client = as_(ms_naidoo())

    def names(query):
        return [one["name"] for one in client.get(f"{LIST}?{query}").json()["results"]]

    assert names("") == ["Alpha", "Beta"]
    assert names("status=draft,pending") == ["Alpha"]
    assert names("published=live") == ["Beta"]
    assert names("published=not_published&provider=mtn&technology=5G&market_segment=business") == ["Alpha"]
    assert names("search=b-1") == ["Beta"]
    assert names("ordering=-name&page_size=1&page=2") == ["Alpha"]
    assert names("changed_since=2090-01-01") == []
    client.get(LIST)
    # Session, user, rights of person and groups; count, products; features, add-ons, components, packages.
    with django_assert_num_queries(10):
        client.get(LIST)


@pytest.mark.parametrize(
    "query", ["provder=MTN", "status=sold", "page=x", "ordering=cost", "published=maybe"]
)
def test_an_unknown_filter_or_value_is_named(query):
    answer = as_(ms_naidoo()).get(f"{LIST}?{query}")

    assert (answer.status_code, answer.headers["Content-Type"]) == (400, "application/problem+json")
    assert [error["parameter"] for error in answer.json()["errors"]] == [query.partition("=")[0]]


def test_a_parameter_where_none_is_understood_is_named():
    address = f"{LIST}/{draft_product().pk}"
    assert as_(ms_naidoo()).get(f"{address}?fields=name").json()["errors"][0]["parameter"] == "fields"


def test_who_may():
    product = draft_product()
    stranger = as_(person("some.body"))
    outsider = person("no.staff", "Product manager")
    outsider.is_staff = False
    outsider.save()

    assert Client().get(LIST).status_code == 401
    for somebody in (stranger, as_(outsider)):
        assert somebody.get(LIST).status_code == 403
        assert somebody.get(f"{LIST}/{product.pk}").status_code == 403
        assert send(somebody, "post", LIST, examples.NEW).status_code == 403
        assert send(somebody, "patch", f"{LIST}/{product.pk}", {"name": "X"}).status_code == 403
    assert Product.objects.count() == 1


@pytest.mark.parametrize(
    "path", [f"{LIST}/{uuid.UUID(int=1)}", f"{LIST}/no-uuid", "/api/admin/nothing", "/api/nothing"]
)
def test_what_is_not_there_is_a_problem_too(path):
    answer = as_(ms_naidoo()).get(path)
    assert (answer.status_code, answer.headers["Content-Type"]) == (404, "application/problem+json")


def test_bodies_that_are_no_json():
    client = as_(ms_naidoo())
    for body, type_, status in (
        ("{", "application/json", 400),
        ("[]", "application/json", 400),
        ("x", "text/plain", 415),
    ):
        answer = client.post(LIST, body, content_type=type_)
        assert (answer.status_code, answer.headers["Content-Type"]) == (status, "application/problem+json")
    assert json.loads(answer.content)["status"] == 415
