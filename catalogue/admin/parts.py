"""The children of a product, edited on its page."""

from typing import Any

from django.http import HttpRequest
from unfold.admin import StackedInline

from catalogue.models import BundleComponent, ProductAddOn, ProductFeature, ProductHardware, ProductPricing
from circletel.core.admin.base import InTable


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
        "regular_price",
        ("promotion_price", "promotion_months"),
        ("promotion_from", "promotion_to"),
        ("installation_fee", "discounted_installation_fee"),
    )


class HardwareInline(PartOfProduct, StackedInline):
    model = ProductHardware
    extra = 0

    def get_fields(self, request: HttpRequest, obj: Any = None) -> tuple[Any, ...]:
        costs = ("dealer_cost",) if request.user.has_perm("catalogue.view_costs") else ()
        return (("model", "included"), ("retail_value", *costs))


class FeatureInline(PartOfProduct, InTable):
    model = ProductFeature
    extra = 0
    fields = ("position", "text")


class AddOnInline(PartOfProduct, InTable):
    model = ProductAddOn
    extra = 0
    verbose_name_plural = "add-ons"


class ComponentInline(PartOfProduct, InTable):
    """What a bundle is made of; empty for every other product."""

    model = BundleComponent
    fk_name = "product"
    extra = 0
    fields = ("component", "quantity")
    autocomplete_fields = ("component",)
    verbose_name_plural = "bundle components"

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        field = super().formfield_for_dbfield(db_field, request, **kwargs)
        if db_field.name == "component":
            # One chooses a product here; its own page is where it is made and changed. And a phone is narrow.
            for deed in ("add", "change", "delete", "view"):
                setattr(field.widget, f"can_{deed}_related", False)
        return field
