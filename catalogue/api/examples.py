"""The answers shown in the documentation of the APIs. Tests hold them to what is really answered."""

from typing import Any

from drf_spectacular.utils import OpenApiExample

from catalogue.api.problems import AmbiguousSku, NotOnSale, PricesUnavailable
from circletel.core.rest.problems import InvalidParameters, Problem

PACKAGE = {
    "id": "6a1f5c1e-0f3c-4c55-9d8a-2f6f0a0c9b11",
    "sku": "SKYFIBRE-HOME-LITE-50-12M",
    "slug": "skyfibre-home-lite-50-12m",
    "name": "SkyFibre Home Lite 50",
    "service_type": "SkyFibre",
    "category": "fixed_wireless_residential",
    "technology": "fixed-wireless",
    "market_segment": "consumer",
    "provider": "MTN",
    "speed_down_mbps": 50,
    "speed_up_mbps": 20,
    "data_limit": "Unlimited",
    "contract_months": 12,
    "description": "",
    "features": ["Uncapped", "Free WiFi router", "24/7 technical support"],
    "add_ons": [
        {
            "name": "Static IP",
            "price": {"including_vat": "99.00", "vat": "12.91", "excluding_vat": "86.09"},
            "recurring": True,
            "categories": [],
        }
    ],
    "bundle": None,
    "hardware": {
        "model": "Reyee RG-EW1300G",
        "included": True,
        "price": {"including_vat": "0.00", "vat": "0.00", "excluding_vat": "0.00"},
    },
    "price": {"including_vat": "899.00", "vat": "117.26", "excluding_vat": "781.74"},
    "promotion": {
        "price": {"including_vat": "799.00", "vat": "104.22", "excluding_vat": "694.78"},
        "months": 3,
        "until": "2026-12-31",
    },
    "installation_fee": {"including_vat": "450.00", "vat": "58.70", "excluding_vat": "391.30"},
    "discounted_installation_fee": {"including_vat": "230.00", "vat": "30.00", "excluding_vat": "200.00"},
    "installation_days": 7,
    "zones": ["Cape Town", "Stellenbosch"],
    "featured": True,
    "popular": False,
    "currency": "ZAR",
    "valid_from": "2026-10-01T00:00:00+02:00",
    "valid_to": None,
}

PAGE = {
    "count": None,
    "next": "https://catalogue.example/api/v1/packages/?cursor=W1sibmFtZSJdXQ%3Aq8n&page_size=1",
    "previous": None,
    "results": [PACKAGE],
}


def _refused(kind: type[Problem], status: int, detail: str, **members: Any) -> dict[str, Any]:
    return {"type": kind.type, "title": kind.title, "status": status, "detail": detail, **members}


_EXPECTED = "expects an amount in rand with VAT, such as 899 or 899.00"
INVALID = _refused(
    InvalidParameters,
    400,
    f"price_min: {_EXPECTED}",
    errors=[{"parameter": "price_min", "detail": _EXPECTED}],
)
NOT_ON_SALE = _refused(NotOnSale, 404, "No package on sale has this SKU or slug.")
AMBIGUOUS = _refused(
    AmbiguousSku,
    409,
    "2 packages on sale share this SKU. Ask by slug, or add market_segment or provider.",
    packages=[
        {
            "slug": "skyfibre-home-lite-50-12m",
            "sku": "SKYFIBRE-HOME-LITE-50-12M",
            "market_segment": "consumer",
            "provider": "MTN",
        },
        {
            "slug": "skyfibre-home-lite-50-12m-business",
            "sku": "SKYFIBRE-HOME-LITE-50-12M",
            "market_segment": "business",
            "provider": "MTN",
        },
    ],
)
UNAVAILABLE = _refused(PricesUnavailable, 503, "Prices cannot be quoted at the moment. Try again later.")


def example(name: str, value: object) -> list[OpenApiExample]:
    return [OpenApiExample(name, value=value, response_only=True)]


def path_example(name: str, field: str) -> OpenApiExample:
    return OpenApiExample(name, value=PACKAGE[field], parameter_only=("sku_or_slug", "path"))


# --- REST for staff

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
