"""Zoho CRM: one record in the Products module for each package. Ours on the left, Zoho's on the right.

`docs/zoho-fields.md` is generated from this table. Lengths of the standard fields are those of the smallest
organisation Zoho documents; custom fields are made by `manage.py zoho_fields create`.
"""

from collections.abc import Callable
from typing import Any

from django.utils import timezone

from catalogue.models import PackageStatus
from zoho_sync.fields import Facts, Field, FieldType
from zoho_sync.keys import package_name

PRODUCT_NAME_LENGTH = 50
KEY_LABEL = "Package_Key"


def standard_fields() -> tuple[Field, ...]:
    """Fields that every CRM has."""
    return (
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
            FieldType.AMOUNT,
            required=True,
            adopts="price",
        ),
        Field(
            "Product_Active",
            "status is active",
            lambda f: f.package.status == PackageStatus.ACTIVE,
            FieldType.BOOLEAN,
        ),
        Field(
            "Sales_Start_Date",
            "on sale from",
            lambda f: timezone.localdate(f.package.valid_from),
            FieldType.DATE,
        ),
        Field(
            "Sales_End_Date",
            "on sale until",
            lambda f: f.package.sale_ends and timezone.localdate(f.package.sale_ends),
            FieldType.DATE,
        ),
    )


def custom_fields(prefix: str) -> tuple[Field, ...]:
    """Fields of ours in CRM, each under the configured prefix."""

    def own(
        name: str, source: str, value: Callable[[Facts], Any], type: FieldType = FieldType.TEXT, **rules: Any
    ) -> Field:
        length = rules.pop(
            "length", 255 if type is FieldType.TEXT else 2000 if type is FieldType.TEXT_AREA else None
        )
        return Field(f"{prefix}{name}", source, value, type, length=length, custom=True, **rules)

    return (
        own(KEY_LABEL, "SKU, segment and provider", lambda f: f.key, required=True, unique=True),
        own("Package_Id", "package id", lambda f: str(f.package.pk)),
        own("Slug", "slug", lambda f: f.package.slug),
        own("Service_Type", "service type", lambda f: f.package.service_type),
        own("Technology", "technology", lambda f: f.package.technology or None, adopts="technology"),
        own("Market_Segment", "market segment", lambda f: f.package.market_segment),
        own("Provider", "provider", lambda f: f.package.provider),
        own(
            "Speed_Down_Mbps",
            "download speed",
            lambda f: f.package.speed_down_mbps,
            FieldType.INTEGER,
            adopts="speed_down_mbps",
        ),
        own(
            "Speed_Up_Mbps",
            "upload speed",
            lambda f: f.package.speed_up_mbps,
            FieldType.INTEGER,
            adopts="speed_up_mbps",
        ),
        own("Data_Limit", "data limit", lambda f: f.package.data_limit or None, adopts="data_limit"),
        own("Contract_Months", "contract months", lambda f: f.package.contract_months, FieldType.INTEGER),
        own("Price_Includes_VAT", "VAT setting", lambda f: f.terms.prices_include_vat, FieldType.BOOLEAN),
        own(
            "Promotion_Price",
            "promotion price",
            lambda f: f.amount(f.package.promotion_price),
            FieldType.AMOUNT,
            adopts="pricing.promotion_price",
        ),
        own(
            "Promotion_Months",
            "promotion months",
            lambda f: f.package.promotion_months,
            FieldType.INTEGER,
            adopts="pricing.promotion_months",
        ),
        own(
            "Installation_Fee",
            "installation fee",
            lambda f: f.amount(f.package.installation_fee),
            FieldType.AMOUNT,
            adopts="pricing.installation_fee",
        ),
        own("Hardware_Model", "hardware model", lambda f: f.package.hardware_model or None),
        own(
            "Hardware_Included", "hardware included", lambda f: f.package.hardware_included, FieldType.BOOLEAN
        ),
        own("Features", "features", lambda f: "\n".join(f.package.features) or None, FieldType.TEXT_AREA),
        own("Package_Version", "version", lambda f: f.package.version, FieldType.INTEGER),
        own("Valid_From", "on sale from", lambda f: f.package.valid_from, FieldType.INSTANT),
        own("Valid_To", "on sale until", lambda f: f.package.valid_to, FieldType.INSTANT),
    )


def fields(prefix: str) -> tuple[Field, ...]:
    """The whole table, the key first."""
    key, *others = custom_fields(prefix)
    return (key, *standard_fields(), *others)


def key_field(prefix: str) -> str:
    """The unique field by which upserts find their record."""
    return f"{prefix}{KEY_LABEL}"
