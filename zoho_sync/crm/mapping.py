"""Zoho CRM: one record in the Products module for each package. Ours on the left, Zoho's on the right.

`docs/zoho-fields.md` is generated from this table. Lengths of the standard fields are those of the smallest
organisation Zoho documents; custom fields are made by `manage.py zoho_fields create`.
"""

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from functools import cache
from typing import Any

from django.core.exceptions import ObjectDoesNotExist
from django.utils import timezone

from catalogue.models import PackageStatus
from zoho_sync.fields import Facts, Field, FieldType
from zoho_sync.keys import package_name

PRODUCT_NAME_LENGTH = 50
KEY_LABEL = "Package_Key"
# Zoho's lengths of custom fields.
LENGTHS = {FieldType.TEXT: 255, FieldType.TEXT_AREA: 2000, FieldType.WEBSITE: 450}
# A list of products can be read with at most 50 fields; id, who changed it and when are read beside ours.
FIELDS_AT_MOST = 47

AMOUNT, BOOLEAN, INTEGER = FieldType.AMOUNT, FieldType.BOOLEAN, FieldType.INTEGER
DATE, INSTANT = FieldType.DATE, FieldType.INSTANT


def _add_ons(facts: Facts) -> str | None:
    lines = (
        f"{add_on['name']}: R {add_on['price']} {'a month' if add_on.get('recurring') else 'once'}"
        for add_on in facts.package.add_ons
    )
    return "\n".join(lines) or None


def _components(facts: Facts) -> str | None:
    return "\n".join(f"{one['quantity']} × {one['name']}" for one in facts.package.components) or None


def _link(path: str) -> Callable[[Facts], str | None]:
    def link(facts: Facts) -> str | None:
        where = path.format(id=facts.package.pk, slug=facts.package.slug)
        return facts.terms.base_url + where if facts.terms.base_url else None

    return link


def _dealer_cost(facts: Facts) -> Decimal | None:
    try:
        return facts.package.source_admin_product.hardware.dealer_cost
    except ObjectDoesNotExist:
        return None


def _margin(facts: Facts) -> Decimal | None:
    cost, price = _dealer_cost(facts), facts.package.hardware_price
    return facts.amount(price - cost) if cost is not None and price is not None else None


def _own(
    name: str, source: str, value: Callable[[Facts], Any], type: FieldType = FieldType.TEXT, **rules: Any
) -> Field:
    """A field of ours; the configured prefix comes before its name."""
    return Field(name, source, value, type, length=LENGTHS.get(type), custom=True, **rules)


# Fields that every CRM has.
STANDARD_FIELDS = (
    Field(
        "Product_Name",
        "name, told apart by term and device",
        lambda f: package_name(f.package, PRODUCT_NAME_LENGTH),
        length=PRODUCT_NAME_LENGTH,
        required=True,
    ),
    Field("Product_Code", "SKU", lambda f: f.package.sku, length=40, required=True),
    Field(
        "Product_Category",
        "category",
        lambda f: f.package.category,
        FieldType.PICKLIST,
        length=120,
        adopts="category",
    ),
    Field(
        "Description",
        "description",
        lambda f: f.package.description or None,
        FieldType.TEXT_AREA,
        length=32000,
        adopts="description",
    ),
    Field(
        "Unit_Price",
        "price for new customers",
        lambda f: f.amount(f.package.current_price),
        AMOUNT,
        required=True,
        adopts="price",
    ),
    Field("Product_Active", "status is active", lambda f: f.package.status == PackageStatus.ACTIVE, BOOLEAN),
    Field("Sales_Start_Date", "valid from", lambda f: timezone.localdate(f.package.valid_from), DATE),
    Field(
        "Sales_End_Date",
        "valid to, or the end of sale",
        lambda f: f.package.sale_ends and timezone.localdate(f.package.sale_ends),
        DATE,
    ),
)

CUSTOM_FIELDS = (
    _own(KEY_LABEL, "SKU, segment and provider", lambda f: f.key, required=True, unique=True),
    _own("Package_Id", "package id", lambda f: str(f.package.pk)),
    _own("Product_Id", "product id", lambda f: str(f.package.source_admin_product_id)),
    _own("Slug", "slug", lambda f: f.package.slug),
    _own("Service_Type", "service type", lambda f: f.package.service_type),
    _own("Market_Segment", "market segment", lambda f: f.package.market_segment),
    _own("Provider", "provider", lambda f: f.package.provider),
    _own("Currency", "always ZAR", lambda f: "ZAR"),
    _own("Price_Includes_VAT", "VAT setting", lambda f: f.terms.prices_include_vat, BOOLEAN),
    _own("Contract_Months", "contract months", lambda f: f.package.contract_months, INTEGER),
    _own(
        "Promotion_Price",
        "promotion price",
        lambda f: f.amount(f.package.promotion_price),
        AMOUNT,
        adopts="pricing.promotion_price",
    ),
    _own(
        "Promotion_Months",
        "promotion months",
        lambda f: f.package.promotion_months,
        INTEGER,
        adopts="pricing.promotion_months",
    ),
    _own("Promotion_From", "promotion's first day", lambda f: f.package.promotion_from, DATE),
    _own("Promotion_To", "promotion's last day", lambda f: f.package.promotion_to, DATE),
    _own(
        "Installation_Fee",
        "installation fee",
        lambda f: f.amount(f.package.installation_fee),
        AMOUNT,
        adopts="pricing.installation_fee",
    ),
    _own(
        "Discounted_Setup_Fee",
        "discounted installation fee",
        lambda f: f.amount(f.package.discounted_installation_fee),
        AMOUNT,
        adopts="pricing.discounted_installation_fee",
    ),
    _own("Hardware_Price", "hardware price", lambda f: f.amount(f.package.hardware_price), AMOUNT),
    _own("Bundle_Savings", "what a bundle saves a month", lambda f: f.amount(f.package.savings), AMOUNT),
    _own("Technology", "technology", lambda f: f.package.technology or None, adopts="technology"),
    _own(
        "Speed_Down_Mbps",
        "download speed",
        lambda f: f.package.speed_down_mbps,
        INTEGER,
        adopts="speed_down_mbps",
    ),
    _own(
        "Speed_Up_Mbps",
        "upload speed",
        lambda f: f.package.speed_up_mbps,
        INTEGER,
        adopts="speed_up_mbps",
    ),
    _own("Data_Limit", "data limit", lambda f: f.package.data_limit or None, adopts="data_limit"),
    _own(
        "Installation_Days",
        "installation days",
        lambda f: f.package.installation_days,
        INTEGER,
        adopts="installation_days",
    ),
    _own("Zones", "zones, one a line", lambda f: "\n".join(f.package.zones) or None, FieldType.TEXT_AREA),
    _own("Hardware_Model", "hardware model", lambda f: f.package.hardware_model or None),
    _own("Hardware_Included", "hardware included", lambda f: f.package.hardware_included, BOOLEAN),
    _own("Features", "features", lambda f: "\n".join(f.package.features) or None, FieldType.TEXT_AREA),
    _own("Add_Ons", "add-ons, one a line", _add_ons, FieldType.TEXT_AREA),
    _own("Bundle_Components", "bundle components, one a line", _components, FieldType.TEXT_AREA),
    _own("Package_Status", "status", lambda f: f.package.get_status_display()),
    _own("Package_Version", "version", lambda f: f.package.version, INTEGER),
    _own("Published_At", "first published", lambda f: f.package.published_at, INSTANT),
    _own("Featured", "featured", lambda f: f.package.featured, BOOLEAN),
    _own("Popular", "popular", lambda f: f.package.popular, BOOLEAN),
    # Where the record comes from: nothing here changes from one sync to the next by itself.
    _own("Sync_Source", "always CircleTel catalogue", lambda f: "CircleTel catalogue"),
    _own(
        "Catalogue_Link",
        "the package's page in the catalogue",
        _link("/admin/catalogue/servicepackage/{id}/change/"),
        FieldType.WEBSITE,
    ),
    _own(
        "Storefront_Link",
        "the package as the storefront reads it",
        _link("/api/v1/packages/{slug}/"),
        FieldType.WEBSITE,
    ),
)

# Sent only with ZOHO_CRM_SEND_COSTS: whoever may read Products in CRM reads them.
COST_FIELDS = (
    _own("Hardware_Cost", "dealer cost of the device", lambda f: f.amount(_dealer_cost(f)), AMOUNT),
    _own("Hardware_Margin", "hardware price less dealer cost", _margin, AMOUNT),
)


@cache
def custom_fields(prefix: str, costs: bool = False) -> tuple[Field, ...]:
    """Fields of ours in CRM, the key first. What the device costs us is among them only with `costs`."""
    own = CUSTOM_FIELDS + COST_FIELDS if costs else CUSTOM_FIELDS
    return tuple(replace(field, name=f"{prefix}{field.name}") for field in own)


@cache
def fields(prefix: str, costs: bool = False) -> tuple[Field, ...]:
    """The whole table, the key first."""
    key, *others = custom_fields(prefix, costs)
    return (key, *STANDARD_FIELDS, *others)


def key_field(prefix: str) -> str:
    """The unique field by which upserts find their record."""
    return f"{prefix}{KEY_LABEL}"
