"""What the description of the REST API for staff shows. A test holds it to what is really answered."""

from typing import Any

from drf_spectacular.utils import OpenApiExample

NEW: dict[str, Any] = {
    "name": "SkyFibre Home 100",
    "sku": "SKYFIBRE-HOME-100-24M",
    "service_type": "SkyFibre",
    "category": "fixed_wireless_residential",
    "technology": "fixed-wireless",
    "market_segment": "consumer",
    "provider": "MTN",
    "speed_down_mbps": 100,
    "speed_up_mbps": 50,
    "data_limit": "Unlimited",
    "contract_months": 24,
    "installation_days": 5,
    "zones": ["Cape Town", "Durban"],
    "featured": False,
    "popular": True,
    "description": "",
    "internal_notes": "",
    "valid_from": None,
    "valid_to": None,
    "pricing": {
        "regular_price": "999.00",
        "promotion_price": "899.00",
        "promotion_months": 3,
        "promotion_from": None,
        "promotion_to": "2026-12-31",
        "installation_fee": "450.00",
        "discounted_installation_fee": None,
    },
    "hardware": {"model": "Reyee RG-EW1300G", "included": True, "retail_value": None},
    "features": ["Uncapped", "Free WiFi router"],
    "add_ons": [{"name": "Static IP", "price": "99.00", "recurring": True, "categories": []}],
    "components": [],
}
SHOWN: dict[str, Any] = {
    "id": "6a1f5c1e-0f3c-4c55-9d8a-2f6f0a0c9b11",
    "slug": "skyfibre-home-100-24m",
    **NEW,
    "status": "draft",
    "published": "not_published",
    "version": 1,
    "rejection_reason": "",
    "created_at": "2026-11-23T09:00:00+02:00",
    "created_by": "thandi.naidoo",
    "changed_at": "2026-11-23T09:00:00+02:00",
    "changed_by": "thandi.naidoo",
    "approved_at": None,
    "approved_by": None,
    "pricing": {**NEW["pricing"], "approved_at": None, "approved_by": None},
    "packages": [],
}
PROBLEMS: dict[int, dict[str, Any]] = {
    400: {
        "type": "urn:circletel:problem:invalid-body",
        "title": "Some values cannot be taken over",
        "detail": "pricing.regular_price: This field cannot be null.",
        "errors": [{"field": "pricing.regular_price", "detail": "This field cannot be null."}],
    },
    401: {
        "type": "urn:circletel:problem:token-refused",
        "title": "The token opens nothing",
        "detail": "The token Price import (ctk_Yd0hP3aX…) has expired. Make another one in the admin.",
    },
    403: {
        "type": "urn:circletel:problem:not-allowed",
        "title": "You may not do this",
        "detail": "Thandi Naidoo may not publish products",
        "reasons": ["Thandi Naidoo may not publish products"],
    },
    404: {"type": "about:blank", "title": "Not Found", "detail": "There is no such product."},
    409: {
        "type": "urn:circletel:problem:wrong-status",
        "title": "Its status does not admit this",
        "detail": "SkyFibre Home 100 (SKYFIBRE-HOME-100-24M) cannot be submitted: it is pending approval, not draft",
        "reasons": [
            "SkyFibre Home 100 (SKYFIBRE-HOME-100-24M) cannot be submitted: it is pending approval, not draft"
        ],
    },
    415: {
        "type": "about:blank",
        "title": "Unsupported Media Type",
        "detail": 'Unsupported media type "text/plain" in request.',
    },
    422: {
        "type": "urn:circletel:problem:not-ready",
        "title": "Something is missing or contradictory",
        "detail": "SkyFibre Home 100 (SKYFIBRE-HOME-100-24M): pricing.regular_price: is missing",
        "reasons": ["SkyFibre Home 100 (SKYFIBRE-HOME-100-24M): pricing.regular_price: is missing"],
    },
}


def problem(status: int) -> OpenApiExample:
    told = PROBLEMS[status]
    head = {"type": told["type"], "title": told["title"], "status": status}
    return OpenApiExample(told["title"], value={**head, **told}, response_only=True)


PRODUCT = OpenApiExample("A draft", value=SHOWN, response_only=True)
NEW_PRODUCT = OpenApiExample("A new product", value=NEW, request_only=True)
EDIT = OpenApiExample("Another price", value={"pricing": {"regular_price": "949.00"}}, request_only=True)
REASON = OpenApiExample("Why", value={"reason": "The provider withdrew it."}, request_only=True)
PUBLISHED = OpenApiExample(
    "First publication",
    value={
        "package": "0d5c7c0e-93f4-4c93-8d8e-6e6a5a9a3c11",
        "created": True,
        "changes": {"name": [None, "SkyFibre Home 100"]},
        "archived": [],
        "price_waiting": None,
        "bundles": [],
        "stranded_bundles": [],
        "detail": "SkyFibre Home 100 (SKYFIBRE-HOME-100-24M) published",
    },
    response_only=True,
)
