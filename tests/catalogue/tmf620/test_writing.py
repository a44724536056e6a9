"""Drafts: made, echoed, edited and given up; and that nothing goes on sale by any of it."""

import json
from decimal import Decimal
from typing import Any

import pytest
from django.db import transaction

from catalogue import ending, services
from catalogue.models import Product, ServicePackage, TmfDraft
from circletel.core.models import AuditEntry
from tests.catalogue.tmf620 import contract
from tests.catalogue.tmf620.world import BASES, V4, V5, WRITABLE
from tests.factories import approved_product, live_package, mr_botha, ms_naidoo, person

pytestmark = pytest.mark.django_db

OFFERING = {
    "name": "Home Fibre 200",
    "description": "Twice as fast",
    "version": "1.0",
    "lastUpdate": "2026-09-27T00:00:00Z",
    "lifecycleStatus": "Active",
    "isBundle": False,
    "validFor": {"startDateTime": "2026-12-01T00:00:00Z"},
    "category": [{"id": "consumer-homefibre", "name": "HomeFibre", "@type": "CategoryRef"}],
    "marketSegment": [{"id": "consumer", "name": "Consumer"}],
    "productSpecification": {"id": "9881", "name": "Fibre"},
    "productOfferingTerm": [{"name": "24 months", "duration": {"amount": 2, "units": "Year"}}],
    "prodSpecCharValueUse": [
        {
            "name": "downloadSpeed",
            "productSpecCharacteristicValue": [{"valueType": "integer", "value": 200}],
        },
        {"name": "provider", "productSpecCharacteristicValue": [{"value": "DFA"}]},
        {"name": "feature", "productSpecCharacteristicValue": [{"value": "Uncapped"}, {"value": "Fast"}]},
    ],
}
PRICES = [
    {
        "name": "a month",
        "priceType": "recurring",
        "price": {"taxIncludedAmount": {"unit": "ZAR", "value": 1099.0}},
    },
    {
        "name": "Installation",
        "priceType": "oneTime",
        "price": {"taxIncludedAmount": {"unit": "ZAR", "value": 450}},
    },
]
MINIMAL = {
    "name": "A thing",
    "lastUpdate": "2026-09-27T00:00:00Z",
    "lifecycleStatus": "Active",
    "priceType": "recurring",
}


def characteristic(name, value):
    uses = [{"name": name, "productSpecCharacteristicValue": [{"value": value}]}]
    return {"name": "x", "prodSpecCharValueUse": uses}


def logged_in(client, user=None):
    client.force_login(user or ms_naidoo())
    return client


def send(client, method: str, path: str, body: Any = None, content_type: str = "application/json"):
    data = body if isinstance(body, str) else json.dumps(body)
    return getattr(client, method)(path, data, content_type=content_type)


def state_of_sale() -> Any:
    return list(ServicePackage.objects.order_by("pk").values())


@pytest.mark.parametrize(("version", "name"), [(v, n) for v in BASES for n in WRITABLE])
def test_every_kind_can_be_drafted_edited_and_deleted(client, version, name):
    contract.folder()
    logged_in(client)
    base = BASES[version]
    made = send(client, "post", f"{base}/{name}", MINIMAL)
    assert made.status_code == 201, made.content
    contract.ensure_answer_valid(version, "post", f"/{name}", made)
    body = made.json()
    assert {key: body[key] for key in MINIMAL} == MINIMAL
    assert body["href"] == made["Location"] == f"http://testserver{base}/{name}/{body['id']}"
    assert body["isDraft"] is True
    assert client.get(body["href"]).json() == body
    for attribute in ("id", "href", "name", "lastUpdate", "lifecycleStatus"):
        found = client.get(f"{base}/{name}", {attribute: body[attribute]})
        contract.ensure_answer_valid(version, "get", f"/{name}", found)
        assert body in found.json()
    patched = send(client, "patch", body["href"], {"description": "Better", "version": None})
    contract.ensure_answer_valid(version, "patch", f"/{name}/{{id}}", patched)
    assert (patched.status_code, patched.json()["description"]) == (200, "Better")
    assert patched.json()["lastUpdate"] > "2026-10"
    merged = send(client, "patch", body["href"], {"name": "B"}, "application/merge-patch+json")
    assert merged.json()["name"] == "B"
    deleted = client.delete(body["href"])
    contract.ensure_answer_valid(version, "delete", f"/{name}/{{id}}", deleted)
    assert deleted.status_code == 204
    assert client.get(body["href"]).status_code == client.delete(body["href"]).status_code == 404
    assert state_of_sale() == []


def test_an_offering_becomes_a_draft_product_as_far_as_a_product_holds_it(client):
    body = OFFERING | {"productOfferingPrice": PRICES}
    made = send(logged_in(client), "post", f"{V4}/productOffering", body)
    assert made.status_code == 201, made.content
    shown = made.json()
    assert shown["name"] == "Home Fibre 200"
    assert (shown["isSellable"], shown["statusReason"]) == (False, "A draft: not approved, not on sale")
    assert shown["productSpecification"] == {"id": "9881", "name": "Fibre"}
    product = Product.objects.with_content().get()
    assert (product.status, product.created_by) == ("draft", ms_naidoo())
    assert (product.name, product.service_type, product.market_segment) == (
        "Home Fibre 200",
        "HomeFibre",
        "consumer",
    )
    assert (product.contract_months, product.speed_down_mbps, product.provider) == (24, 200, "DFA")
    assert (product.pricing.regular_price, product.pricing.installation_fee) == (
        Decimal("1099.00"),
        Decimal("450.00"),
    )
    assert [feature.text for feature in product.features.all()] == ["Uncapped", "Fast"]
    assert product.sku.startswith("TMF-")
    assert set(AuditEntry.objects.values_list("action", "target_type", "actor_name")) == {
        ("created", "product", "Thandi Naidoo"),
        ("created", "tmfdraft", "Thandi Naidoo"),
    }
    assert ServicePackage.objects.count() == 0


def test_an_edit_of_a_draft_reaches_its_product_and_voids_a_request_for_approval(client):
    logged_in(client)
    body = OFFERING | {"productOfferingPrice": PRICES}
    href = send(client, "post", f"{V4}/productOffering", body).json()["href"]
    product = Product.objects.get()
    Product.objects.update(status="pending")
    patched = send(
        client, "patch", href, {"name": "Home Fibre 250", "validFor": {"endDateTime": "2027-01-01"}}
    )
    assert patched.json()["validFor"] == {
        "startDateTime": "2026-12-01T00:00:00Z",
        "endDateTime": "2027-01-01T00:00:00Z",
    }
    product.refresh_from_db()
    assert (product.name, product.status, product.version) == ("Home Fibre 250", "draft", 2)
    assert product.speed_down_mbps == 200
    assert product.valid_to.isoformat() == "2027-01-01T00:00:00+00:00"
    assert client.delete(href).status_code == 204
    product.refresh_from_db()
    assert product.status == "archived"


def test_an_offering_on_sale_is_edited_in_its_product_and_stays_as_it_is(client):
    package = live_package(name="Home Fibre 100")
    before = state_of_sale()
    path = f"{V4}/productOffering/{package.pk}"
    patched = send(logged_in(client), "patch", path, {"name": "Home Fibre 100 Plus"})
    contract_free = patched.json()
    assert patched.status_code == 200
    assert (contract_free["name"], contract_free["lifecycleStatus"]) == ("Home Fibre 100", "Active")
    assert contract_free["statusReason"].startswith("The edit waits for approval")
    product = package.source_admin_product
    product.refresh_from_db()
    assert (product.name, product.status) == ("Home Fibre 100 Plus", "draft")
    assert state_of_sale() == before
    refused = send(client, "patch", path, {"agreement": [{"id": "1"}]})
    assert (refused.status_code, refused.json()["reason"]) == (
        400,
        "agreement of an offering on sale cannot be changed here.",
    )
    assert send(client, "patch", path, {"lifecycleStatus": "Retired"}).status_code == 409


def test_a_price_below_the_promotion_of_the_product_is_refused(client):
    package = live_package(name="Home Fibre 100", promotion_price=Decimal("699.00"))
    price = {
        "priceType": "recurring",
        "name": "a month",
        "price": {"taxIncludedAmount": {"unit": "ZAR", "value": 650}},
    }
    path = f"{V4}/productOffering/{package.pk}"
    refused = send(logged_in(client), "patch", path, {"productOfferingPrice": [price]})
    assert (refused.status_code, refused.json()["reason"]) == (
        400,
        "promo_price_incl_vat: expects an amount below the regular price, 650.00.",
    )


def test_deleting_an_offering_on_sale_ends_its_sale(client):
    package = live_package()
    path = f"{V5}/productOffering/{package.pk}"
    refused = logged_in(client).delete(path)
    assert (refused.status_code, refused.json()["reason"]) == (
        403,
        "Thandi Naidoo may not end the sale or life of packages",
    )
    assert ServicePackage.objects.get().is_on_sale()
    client.force_login(mr_botha())
    assert client.delete(path).status_code == 204
    package.refresh_from_db()
    assert not package.is_on_sale()
    assert client.get(path).status_code == client.delete(path).status_code == 404
    entry = AuditEntry.objects.get(action="end of sale set")
    assert (entry.actor_name, list(entry.changes)) == ("Pieter Botha", ["end_of_sale"])
    ending.end_sale(package.pk, at=None, actor=mr_botha())
    assert client.get(path).json()["lifecycleStatus"] == "Active"


@pytest.mark.parametrize(
    ("base", "name"), [(V4, "catalog"), (V4, "category"), (V5, "productCatalog"), (V5, "category")]
)
def test_catalogs_and_categories_are_read_only(client, base, name):
    live_package()
    logged_in(client, mr_botha())
    one = client.get(f"{base}/{name}").json()[0]["href"]
    for answer in (
        send(client, "post", f"{base}/{name}", MINIMAL),
        send(client, "patch", one, {"name": "Mine"}),
        client.delete(one),
    ):
        assert (answer.status_code, answer["Allow"]) == (405, "GET, HEAD, OPTIONS")
        assert answer.json() == {
            "code": "methodNotAllowed",
            "reason": f'Method "{answer.wsgi_request.method}" not allowed.',
            "message": "Method Not Allowed",
            "status": "405",
            "@type": "Error",
        }
    assert TmfDraft.objects.count() == 0


@pytest.mark.parametrize("name", ["productOfferingPrice", "productSpecification"])
def test_what_comes_from_packages_cannot_be_written_to(client, name):
    live_package()
    before = state_of_sale()
    logged_in(client, mr_botha())
    person("pieter.botha", "Product manager")
    href = client.get(f"{V4}/{name}").json()[0]["href"]
    for answer in (send(client, "patch", href, {"name": "Mine"}), client.delete(href)):
        assert answer.status_code == 409
        assert "comes from what is on sale" in answer.json()["reason"]
    assert state_of_sale() == before
    assert Product.objects.get().status == "approved"


def test_a_draft_once_published_is_shown_as_what_it_became(client):
    product = approved_product()
    draft = TmfDraft.objects.create(
        kind="productOffering", version="v4", body={"name": "x"}, product=product, created_by=ms_naidoo()
    )
    logged_in(client)
    assert [item["id"] for item in client.get(f"{V4}/productOffering").json()] == [str(draft.pk)]
    package = services.publish(product.pk, actor=mr_botha()).package
    assert [item["id"] for item in client.get(f"{V4}/productOffering").json()] == [str(package.pk)]
    assert client.get(f"{V4}/productOffering/{draft.pk}").status_code == 404


def test_drafts_are_seen_by_staff_only_and_in_their_own_version(client):
    live_package(name="On sale")
    logged_in(client)
    for number in range(3):
        send(client, "post", f"{V4}/productOffering", {"name": f"Draft {number}"})
    href = client.get(f"{V4}/productOffering").json()[0]["href"]
    seen = client.get(f"{V4}/productOffering", {"limit": 2, "offset": 2, "sort": "-name"})
    assert [item["name"] for item in seen.json()] == ["Draft 0", "On sale"]
    assert (seen.status_code, seen["X-Total-Count"]) == (200, "4")
    assert [item["name"] for item in client.get(f"{V5}/productOffering").json()] == ["On sale"]
    client.logout()
    assert [item["name"] for item in client.get(f"{V4}/productOffering").json()] == ["On sale"]
    assert client.get(href).status_code == 404
    client.force_login(person("some.body"))
    assert client.get(href).status_code == 404


@pytest.mark.parametrize("method", ["post", "patch", "delete"])
def test_writing_needs_a_login_and_the_right(client, method):
    package = live_package()
    path = f"{V4}/productOffering" + ("" if method == "post" else f"/{package.pk}")
    before = state_of_sale()
    anonymous = send(client, method, path, {"name": "x"})
    assert (anonymous.status_code, anonymous.json()["code"]) == (401, "unauthorized")
    assert anonymous["WWW-Authenticate"].startswith("Basic")
    client.force_login(person("some.body"))
    refused = send(client, method, path, {"name": "x"})
    assert refused.status_code == 403
    assert "Some Body may not" in refused.json()["reason"]
    assert (Product.objects.count(), TmfDraft.objects.count()) == (1, 0)
    assert state_of_sale() == before


def test_basic_authentication(client):
    from base64 import b64encode

    user = ms_naidoo()
    user.set_password("sesame")
    user.save()
    basic = "Basic " + b64encode(b"thandi.naidoo:sesame").decode()
    made = client.post(
        f"{V4}/productSpecification",
        {"name": "Sport"},
        content_type="application/json",
        headers={"Authorization": basic},
    )
    assert made.status_code == 201


@pytest.mark.parametrize(
    ("name", "body", "says"),
    [
        ("productOffering", {}, "name is missing"),
        ("productOffering", {"name": ""}, "name is missing"),
        ("productOffering", [], "expects an object"),
        ("productOffering", "{", "JSON parse error"),
        ("productOffering", "[" * 100_000, "JSON parse error|nested too deep"),
        ("productOffering", {"name": 5}, "name: expects a text"),
        ("productOffering", {"name": "x" * 201}, "name: expects text of at most 200"),
        (
            "productOffering",
            {"name": "x", "description": "x" * 2001},
            "description: expects text of at most 2000",
        ),
        (
            "productOffering",
            characteristic("feature", "x" * 201),
            "feature: expects texts of 1 to 200 characters",
        ),
        ("productOffering", characteristic("zone", 5), "zone: expects texts of 1 to 60 characters"),
        (
            "productOffering",
            characteristic("installationDays", 366),
            "installationDays: expects a whole number",
        ),
        ("productOffering", characteristic("downloadSpeed", "fast"), "downloadSpeed: expects whole Mbit/s"),
        ("productOffering", {"name": "a\0b"}, "name: holds a character that is none"),
        ("productOffering", '{"name": "\\ud800"}', "name: holds a character that is none"),
        ("productOffering", {"name": "x", "isBundle": "no"}, "isBundle: expects true or false"),
        ("productOffering", {"name": "x", "category": [{"name": "y"}]}, r"category\[0\]: id is missing"),
        ("productOffering", {"name": "x", "validFor": {"startDateTime": "soon"}}, "validFor.startDateTime"),
        (
            "productOffering",
            {"name": "x", "validFor": {"startDateTime": "2027-01-01", "endDateTime": "2026-01-01"}},
            "must lie after",
        ),
        ("productOfferingPrice", {"name": "x", "price": {"value": "5"}}, "price.value: expects a number"),
        ("productOfferingPrice", '{"name": "x", "price": {"value": 1e999}}', "price.value: holds a number"),
        ("productSpecification", '{"name": "x", "mine": 1%s}' % ("0" * 400), "mine: holds a number"),
        ("productOffering", {"name": "x", "lastUpdate": "0001-01-01T00:00:00+10:00"}, "lastUpdate: expects"),
        ("productSpecification", {"name": "x", "extension": {"deep": ["\0"]}}, "extension"),
    ],
)
def test_a_body_that_is_wrong_is_refused_and_leaves_nothing(client, name, body, says):
    import re

    with transaction.atomic():
        answer = send(logged_in(client), "post", f"{V4}/{name}", body)
    assert answer.status_code == 400
    assert re.search(says, answer.json()["reason"]), answer.json()
    assert (Product.objects.count(), TmfDraft.objects.count(), AuditEntry.objects.count()) == (0, 0, 0)


def test_v5_asks_for_what_v5_requires(client):
    answer = send(logged_in(client), "post", f"{V5}/productOfferingPrice", {"name": "x"})
    assert (answer.status_code, answer.json()["reason"]) == (400, "lastUpdate is missing.")


def test_too_large_and_unknown_kinds_of_body(client):
    specifications = f"{V4}/productSpecification"
    large = send(logged_in(client), "post", specifications, {"name": "x" * 1_000_001})
    assert large.status_code == 413
    patch = send(client, "post", specifications, "[]", "application/json-patch+json")
    assert patch.status_code == 415
    assert client.put(specifications).status_code == 405


def test_what_v4_requires_inside_is_filled_in(client):
    contract.folder()
    body = {
        "name": "x",
        "relatedParty": [{"id": "1", "name": "Roxy"}],
        "validFor": {"startDateTime": "2017-08-27T00:00"},
    }
    made = send(logged_in(client), "post", f"{V4}/productSpecification", body)
    contract.ensure_answer_valid("v4", "post", "/productSpecification", made)
    assert made.json()["relatedParty"] == [{"id": "1", "name": "Roxy", "@referredType": "RelatedParty"}]
    assert made.json()["validFor"] == {"startDateTime": "2017-08-27T00:00:00Z"}


@pytest.mark.parametrize("version", ["v4", "v5"])
def test_the_shapes_are_those_of_tm_forum(version):
    from pathlib import Path

    from catalogue.tmf620 import shapes

    theirs = contract.shapes(version)
    assert (Path(shapes.__file__).parent / f"{version}.txt").read_text() == theirs
