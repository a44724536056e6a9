"""The description of the API is valid, complete, and what the API does."""

import json
import re
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.core.management import call_command
from drf_spectacular.generators import SchemaGenerator
from jsonschema import Draft202012Validator

from catalogue.api.views import DETAIL_PARAMETERS, LIST_PARAMETERS
from tests.catalogue.api.packages import SECRETS, package, skyfibre_home_lite

PAGE = Path(__file__).resolve().parents[3] / "docs/storefront-api.md"
EXCHANGE = re.compile(r"```http\nGET (\S+)\n```\n+```json\n(.*?)\n```", re.DOTALL)


@pytest.fixture(scope="module")
def schema() -> dict[str, Any]:
    return SchemaGenerator().get_schema(request=None, public=True)


def validator(schema: dict[str, Any], component: str) -> Draft202012Validator:
    return Draft202012Validator({**schema, "$ref": f"#/components/schemas/{component}"})


def test_the_schema_is_valid_and_raises_no_warning(tmp_path):
    call_command("spectacular", "--validate", "--fail-on-warn", "--file", str(tmp_path / "schema.yml"))


@pytest.mark.parametrize(
    ("path", "where", "names"),
    [
        ("/api/v1/packages/", "query", [*LIST_PARAMETERS]),
        ("/api/v1/packages/{sku_or_slug}/", "query", [*DETAIL_PARAMETERS]),
        ("/api/v1/packages/{sku_or_slug}/", "path", ["sku_or_slug"]),
    ],
)
def test_every_parameter_is_described(schema, path, where, names):
    described = [entry for entry in schema["paths"][path]["get"]["parameters"] if entry["in"] == where]

    assert sorted(entry["name"] for entry in described) == sorted(names)
    assert all(entry["description"] for entry in described)


@pytest.mark.parametrize(
    ("path", "statuses"),
    [
        ("/api/v1/packages/", ["200", "400", "503"]),
        ("/api/v1/packages/{sku_or_slug}/", ["200", "400", "404", "409", "503"]),
    ],
)
def test_every_answer_is_described_with_an_example_that_fits(schema, path, statuses):
    answers = schema["paths"][path]["get"]["responses"]

    assert list(answers) == statuses
    for status, answer in answers.items():
        [(content_type, content)] = answer["content"].items()
        assert content_type == ("application/json" if status == "200" else "application/problem+json")
        for example in content["examples"].values():
            Draft202012Validator({**schema, **content["schema"]}).validate(example["value"])


@pytest.mark.django_db
def test_what_is_answered_fits_the_schema(client, schema):
    skyfibre_home_lite(promotion_to=None)
    package("BARE", speed_down_mbps=None, speed_up_mbps=None)
    package("SHARED", hardware_model="ONT", hardware_price=Decimal("1150.00"))
    package("SHARED", market_segment="business")

    answers = [
        ("", "PaginatedPackageList"),
        ("BARE/", "Package"),
        ("SHARED/", "AmbiguousSku"),
        ("nothing/", "Problem"),
        ("?page=x", "InvalidParameters"),
    ]
    for path, component in answers:
        body = client.get(f"/api/v1/packages/{path}").json()
        validator(schema, component).validate(body)
        assert set(body) == set(schema["components"]["schemas"][component]["properties"])


@pytest.mark.django_db
def test_schema_and_page_are_open_to_anyone(client):
    schema = client.get("/api/schema/?format=json")
    page = client.get("/api/docs/")

    assert schema.status_code == 200
    assert schema.json()["openapi"] == "3.1.0"
    assert [path for path in schema.json()["paths"] if path.startswith("/api/v1/packages/")] == [
        "/api/v1/packages/",
        "/api/v1/packages/{id}/price",
        "/api/v1/packages/{id}/price-lock",
        "/api/v1/packages/{sku_or_slug}/",
    ]
    assert page.status_code == 200
    assert "/static/drf_spectacular_sidecar/" in page.text
    assert [secret for secret in SECRETS if secret in schema.text] == []


def exchanges() -> list[Any]:
    text = PAGE.read_text(encoding="utf-8") if PAGE.exists() else ""
    return [pytest.param(path, json.loads(body), id=path) for path, body in EXCHANGE.findall(text)]


def test_the_page_for_engineers_has_examples():
    assert len(exchanges()) >= 5


@pytest.mark.django_db
@pytest.mark.parametrize(("path", "told"), exchanges())
@time_machine.travel("2026-11-02T08:00:00+02:00", tick=False)
def test_the_page_for_engineers_tells_the_truth(client, path, told):
    the_shelf_of_the_page()

    answered = client.get(path, headers={"Host": "localhost:8000"}).json()

    assert shortened(answered, told) == told


def the_shelf_of_the_page() -> None:
    skyfibre_home_lite()
    package(
        "SKYFIBRE-HOME-PLUS-100-12M",
        name="SkyFibre Home Plus 100",
        service_type="SkyFibre",
        category="fixed_wireless_residential",
        technology="fixed-wireless",
        provider="MTN",
        price=Decimal("1099.00"),
        promotion_price=Decimal("899.00"),
        promotion_to=date(2026, 12, 31),
    )
    for segment, price in (("consumer", "799.00"), ("business", "999.00")):
        package("HOME-FIBRE-100", market_segment=segment, price=Decimal(price))


def shortened(answered: Any, told: Any) -> Any:
    """The part of an answer that the page shows: it may leave out fields, never entries of a list."""
    if isinstance(told, dict) and isinstance(answered, dict):
        return {name: shortened(answered.get(name), value) for name, value in told.items()}
    if isinstance(told, list) and isinstance(answered, list) and len(told) == len(answered):
        return [shortened(*pair) for pair in zip(answered, told, strict=True)]
    return answered
