"""What we really send, beside Zoho's own OpenAPI files where these are at hand (`tests/sandbox/test_contract.py`)."""

import re
from decimal import Decimal

import pytest

from reconciliation import services as reconciliation
from tests.factories import live_package
from tests.sandbox.test_contract import CRM, OAS, Specification, problems
from tests.zoho_sync.conftest import prepare
from zoho_sync import field_security, smoke_test
from zoho_sync.models import ProductIntegration, System
from zoho_sync.services import owe

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.skipif(not (OAS / "billing").is_dir(), reason=f"Zoho's OpenAPI files are not in {OAS}"),
]
FILES = {
    "products": "billing/products.yml",
    "plans": "billing/plans.yml",
    "addons": "billing/addons.yml",
    "items": "billing/items.yml",
    "customers": "billing/customers.yml",
    "subscriptions": "billing/subscription.yml",
    "payments": "billing/payments.yml",
    "Products": f"{CRM}/record.json",
    "settings": f"{CRM}/fields.json",
    "coql": f"{CRM}/coql.json",
}
# Calls without a body, whatever the method.
WITHOUT_BODY = re.compile(r"/(markas)?(in)?active$|/cancel$")


def complaints(requests):
    """{call: what its file has against the body}, and which kinds of call were looked at."""
    found, seen = {}, set()
    for request in requests:
        if request["method"] not in ("POST", "PUT", "PATCH") or WITHOUT_BODY.search(request["path"]):
            continue
        path = re.sub(r"^/(billing/v1|crm/v8)", "", request["path"])
        family = path.split("/")[1]
        file = Specification(FILES[family])
        template = template_of(file, path, request["method"].lower())
        seen.add(f"{request['method']} {template}")
        schema = file.request(request["method"].lower(), template)
        if wrong := problems(schema, request["body"]):
            found[f"{request['method']} {request['path']}"] = wrong
    return found, seen


def template_of(file, path, method):
    """The path of the file that this one is; the more literal one where several fit."""
    fitting = [
        template
        for template, methods in file.document["paths"].items()
        if method in methods and re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", template), path)
    ]
    assert fitting, f"Zoho's file knows no {method} {path}"
    return min(fitting, key=lambda template: template.count("{"))


def test_every_body_we_send_is_one_that_zohos_files_allow(zoho, drain):
    package = live_package(
        sku="HF-1",
        installation_fee=Decimal("900.00"),
        promotion_price=Decimal("599.00"),
        zones=["Cape Town"],
        hardware={"model": "Reyee", "included": True},
    )
    drain()
    package.price, package.installation_fee = Decimal("849.00"), Decimal("450.00")
    package.save()
    owe(package)
    drain()
    row = ProductIntegration.objects.get(kind="crm_product")
    zoho.edit("crm_products", row.remote_id, ct_Package_Key=None)
    reconciliation.run(actor=None)
    field_security.lock(actor=None)
    job = smoke_test.run_here(package, keep=False, confirmations=0)
    assert job.state == "done", job.error

    found, seen = complaints([request for system in System for request in zoho.requests(system=str(system))])

    assert found == {}
    assert seen >= {
        "PATCH /settings/fields",
        "POST /{module}/upsert",
        "POST /coql",
        "POST /products",
        "POST /plans",
        "PUT /plans/{plan_code}",
        "POST /addons",
        "POST /customers",
        "POST /subscriptions",
        "POST /payments",
    }


def test_every_field_we_make_is_one_that_zohos_files_allow(sandbox, zoho_settings):
    prepare(sandbox)

    found, seen = complaints(sandbox.requests(system="crm"))

    assert found == {}
    assert seen == {"POST /settings/fields"}
