"""What the tests of this window share: addresses, versions and a small catalogue."""

from datetime import date
from decimal import Decimal
from typing import Any

from catalogue.models import ServicePackage
from tests.catalogue.api.packages import package, skyfibre_home_lite

V4 = "/tmf-api/productCatalogManagement/v4"
V5 = "/productCatalogManagement/v5"
BASES = {"v4": V4, "v5": V5}
READABLE = {
    "v4": ("catalog", "category", "productOffering", "productOfferingPrice", "productSpecification"),
    "v5": ("productCatalog", "category", "productOffering", "productOfferingPrice", "productSpecification"),
}
WRITABLE = ("productOffering", "productOfferingPrice", "productSpecification")


def small_catalogue() -> list[ServicePackage]:
    """One with everything, one plain, one for business with a device at a price, one not on sale."""
    everything = skyfibre_home_lite(valid_from=date_time(2020), promotion_to=date(2090, 12, 31))
    plain = package()
    business = package(
        "BIZ-MOBILE",
        name="Biz Mobile, 5G",
        market_segment="business",
        service_type="Mobile Data",
        provider="MTN",
        contract_months=24,
        speed_down_mbps=None,
        speed_up_mbps=None,
        price=Decimal("1299.50"),
        hardware_model="ZTE MC801A",
        hardware_price=Decimal("2500.00"),
        valid_to=date_time(2090),
    )
    package("GONE", name="Gone", status="archived")
    return [everything, plain, business]


def date_time(year: int) -> Any:
    from datetime import UTC, datetime

    return datetime(year, 1, 1, tzinfo=UTC)
