"""Packages put on the shelf directly, so that these tests depend on no publish."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from django.contrib.auth.models import User

from catalogue.models import Product, ProductHardware, ServicePackage
from catalogue.storefront import written

# What must never be seen from outside. Each occurs nowhere else.
NOTE = "margin-is-thin-here"
REASON = "competitor-undercut-us"
REJECTION = "legal-said-no"
COST = "43217.89"
AUTHOR = "sipho.dlamini"
SECRETS = (NOTE, REASON, REJECTION, COST, "43217", AUTHOR, "dealer", "margin", "internal", "cost")

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


def package(sku: str = "HOME-FIBRE-100", **values: Any) -> ServicePackage:
    """Home Fibre 100 for R 799.00, on sale since long ago, unless told otherwise."""
    author, _created = User.objects.get_or_create(
        username=AUTHOR, defaults={"email": f"{AUTHOR}@example.com", "last_name": AUTHOR}
    )
    values = {
        "name": "Home Fibre 100",
        "market_segment": "consumer",
        "provider": "DFA",
        "service_type": "HomeFibre",
        "category": "home_fibre",
        "technology": "fibre",
        "speed_down_mbps": 100,
        "speed_up_mbps": 50,
        "data_limit": "Unlimited",
        "contract_months": 12,
        "features": ["Uncapped"],
        "price": Decimal("799.00"),
        "price_history": [{"price": "749.00", "reason": REASON}],
        "status": "active",
        "valid_from": LONG_AGO,
        "published_at": LONG_AGO,
    } | values
    shared = ("sku", "market_segment", "provider", "name", "service_type", "category", "contract_months")
    product = Product.objects.create(
        internal_notes=NOTE,
        rejection_reason=REJECTION,
        created_by=author,
        changed_by=author,
        **{name: value for name, value in {"sku": sku, **values}.items() if name in shared},
    )
    ProductHardware.objects.create(product=product, model="ONT", dealer_cost=Decimal(COST))
    key = f"{sku}|{values['market_segment']}|{values['provider']}".casefold()
    made = ServicePackage.objects.create(
        sku=sku, source_admin_product=product, logical_key=key, published_by=author, **values
    )
    written.write_down([made.pk])
    return made


def skyfibre_home_lite(**values: Any) -> ServicePackage:
    """The package that the documentation shows."""
    return package(
        **{
            "id": "6a1f5c1e-0f3c-4c55-9d8a-2f6f0a0c9b11",
            "sku": "SKYFIBRE-HOME-LITE-50-12M",
            "name": "SkyFibre Home Lite 50",
            "service_type": "SkyFibre",
            "category": "fixed_wireless_residential",
            "technology": "fixed-wireless",
            "provider": "MTN",
            "speed_down_mbps": 50,
            "speed_up_mbps": 20,
            "features": ["Uncapped", "Free WiFi router", "24/7 technical support"],
            "add_ons": [{"name": "Static IP", "price": "99.00", "recurring": True}],
            "hardware_model": "Reyee RG-EW1300G",
            "hardware_included": True,
            "hardware_price": Decimal("0.00"),
            "price": Decimal("899.00"),
            "promotion_price": Decimal("799.00"),
            "promotion_months": 3,
            "promotion_to": datetime(2026, 12, 31).date(),
            "installation_fee": Decimal("450.00"),
            "discounted_installation_fee": Decimal("230.00"),
            "installation_days": 7,
            "zones": ["Cape Town", "Stellenbosch"],
            "featured": True,
            "valid_from": datetime(2026, 9, 30, 22, tzinfo=UTC),
        }
        | values
    )
