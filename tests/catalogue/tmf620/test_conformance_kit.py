"""The checks of TM Forum's conformance kit for TMF620 v4.0.0, request by request, on the sample catalogue of 64.

The kit is a Postman collection that newman runs against a server. These are its requests in its order with its
assertions, and some more where it only looks. It writes, so its headers carry an API token.
"""

import json
from datetime import timedelta

import pytest
from django.utils import timezone

from catalogue import demo
from catalogue.models import ServicePackage
from circletel.core import tokens
from tests.catalogue.tmf620.world import V4
from tests.factories import person

pytestmark = pytest.mark.django_db
MANDATORY = {"href", "id", "lastUpdate", "lifecycleStatus", "name"}
REFERENCE = {
    "id": "9881",
    "href": "https://mycsp.com:8080/tmf-api/productCatalogManagement/v4/productSpecification/9881",
    "version": "1.1",
    "name": "Robotics999",
    "@referredType": "DeviceSpecification",
}
# By resource: what the kit sends, what it asks every instance for, and whether it also edits and deletes.
RESOURCES = {
    "productSpecification": ({"name": "Cisco Firepower NGFW"}, MANDATORY, False),
    "productOffering": ({"name": "aProductOffering", "productSpecification": REFERENCE}, MANDATORY, True),
    "productOfferingPrice": ({"name": "aPrice", "priceType": "recurring"}, MANDATORY | {"priceType"}, True),
}
UNKNOWN = "279edf2b-0130-4c8f-8277-f81daa05d87d"
SCOPES = (
    "catalogue.view_product",
    "catalogue.add_product",
    "catalogue.change_product",
    "catalogue.archive_product",
)


@pytest.fixture
def kit(client, redis_flushed):
    """Sends what the kit sends, to a server that sells 64 packages."""
    demo.set_up(lambda _line: None)
    assert ServicePackage.objects.count() == 64
    token = tokens.create(
        name="Conformance kit",
        scopes=SCOPES,
        expires_at=timezone.now() + timedelta(days=1),
        actor=person("thandi.naidoo", "Product manager", "API token holder"),
    )
    headers = {"Accept": "application/json", "Authorization": f"Bearer {token.secret}"}

    def send(method, path, body=None):
        options = {} if body is None else {"data": json.dumps(body)}
        answer = getattr(client, method)(
            f"{V4}/{path}", content_type="application/json", headers=headers, **options
        )
        # None of the kit's requests asks for a page, so none may be answered with part of one.
        assert answer.status_code in (200, 201, 204, 404), answer.content
        return answer

    return send


def ensure_whole(resource, instance, text):
    mandatory = set(RESOURCES[resource][1])
    if resource == "productOffering" and not instance.get("isBundle"):
        mandatory.add("productSpecification")
        assert isinstance(instance["productSpecification"], dict)
    if instance.get("isBundle"):
        mandatory.add(
            "bundledProductOffering" if resource == "productOffering" else "bundledProductSpecification"
        )
    assert mandatory <= set(instance)
    for name in RESOURCES[resource][1]:
        assert isinstance(instance[name], str)
        assert json.dumps(instance[name], ensure_ascii=False).strip('"') in text


def test_the_kit(kit):
    # In one test, because publishing 64 packages takes longer than everything that is asked of them.
    for resource in RESOURCES:
        exercise(kit, resource)


def exercise(kit, resource):
    body, mandatory, is_edited = RESOURCES[resource]

    # N1: made, listed, found by its id.
    made = kit("post", resource, body)
    assert made.status_code == 201
    mine = made.json()
    ensure_whole(resource, mine, made.text)
    assert {name: mine[name] for name in body} == body or resource == "productOffering"
    listed = kit("get", resource)
    assert listed.status_code == 200
    everything = listed.json()
    assert isinstance(everything, list)
    for instance in everything:
        ensure_whole(resource, instance, listed.text)
    assert [one for one in everything if one["id"] == mine["id"]] == [mine]
    assert len(everything) >= 65
    assert listed["X-Total-Count"] == listed["X-Result-Count"] == str(len(everything))
    for id in (mine["id"], everything[-1]["id"]):
        one = kit("get", f"{resource}/{id}")
        assert one.status_code == 200
        ensure_whole(resource, one.json(), one.text)

    # N2: each mandatory attribute selected, and filtered by.
    other = everything[-1]
    for name in sorted(mandatory):
        selected = kit("get", f"{resource}?fields={name}")
        assert selected.status_code == 200
        assert [set(one) for one in selected.json()] == [{"id", "href", name}] * len(everything)
        for wanted in (mine, other):
            found = kit("get", f"{resource}?{name}={wanted[name]}")
            assert found.status_code == 200
            for instance in found.json():
                ensure_whole(resource, instance, found.text)
                assert instance[name] == wanted[name]
            assert wanted in found.json()

    # N3: renamed and deleted, where the kit does so.
    if is_edited:
        renamed = kit("patch", f"{resource}/{mine['id']}", {"name": "Renamed"})
        assert (renamed.status_code, renamed.json()["name"]) == (200, "Renamed")
        assert kit("delete", f"{resource}/{mine['id']}").status_code == 204
        assert kit("get", f"{resource}/{mine['id']}").status_code == 404

    # E1: what is not there.
    assert kit("get", f"{resource}/{UNKNOWN}").status_code == 404
    # Nothing of all this went on sale, or off it.
    assert ServicePackage.objects.filter(status="active", end_of_sale=None).count() == 64
