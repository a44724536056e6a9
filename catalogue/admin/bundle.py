"""What the page of a product says of it as a bundle."""

from decimal import Decimal
from typing import Any

from catalogue.bundles import component_entries
from catalogue.content import pricing_of
from catalogue.models import Product
from circletel.core.admin.base import rand


def bundle_summary(product: Product) -> dict[str, Any] | None:
    """Its components, their price one by one and the savings, as things stand now; None when it is no bundle."""
    components = list(product.components.select_related("component"))
    if not components:
        return None
    entries = component_entries(product)
    separately = sum((Decimal(one["price"]) * one["quantity"] for one in entries), Decimal("0.00"))
    pricing = pricing_of(product)
    complete = len(entries) == len(components) and pricing is not None
    return {
        "components": [str(component) for component in components],
        "separately": rand(separately if complete else None),
        "savings": rand(separately - pricing.regular_price if complete and pricing else None),
    }
