"""The organisation, its taxes, and the custom fields somebody defined in its screens.

Zoho Billing API v1: "Settings"; South African edition: Standard Rate 15 % and Zero Rate once VAT is on.
"""

from __future__ import annotations

from aiohttp import web

from zoho_sync.sandbox.state import State, state_of
from zoho_sync.sandbox.store import Document
from zoho_sync.sandbox.web import reply

TAXES = (("Standard Rate", 15), ("Zero Rate", 0))
ENTITIES = ("plan", "addon", "customer", "subscription")


def seed(state: State) -> None:
    if len(state.billing_taxes):
        return
    for name, percentage in TAXES:
        tax = {
            "tax_id": state.store.new_id(),
            "tax_name": name,
            "tax_percentage": percentage,
            "tax_type": "tax",
            "is_default_tax": percentage > 0,
            "is_editable": True,
            "tax_authority_id": "",
            "tax_authority_name": "",
        }
        state.billing_taxes.put(tax)


def define_custom_field(state: State, entity: str, label: str) -> Document:
    """What a person does in the screens: only then the API may fill the field. Twice is once."""
    if entity not in ENTITIES or not label:
        raise ValueError(f"a custom field has a label and belongs to one of {', '.join(ENTITIES)}")
    for field in state.billing_custom_fields.having("entity", entity):
        if field["label"] == label:
            return field
    return state.billing_custom_fields.put(
        {"customfield_id": state.store.new_id(), "entity": entity, "label": label}
    )


async def list_organisations(request: web.Request) -> web.Response:
    """`GET /organizations`: the one call without an organisation header, as it is how one learns the id."""
    settings = state_of(request).settings
    organisation = {
        "organization_id": settings.organization_id,
        "name": "Sandbox",
        "is_default_org": True,
        "currency_code": "ZAR",
        "currency_symbol": "R",
        "price_precision": 2,
        "time_zone": "Africa/Johannesburg",
        "country_code": "ZA",
        "plan_name": "Standard",
        "version": "v1",
        "mode": "test",
        "is_sales_inclusive_tax_enabled": settings.prices_include_vat,
    }
    return reply({"code": 0, "message": "success", "organizations": [organisation]})


async def list_taxes(request: web.Request) -> web.Response:
    """`GET /settings/taxes`"""
    return reply({"code": 0, "message": "success", "taxes": list(state_of(request).billing_taxes)})
