"""Products: describe, submit, approve, publish, and see on one page that Zoho has them."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Case, CharField, Exists, OuterRef, Prefetch, QuerySet, Value, When
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, path, reverse
from django.utils.safestring import SafeString, mark_safe
from unfold.admin import ModelAdmin, StackedInline, TabularInline
from unfold.decorators import action, display
from unfold.enums import ActionVariant
from unfold.forms import BaseDialogForm
from unfold.widgets import UnfoldAdminTextareaWidget

from catalogue import services
from catalogue.admin.base import BADGES, rand, term
from catalogue.admin.bundle import bundle_summary
from catalogue.admin.standing import (
    WORDS,
    BillingStateFilter,
    CrmStateFilter,
    standing_fragment,
    worst_state,
)
from catalogue.content import pricing_of, product_content
from catalogue.errors import Refused
from catalogue.models import (
    BundleComponent,
    PackageStatus,
    Product,
    ProductAddOn,
    ProductFeature,
    ProductHardware,
    ProductPricing,
    ProductStatus,
    ServicePackage,
)
from catalogue.readiness import publishing_problems
from catalogue.resources import ProductImportMixin
from zoho_sync.models import System

MOST_REASONS = 20
# Which deed is offered in which status. Anybody may still try another one and is told why not.
DEEDS_BY_STATUS = {
    ProductStatus.DRAFT: {"submit_one"},
    ProductStatus.PENDING: {"approve_one", "reject_one"},
    ProductStatus.APPROVED: {"publish_one"},
    ProductStatus.ARCHIVED: set(),
}


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


class ComponentInline(PartOfProduct, TabularInline):
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


class RejectForm(BaseDialogForm):
    reason = forms.CharField(
        label="Reason",
        widget=UnfoldAdminTextareaWidget,
        help_text="Its author reads this on the product page.",
    )


class PublishStateFilter(admin.SimpleListFilter):
    title, parameter_name = "publish state", "published"

    def lookups(self, request: HttpRequest, model_admin: ModelAdmin) -> list[tuple[str, str]]:
        return [(state, state) for state in ("Not published", "Live", "Live, edited since", "Archived")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Product]) -> QuerySet[Product]:
        return queryset.filter(publish_state_=self.value()) if self.value() else queryset


@admin.register(Product)
class ProductAdmin(ProductImportMixin, ModelAdmin):
    """What we describe; its page shows what became of it."""

    list_display = ("shown_name", "sold_to", "price", "shown_status", "publish_state", "crm", "billing")
    list_filter = (
        "status",
        PublishStateFilter,
        CrmStateFilter,
        BillingStateFilter,
        "market_segment",
        "service_type",
        "provider",
        "technology",
    )
    search_fields = ("name", "sku")
    list_per_page = 50
    show_full_result_count = False
    inlines = (PricingInline, HardwareInline, FeatureInline, AddOnInline, ComponentInline)
    fieldsets = (
        (
            None,
            {
                "fields": (
                    "name",
                    ("sku", "provider"),
                    ("market_segment", "service_type"),
                    ("category", "technology"),
                    ("speed_down_mbps", "speed_up_mbps"),
                    ("data_limit", "contract_months"),
                    "description",
                )
            },
        ),
        ("When it is sold", {"fields": ("valid_from", "valid_to")}),
        ("Back office only", {"fields": ("internal_notes",)}),
    )
    actions = ("submit_selected", "approve_selected", "publish_selected")
    actions_row = ("submit_one", "approve_one", "publish_one")
    actions_detail = ("submit_one", "approve_one", "reject_one", "publish_one")
    change_form_outer_before_template = "admin/catalogue/product/panel.html"

    # --- the list

    def get_queryset(self, request: HttpRequest) -> QuerySet[Product]:
        live = ServicePackage.objects.filter(source_admin_product=OuterRef("pk"), status=PackageStatus.ACTIVE)
        ever = ServicePackage.objects.filter(source_admin_product=OuterRef("pk"))
        return (
            super()
            .get_queryset(request)
            .select_related("pricing", "created_by", "changed_by", "approved_by")
            .annotate(
                publish_state_=Case(
                    When(Exists(live.filter(source_version=OuterRef("version"))), then=Value("Live")),
                    When(Exists(live), then=Value("Live, edited since")),
                    When(Exists(ever), then=Value("Archived")),
                    default=Value("Not published"),
                    output_field=CharField(),
                ),
                crm_state=worst_state(System.CRM, "packages__integrations__"),
                billing_state=worst_state(System.BILLING, "packages__integrations__"),
            )
        )

    @display(description="Product", ordering="name", header=True)
    def shown_name(self, product: Product) -> tuple[str, str]:
        return product.name, product.sku

    @display(description="Sold to", ordering="market_segment", header=True)
    def sold_to(self, product: Product) -> tuple[str, str]:
        return product.get_market_segment_display(), f"over {product.provider}"

    @display(description="Price a month", ordering="pricing__regular_price", header=True)
    def price(self, product: Product) -> tuple[str, str]:
        pricing = pricing_of(product)
        return rand(pricing.regular_price if pricing else None), term(product.contract_months)

    @display(description="Status", ordering="status", label=BADGES)
    def shown_status(self, product: Product) -> str:
        return product.get_status_display()

    @display(description="Storefront", label=BADGES)
    def publish_state(self, product: Product) -> str:
        return product.publish_state_  # type: ignore[attr-defined]

    @display(description="Zoho CRM", ordering="crm_state", label=BADGES)
    def crm(self, product: Product) -> str | None:
        return WORDS.get(product.crm_state)  # type: ignore[attr-defined]

    @display(description="Zoho Billing", ordering="billing_state", label=BADGES)
    def billing(self, product: Product) -> str | None:
        return WORDS.get(product.billing_state)  # type: ignore[attr-defined]

    # --- the page

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        product = self.get_object(request, object_id)
        panel = (
            self._panel(request, product) if product and self.has_view_permission(request, product) else None
        )
        return super().change_view(request, object_id, form_url, {**(extra_context or {}), "panel": panel})

    def _panel(self, request: HttpRequest, product: Product) -> dict[str, Any]:
        return {
            "status": product.get_status_display(),
            "publish_state": product.publish_state_,  # type: ignore[attr-defined]
            "made_by": product.created_by.get_full_name() or product.created_by.get_username(),
            "changed_by": product.changed_by.get_full_name() or product.changed_by.get_username(),
            "approved_by": product.approved_by and product.approved_by.get_full_name(),
            "problems": publishing_problems(product),
            "bundle": bundle_summary(product),
            "bundled_in": list(Product.objects.filter(components__component=product)),
            "standing": self._standing(request, product),
        }

    def _standing(self, request: HttpRequest, product: Product) -> SafeString:
        packages = list(
            ServicePackage.objects.filter(source_admin_product=product)
            .prefetch_related(Prefetch("integrations"))
            .order_by("-published_at")
        )
        for package in packages:
            package.shown_price = rand(package.current_price)  # type: ignore[attr-defined]
        refresh = reverse("admin:catalogue_product_zoho_standing", args=[product.pk])
        return mark_safe(standing_fragment(request, packages, refresh))  # noqa: S308  (a rendered template)

    def zoho_standing_view(self, request: HttpRequest, object_id: UUID) -> HttpResponse:
        """The refreshing part of the page, alone."""
        product = get_object_or_404(Product, pk=object_id)
        if not self.has_view_permission(request, product):
            raise PermissionDenied
        response = HttpResponse(self._standing(request, product))
        response["Cache-Control"] = "no-store"
        return response

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.zoho_standing_view)
        own = path("<uuid:object_id>/zoho-standing/", view, name="catalogue_product_zoho_standing")
        return [own, *super().get_urls()]

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        field = super().formfield_for_dbfield(db_field, request, **kwargs)
        if db_field.name in ("description", "internal_notes"):
            field.widget.attrs["rows"] = 3
        return field

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> Any:
        """Only the deeds that the product's status admits."""
        product = self.get_object(request, object_id)
        offered = DEEDS_BY_STATUS[ProductStatus(product.status)] if product else set()
        return [
            one
            for one in super().get_actions_detail(request, object_id)
            if one.method.original_function_name in offered
        ]

    # --- editing

    def has_delete_permission(self, request: HttpRequest, obj: Product | None = None) -> bool:
        return False

    def get_readonly_fields(self, request: HttpRequest, obj: Product | None = None) -> tuple[str, ...]:
        # The business key of something published is not edited: another key is another product.
        published = obj is not None and obj.packages.exists()
        return ("sku", "provider", "market_segment") if published else ()

    def save_model(self, request: HttpRequest, obj: Product, form: Any, change: bool) -> None:
        before = None
        if change:
            before = product_content(Product.objects.with_content().get(pk=obj.pk))
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

    def log_addition(self, *_: Any) -> None:
        """The audit trail has it, with more."""

    log_change = log_addition  # type: ignore[assignment]

    # --- deeds

    def has_submit_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return request.user.has_perm("catalogue.submit_product")

    def has_approve_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return request.user.has_perm("catalogue.approve_product")

    def has_publish_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return request.user.has_perm("catalogue.publish_product")

    @action(
        description="Submit for approval",
        permissions=["submit"],
        icon="send",
        url_path="submit",
        variant=ActionVariant.PRIMARY,
        dialog={
            "title": "Submit for approval?",
            "description": "Someone other than you approves it. Editing it afterwards takes the request back.",
            "form_class": BaseDialogForm,
            "form_submit_text": "Submit",
        },
    )
    def submit_one(self, request: HttpRequest, form: BaseDialogForm, object_id: Any) -> HttpResponse:
        return self._one(request, object_id, "submit", services.submit, "{} waits for approval.")

    @action(
        description="Approve",
        permissions=["approve"],
        icon="check",
        url_path="approve",
        variant=ActionVariant.SUCCESS,
        dialog={
            "title": "Approve this product?",
            "description": "You sign its content and its pricing as they stand. Any later edit voids the approval.",
            "form_class": BaseDialogForm,
            "form_submit_text": "Approve",
        },
    )
    def approve_one(self, request: HttpRequest, form: BaseDialogForm, object_id: Any) -> HttpResponse:
        return self._one(request, object_id, "approve", services.approve, "{} is approved.")

    @action(
        description="Reject",
        permissions=["approve"],
        icon="undo",
        url_path="reject",
        dialog={
            "title": "Send it back to its author?",
            "description": "It becomes a draft again.",
            "form_class": RejectForm,
            "form_submit_text": "Reject",
        },
    )
    def reject_one(self, request: HttpRequest, form: RejectForm, object_id: Any) -> HttpResponse:
        def deed(product_id: Any, *, actor: Any) -> Any:
            return services.reject(product_id, actor=actor, reason=form.cleaned_data["reason"])

        return self._one(request, object_id, "reject", deed, "{} went back to its author.")

    @action(
        description="Publish",
        permissions=["publish"],
        icon="publish",
        url_path="publish",
        variant=ActionVariant.PRIMARY,
        dialog={
            "title": "Publish this product?",
            "description": "The storefront sells it at once, and Zoho CRM and Zoho Billing get it within seconds."
            " The price of a package that is live already does not move.",
            "form_class": BaseDialogForm,
            "form_submit_text": "Publish",
        },
    )
    def publish_one(self, request: HttpRequest, form: BaseDialogForm, object_id: Any) -> HttpResponse:
        return self._one(request, object_id, "publish", services.publish, "{}.")

    @action(description="Submit selected products for approval", permissions=["submit"])
    def submit_selected(self, request: HttpRequest, queryset: QuerySet[Product]) -> None:
        self._many(request, queryset, "submit", services.submit, "submitted")

    @action(description="Approve selected products", permissions=["approve"])
    def approve_selected(self, request: HttpRequest, queryset: QuerySet[Product]) -> None:
        self._many(request, queryset, "approve", services.approve, "approved")

    @action(description="Publish selected products", permissions=["publish"])
    def publish_selected(self, request: HttpRequest, queryset: QuerySet[Product]) -> None:
        self._many(request, queryset, "publish", services.publish, "published")

    def _one(
        self, request: HttpRequest, product_id: Any, name: str, deed: Callable[..., Any], sentence: str
    ) -> HttpResponse:
        page = reverse("admin:catalogue_product_change", args=[product_id])
        try:
            outcome = deed(product_id, actor=request.user)
        except Product.DoesNotExist:
            messages.error(request, "This product does not exist any more.")
            page = reverse("admin:catalogue_product_changelist")
        except Refused as refusal:
            services.record_refusal(name, product_id, actor=request.user, refusal=refusal)  # type: ignore[arg-type]
            for reason in refusal.reasons:
                messages.error(request, reason)
        else:
            messages.success(request, sentence.format(outcome))
        return _go_to(request, page)

    def _many(
        self,
        request: HttpRequest,
        queryset: QuerySet[Product],
        name: str,
        deed: Callable[..., Any],
        done: str,
    ) -> None:
        """Each product by itself: one that is refused never stops the others."""
        number, refusals, news = 0, [], []
        for product_id in list(queryset.order_by("name", "sku").values_list("pk", flat=True)):
            try:
                outcome = deed(product_id, actor=request.user)
            except Refused as refusal:
                services.record_refusal(name, product_id, actor=request.user, refusal=refusal)  # type: ignore[arg-type]
                refusals += refusal.reasons
            else:
                number += 1
                worth_saying = ("archived", "bundles")
                if getattr(outcome, "price_waiting", None) is not None or any(
                    getattr(outcome, name, None) for name in worth_saying
                ):
                    news.append(str(outcome))
        if number:
            messages.success(request, f"{number} {done}.")
        for sentence in news[:MOST_REASONS]:
            messages.warning(request, sentence)
        for reason in refusals[:MOST_REASONS]:
            messages.error(request, reason)
        if len(refusals) > MOST_REASONS:
            messages.error(
                request, f"… and {len(refusals) - MOST_REASONS} more reasons; the audit trail has them all."
            )


def _go_to(request: HttpRequest, page: str) -> HttpResponse:
    """To `page`, also from a dialog: those are posted by htmx, which follows a header and not a redirect."""
    if request.headers.get("HX-Request"):
        return HttpResponse(headers={"HX-Redirect": page})
    return HttpResponseRedirect(page)
