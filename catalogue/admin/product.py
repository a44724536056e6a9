"""Products: describe, submit, approve, publish, and see on one page that Zoho has them."""

from decimal import Decimal
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from unfold.admin import ModelAdmin, StackedInline
from unfold.decorators import action, display

from catalogue import editing, services
from catalogue.actions import PRODUCT, PUBLISH
from catalogue.admin.product_import import import_view
from catalogue.admin.standing import FILTERS, StandingColumns, standing_fragment, worst_state
from catalogue.bundles import component_entries
from catalogue.content import pricing_of, whole_content
from catalogue.models import (
    BundleComponent,
    Product,
    ProductAddOn,
    ProductFeature,
    ProductHardware,
    ProductPricing,
    PublishState,
    publish_state,
)
from circletel.core.actions import Action
from circletel.core.admin.actions import ActionsAdmin
from circletel.core.admin.base import BADGES, HidesCosts, InTable, WithPanel, fragment, section, term
from circletel.core.admin.long_lists import LongList
from circletel.core.amounts import rand
from circletel.core.rights import name_of
from zoho_sync.actions import RESYNC_PRODUCT
from zoho_sync.models import System
from zoho_sync.preview import preview_publish, readiness
from zoho_sync.services import hurry

EDITED_HERE = {field.name for field in Product._meta.fields if field.editable}


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


class PublishStateFilter(admin.SimpleListFilter):
    title, parameter_name = "publish state", "published"

    def lookups(self, request: HttpRequest, model_admin: ModelAdmin) -> list[tuple[str, str]]:
        return [(value, str(words)) for value, words in PublishState.choices]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Product]) -> QuerySet[Product]:
        return queryset.alias(asked=publish_state()).filter(asked=self.value()) if self.value() else queryset


class ProductForm(forms.ModelForm):
    def _get_validation_exclusions(self) -> set[str]:
        # The business key is unique among products that are not archived: without the status nobody would look.
        return super()._get_validation_exclusions() - {"status"}  # type: ignore[misc]


@admin.register(Product)
class ProductAdmin(LongList, HidesCosts, StandingColumns, WithPanel, ActionsAdmin):
    """What we describe; its page shows what became of it."""

    form = ProductForm

    empty_words = (
        "Add a product, or import a file of them. Nothing is sold before it is approved and published."
    )
    list_display = ("shown_name", "sold_to", "price", "shown_status", "publish_state", "crm", "billing")
    list_filter = ("status", PublishStateFilter, *FILTERS)
    search_fields = ("name", "sku")
    inlines = (PricingInline, HardwareInline, FeatureInline, AddOnInline, ComponentInline)
    fieldsets = (
        section(
            None,
            "name",
            ("sku", "provider"),
            ("market_segment", "service_type"),
            ("category", "technology"),
            ("speed_down_mbps", "speed_up_mbps"),
            ("data_limit", "contract_months"),
            "description",
        ),
        section("Where and when it is sold", "zones", "valid_from", "valid_to", "installation_days"),
        section("In the storefront", ("featured", "popular")),
        section("Back office only", "internal_notes"),
    )
    object_actions = (*PRODUCT, *RESYNC_PRODUCT)
    extra_pages = {
        "<uuid:object_id>/zoho-standing/": "zoho_standing",
        "<uuid:object_id>/preview/": "preview",
    }
    change_form_outer_before_template = "admin/catalogue/product/panel.html"
    actions_list = ("import_products",)

    def after_action(self, request: HttpRequest, one: Action, outcome: Any) -> None:
        """Its page shows how a published product comes to Zoho, so that goes ahead of background work."""
        if one is PUBLISH:
            hurry(outcome.package)

    # --- the list

    def get_queryset(self, request: HttpRequest) -> QuerySet[Product]:
        return (
            super()
            .get_queryset(request)
            .select_related("pricing", "created_by", "changed_by", "approved_by")
            .annotate(
                publish_state_=publish_state(),
                crm_state=worst_state(System.CRM, "package__source_admin_product"),
                billing_state=worst_state(System.BILLING, "package__source_admin_product"),
            )
        )

    @display(description="Product", ordering="name", header=True)
    def shown_name(self, product: Product) -> tuple[str, str]:
        return product.name, product.sku

    @display(description="Price a month", ordering="pricing__regular_price", header=True)
    def price(self, product: Product) -> tuple[str, str]:
        pricing = pricing_of(product)
        return rand(pricing.regular_price if pricing else None), term(product.contract_months)

    @display(description="Storefront", label=BADGES)
    def publish_state(self, product: Product) -> str:
        return product.publish_state_  # type: ignore[attr-defined]

    def has_import_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("catalogue.import_product")

    @action(description="Import", permissions=["import"], icon="upload", url_path="import")
    def import_products(self, request: HttpRequest) -> HttpResponse:
        return import_view(self, request)

    # --- the page

    def panel(self, request: HttpRequest, product: Product) -> dict[str, Any]:
        return {
            "status": product.get_status_display(),
            "publish_state": product.publish_state_,  # type: ignore[attr-defined]
            "made_by": name_of(product.created_by),
            "changed_by": name_of(product.changed_by),
            "approved_by": product.approved_by and name_of(product.approved_by),
            "readiness": [
                (target, [(str(problem), _anchor(problem.field)) for problem in problems])
                for target, problems in readiness(product, actor=request.user).items()  # type: ignore[arg-type]
            ],
            "pricing_approved_by": (pricing := pricing_of(product)) and pricing.approved_by,
            "preview_url": reverse("admin:catalogue_product_preview", args=[product.pk]),
            "bundle": _bundle_summary(product),
            "bundled_in": list(Product.objects.filter(components__component=product)),
            "standing": standing_fragment(request, product),
        }

    def zoho_standing_view(self, request: HttpRequest, object_id: UUID) -> HttpResponse:
        """The refreshing part of the page, alone."""
        return fragment(standing_fragment(request, get_object_or_404(Product, pk=object_id)))

    def preview_view(self, request: HttpRequest, object_id: UUID) -> HttpResponse:
        """What publishing would do: rehearsed and undone, so looking at it changes nothing."""
        product = get_object_or_404(Product.objects.with_content(), pk=object_id)
        preview = preview_publish(product, actor=request.user)  # type: ignore[arg-type]
        title = "What will publishing do?"
        return self.page(request, "catalogue/preview.html", title, product=product, preview=preview)

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        field = super().formfield_for_dbfield(db_field, request, **kwargs)
        if db_field.name in ("description", "internal_notes"):
            field.widget.attrs["rows"] = 3
        return field

    # --- editing

    def has_delete_permission(self, request: HttpRequest, obj: Product | None = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Product | None = None) -> bool:
        return (obj is None or editing.is_editable(obj)) and super().has_change_permission(request, obj)

    def get_readonly_fields(self, request: HttpRequest, obj: Product | None = None) -> tuple[str, ...]:
        return editing.fixed_fields(obj) if obj else ()

    def save_model(self, request: HttpRequest, obj: Product, form: Any, change: bool) -> None:
        before = None
        if change:
            before = whole_content(Product.objects.with_content().get(pk=obj.pk))
        else:
            obj.created_by = obj.changed_by = request.user  # type: ignore[assignment]
        request.content_before = before  # type: ignore[attr-defined]
        super().save_model(request, obj, form, change)

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """Everything is saved now: write the edit down, and say so when it voided an approval."""
        super().save_related(request, form, formsets, change)
        voided = services.record_edit(
            form.instance,
            actor=request.user,  # type: ignore[arg-type]
            before=request.content_before,  # type: ignore[attr-defined]
        )
        if voided:
            words = "This edit voided the approval or the request for it: submit the product again."
            messages.warning(request, words)


def _bundle_summary(product: Product) -> dict[str, Any] | None:
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


def _anchor(field: str) -> str:
    """Where on the page a problem is mended: the id of its form field, or nothing."""
    owner, _, name = field.rpartition(".")
    if owner:
        return f"id_{owner}-0-{name}"
    if name in ("features", "add_ons", "components"):
        return f"{name}-group"
    return f"id_{name}" if name in EDITED_HERE else ""
