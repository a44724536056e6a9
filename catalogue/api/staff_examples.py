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
