"""The children of a product, edited on its page."""

from typing import Any

from django.http import HttpRequest
from unfold.admin import StackedInline, TabularInline

from catalogue.models import ProductAddOn, ProductFeature, ProductHardware, ProductPricing


class PartOfProduct:
    """Children are part of their product: whoever may see or change it may see or change them."""

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.has_perm("catalogue.view_product") or self.has_change_permission(request, obj)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.has_perm("catalogue.change_product")

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.has_perm("catalogue.change_product" if obj else "catalogue.add_product")

    has_delete_permission = has_change_permission


class PricingInline(PartOfProduct, StackedInline):
    model = ProductPricing
    can_delete = False
    fields = (
        ("regular_price", "installation_fee"),
        ("promotion_price", "promotion_months"),
        ("promotion_from", "promotion_to"),
    )


class HardwareInline(PartOfProduct, StackedInline):
    model = ProductHardware
    extra = 0

    def get_fields(self, request: HttpRequest, obj: Any = None) -> tuple[Any, ...]:
        costs = ("dealer_cost",) if request.user.has_perm("catalogue.view_costs") else ()
        return (("model", "included"), ("retail_value", *costs))


class FeatureInline(PartOfProduct, TabularInline):
    model = ProductFeature
    extra = 0
    fields = ("position", "text")


class AddOnInline(PartOfProduct, TabularInline):
    model = ProductAddOn
    extra = 0
    verbose_name_plural = "add-ons"
