"""Zoho Billing: a product for each line, a plan for each package, one-time add-ons for installation and hardware.

`docs/zoho-billing.md` gives the reasons: cycles are −1 because a term sent as cycles makes subscriptions
expire; one-time charges are add-ons because a subscription has no place for items; no setup fee is sent beside
them, or customers would pay twice.
"""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from django.utils import timezone

from catalogue.models import PackageStatus
from zoho_sync.fields import Facts, Field, FieldType
from zoho_sync.keys import HARDWARE_SUFFIX, INSTALLATION_SUFFIX, line_key, package_name

# Zoho wants names and codes of plans "under 100 characters".
NAME_LENGTH = 99
CODE_LENGTH = 99


def _status(facts: Facts) -> str:
    """Not a field of Zoho's requests: it is reached through the mark-as calls."""
    return "active" if facts.package.status == PackageStatus.ACTIVE else "inactive"


PRODUCT = (
    Field(
        "name",
        "service type, provider and segment",
        lambda f: line_key(f.package),
        length=NAME_LENGTH,
        required=True,
        unique=True,
    ),
)

PLAN = (
    Field(
        "plan_code",
        "SKU, segment and provider",
        lambda f: f.key,
        length=CODE_LENGTH,
        required=True,
        unique=True,
    ),
    Field(
        "name",
        "name, told apart by term and device",
        lambda f: package_name(f.package, NAME_LENGTH),
        length=NAME_LENGTH,
        required=True,
    ),
    Field(
        "recurring_price",
        "price for new customers",
        lambda f: f.amount(f.package.current_price),
        FieldType.AMOUNT,
        required=True,
        adopts="price",
    ),
    Field("interval", "always 1", lambda f: 1, FieldType.INTEGER, required=True),
    Field("interval_unit", "always months", lambda f: "months"),
    Field("billing_cycles", "always −1: until cancelled", lambda f: -1, FieldType.INTEGER),
    Field(
        "description",
        "description, else features",
        lambda f: f.package.description or ", ".join(f.package.features),
        FieldType.TEXT_AREA,
        length=2000,
        adopts="description",
    ),
    Field("status", "status is active", _status),
)


def _one_time(
    suffix: str, title: str, unit: str, amount: Callable[[Facts], Decimal | None], adopts: str = ""
) -> tuple[Field, ...]:
    return (
        Field(
            "addon_code",
            "SKU, segment and provider",
            lambda f: f.key + suffix,
            length=CODE_LENGTH,
            required=True,
            unique=True,
        ),
        Field(
            "name",
            "name, told apart by term and device",
            lambda f: f"{title}: {package_name(f.package, NAME_LENGTH - len(title) - 2)}",
            length=NAME_LENGTH,
            required=True,
        ),
        Field("unit_name", f"always {unit}", lambda f: unit),
        Field("pricing_scheme", "always unit", lambda f: "unit"),
        Field(
            "price_brackets",
            f"{title.lower()} price",
            lambda f: [{"price": f.amount(amount(f))}],
            FieldType.STRUCTURE,
            required=True,
            adopts=adopts,
        ),
        Field("type", "always one_time", lambda f: "one_time"),
        Field("applicable_to_all_plans", "always false", lambda f: False, FieldType.BOOLEAN),
        Field("plans", "the package's plan", lambda f: [{"plan_code": f.key}], FieldType.STRUCTURE),
        Field("status", "status is active", _status),
    )


INSTALLATION = _one_time(
    INSTALLATION_SUFFIX,
    "Installation",
    "installation",
    lambda f: f.package.charged_installation_fee,
    adopts="pricing.charged_installation_fee",
)
# What the customer pays for the device: 0.00 when it is included. Its cost to us is never a price.
HARDWARE = _one_time(HARDWARE_SUFFIX, "Hardware", "device", lambda f: f.package.hardware_price)

# Values for the custom fields that the organisation has made by hand, by label. Sent only when named in
# ZOHO_BILLING_CUSTOM_FIELDS, because Zoho refuses a label it does not know.
PACKAGE_ID = "Package Id"
PLAN_CUSTOM_FIELDS: dict[str, Callable[[Facts], Any]] = {
    PACKAGE_ID: lambda f: str(f.package.pk),
    "Market Segment": lambda f: f.package.market_segment,
    "Provider": lambda f: f.package.provider,
    "Technology": lambda f: f.package.technology,
    "Download Speed": lambda f: f.package.speed_down_mbps,
    "Upload Speed": lambda f: f.package.speed_up_mbps,
    "Data Limit": lambda f: f.package.data_limit,
    "Contract Months": lambda f: f.package.contract_months,
    "Promotion Price": lambda f: f.amount(f.package.promotion_price),
    "Installation Days": lambda f: f.package.installation_days,
    "Valid From": lambda f: timezone.localdate(f.package.valid_from),
    "Valid To": lambda f: f.package.sale_ends and timezone.localdate(f.package.sale_ends),
}


def plan_custom_fields(facts: Facts) -> list[dict[str, Any]]:
    """[{label, value}] for the labels that exist in the organisation; blank values are left out, Zoho refuses null."""
    wanted = {
        label: read(facts)
        for label, read in PLAN_CUSTOM_FIELDS.items()
        if label in facts.terms.billing_custom_fields
    }
    return [{"label": label, "value": value} for label, value in wanted.items() if value not in (None, "")]
