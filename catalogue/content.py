"""What a product says, as plain data: the basis of approval signatures, audit diffs and publishing."""

import hashlib
import json
import re
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from django.core.serializers.json import DjangoJSONEncoder

from catalogue.models import (
    BundleComponent,
    Product,
    ProductAddOn,
    ProductFeature,
    ProductHardware,
    ProductPricing,
)

# What a product manager writes and an approver signs. Notes and costs are ours alone and not signed.
PRODUCT_FIELDS = (
    "name",
    "sku",
    "service_type",
    "category",
    "technology",
    "market_segment",
    "provider",
    "speed_down_mbps",
    "speed_up_mbps",
    "data_limit",
    "contract_months",
    "description",
    "valid_from",
    "valid_to",
    "installation_days",
    "zones",
    "featured",
    "popular",
)
PRICING_FIELDS = (
    "regular_price",
    "promotion_price",
    "promotion_months",
    "promotion_from",
    "promotion_to",
    "installation_fee",
    "discounted_installation_fee",
)
# Written down when they change, and signed by nobody; what a cost is, the audit trail does not say.
NOTES, COST = "internal_notes", "hardware.dealer_cost"
HARDWARE_FIELDS = ("model", "included", "retail_value")
ADD_ON_FIELDS = ("name", "price", "recurring")


def pricing_of(product: Product) -> ProductPricing | None:
    return getattr(product, "pricing", None)


def hardware_of(product: Product) -> ProductHardware | None:
    return getattr(product, "hardware", None)


def product_content(product: Product) -> dict[str, Any]:
    """Everything of substance, flat, in a stable order: {"name": …, "pricing.regular_price": …, "features": […]}."""
    return content_of(
        product,
        pricing_of(product),
        hardware_of(product),
        product.features.all(),
        product.add_ons.all(),
        product.components.all(),
    )


def content_of(
    product: Product,
    pricing: ProductPricing | None,
    hardware: ProductHardware | None,
    features: Iterable[ProductFeature] = (),
    add_ons: Iterable[ProductAddOn] = (),
    components: Iterable[BundleComponent] = (),
) -> dict[str, Any]:
    """`product_content` of parts that are at hand already. Asks the database nothing."""
    content: dict[str, Any] = {field: getattr(product, field) for field in PRODUCT_FIELDS}
    content |= {f"pricing.{field}": getattr(pricing, field) if pricing else None for field in PRICING_FIELDS}
    content |= {
        f"hardware.{field}": getattr(hardware, field) if hardware else None for field in HARDWARE_FIELDS
    }
    content["features"] = [feature.text for feature in features]
    content["add_ons"] = add_on_entries(add_ons)
    content["components"] = [_component(one) for one in components]
    return plain(content)


def whole_content(product: Product) -> dict[str, Any]:
    """`product_content` and what never leaves the back office: the basis of the audit trail's diffs, not of approvals."""
    hardware = hardware_of(product)
    unsigned = {NOTES: product.internal_notes, COST: hardware.dealer_cost if hardware else None}
    return product_content(product) | plain(unsigned)


def add_on_entries(add_ons: Iterable[ProductAddOn]) -> list[dict[str, Any]]:
    """Name, price (text with two decimals), recurring, and categories where there are any."""
    entries = [
        {field: getattr(add_on, field) for field in ADD_ON_FIELDS}
        | ({"categories": add_on.categories} if add_on.categories else {})
        for add_on in add_ons
    ]
    found: list[dict[str, Any]] = plain({"add_ons": entries})["add_ons"] if entries else []
    return found


def _component(one: BundleComponent) -> dict[str, Any]:
    """Which product, and how often; what it costs follows the component and is not signed."""
    key = {field: getattr(one.component, field) for field in ("sku", "market_segment", "provider")}
    return {**key, "quantity": one.quantity}


def fingerprint(product: Product) -> str:
    """A hash of `product_content`: equal exactly when nothing of substance differs."""
    content = json.dumps(product_content(product), sort_keys=True)
    return hashlib.sha256(content.encode()).hexdigest()


def differences(before: dict[str, Any], after: dict[str, Any]) -> dict[str, list[Any]]:
    """{field: [before, after]} for every field that differs."""
    return {
        key: [before.get(key), after.get(key)]
        for key in {**before, **after}
        if before.get(key) != after.get(key)
    }


def logical_key(product: Product) -> str:
    """One variant across its versions: offer, term, device, segment and provider, without regard to case and spacing.

    Two SKUs with the same logical key are versions of one another: publishing the second archives the first.
    """
    hardware = hardware_of(product)
    parts = (
        product.name,
        f"{product.contract_months}m",
        hardware.model if hardware else "",
        product.market_segment,
        product.provider,
    )
    return "|".join(_folded(part) for part in parts)


def _folded(text: str) -> str:
    # slugify would drop what another script writes in; fold case and spacing only.
    return re.sub(r"\s+", " ", text).strip().casefold()


def plain(value: dict[str, Any]) -> dict[str, Any]:
    """The values as JSON has them, equal exactly when they mean the same."""
    return json.loads(json.dumps(value, cls=_CanonicalEncoder))


class _CanonicalEncoder(DjangoJSONEncoder):
    """Amounts with two decimals whether they come from a form or the database, so that 899 equals 899.00."""

    def default(self, o: Any) -> Any:
        return f"{o:.2f}" if isinstance(o, Decimal) else super().default(o)
