"""Packages: what the storefront sells. Looked at, never edited: a publish makes them."""

from datetime import datetime
from decimal import Decimal
from uuid import UUID

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.http import urlencode
from django.utils.safestring import SafeString
from unfold.decorators import display

from catalogue.actions import PACKAGE
from catalogue.admin.standing import FILTERS, StandingColumns, package_panel, worst_state
from catalogue.models import ServicePackage
from circletel.core.admin.actions import ActionsAdmin
from circletel.core.admin.base import (
    ReadOnlyAdmin,
    ReadOnlyInline,
    WithPanel,
    badge,
    fragment,
    link,
    section,
    term,
)
from circletel.core.admin.long_lists import LongList
from circletel.core.amounts import rand
from zoho_sync.actions import RESYNC_PACKAGE
from zoho_sync.models import ProductIntegration, System


class ZohoRecordInline(ReadOnlyInline):
    model = ProductIntegration
    show_change_link = True
    verbose_name_plural = "Zoho records"
    fields = readonly_fields = (
        "kind",
        "remote_key",
        "remote_id",
        "shown_state",
        "last_synced_at",
        "next_retry_at",
        "last_sync_error",
    )

    shown_state = badge("status", "State")


@admin.register(ServicePackage)
class ServicePackageAdmin(LongList, StandingColumns, WithPanel, ActionsAdmin, ReadOnlyAdmin):
    """What is, was or will be on sale."""

    empty_words = "Publish an approved product: that makes its package."
    list_display = ("shown_name", "sold_to", "listed_price", "shown_status", "crm", "billing")
    list_filter = ("status", *FILTERS)
    search_fields = ("name", "sku", "slug")
    inlines = (ZohoRecordInline,)
    object_actions = (*PACKAGE, *RESYNC_PACKAGE)
    extra_pages = {"<uuid:object_id>/panel/": "panel"}
    change_form_outer_before_template = "catalogue/package_panel.html"
    fieldsets = (
        section(
            None,
            ("name", "sku"),
            ("market_segment", "provider"),
            ("service_type", "category"),
            ("technology", "contract_months"),
            ("speed_down_mbps", "speed_up_mbps"),
            "data_limit",
            "description",
            "feature_list",
            "hardware",
            "bundle",
        ),
        section(
            "Prices, VAT included",
            ("shown_price", "shown_new_price"),
            ("promotion", "installation"),
            "history",
        ),
        section(
            "On sale",
            ("shown_status", "version"),
            ("valid_from", "valid_to"),
            ("end_of_sale", "end_of_life"),
            ("published_at", "published_by"),
            ("product", "versions"),
        ),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[ServicePackage]:
        return (
            super()
            .get_queryset(request)
            .select_related("published_by", "source_admin_product")
            .annotate(
                crm_state=worst_state(System.CRM, "package"),
                billing_state=worst_state(System.BILLING, "package"),
            )
        )

    @display(description="Package", ordering="name", header=True)
    def shown_name(self, package: ServicePackage) -> tuple[str, str]:
        return package.name, package.sku

    @display(description="Price a month", ordering="price", header=True)
    def listed_price(self, package: ServicePackage) -> tuple[str, str]:
        return rand(package.price), term(package.contract_months)

    @display(description="Price a month")
    def shown_price(self, package: ServicePackage) -> str:
        return rand(package.price)

    @display(description="Price for new customers")
    def shown_new_price(self, package: ServicePackage) -> str:
        return rand(package.current_price)

    @display(description="Promotion")
    def promotion(self, package: ServicePackage) -> str:
        if package.promotion_price is None:
            return "—"
        months = f" for {package.promotion_months} months" if package.promotion_months else ""
        until = f", offered until {package.promotion_to:%-d %b %Y}" if package.promotion_to else ""
        return f"{rand(package.promotion_price)} a month{months}{until}"

    @display(description="Installation, once")
    def installation(self, package: ServicePackage) -> str:
        fee = package.charged_installation_fee
        shown = "Free" if fee == 0 else rand(fee)
        discounted = package.discounted_installation_fee is not None
        return f"{shown} instead of {rand(package.installation_fee)}" if discounted else shown

    @display(description="Hardware")
    def hardware(self, package: ServicePackage) -> str:
        if not package.hardware_model:
            return "—"
        return f"{package.hardware_model}, {'included' if package.hardware_included else rand(package.hardware_price)}"

    @display(description="Bundle of")
    def bundle(self, package: ServicePackage) -> str:
        if not package.components:
            return "—"
        parts = (
            f"{one['quantity']} × {one['name']} ({one['sku']}), {rand(Decimal(one['price']))} each"
            for one in package.components
        )
        return f"{', '.join(parts)}; {rand(package.separate_price)} one by one, {rand(package.savings)} saved"

    @display(description="Features")
    def feature_list(self, package: ServicePackage) -> SafeString | str:
        return format_html_join("", "<div>{}</div>", ((text,) for text in package.features)) or "—"

    @display(description="Price history")
    def history(self, package: ServicePackage) -> SafeString | str:
        lines = (
            (
                rand(Decimal(step["price"]) if step["price"] else None),
                _day(step["effective_from"]),
                step.get("reason", ""),
            )
            for step in package.price_history
        )
        return format_html_join("", "<div>{} from {}: {}</div>", lines) or "—"

    product = link("source_admin_product", "Product")

    @display(description="Versions")
    def versions(self, package: ServicePackage) -> SafeString:
        url = (
            f"{reverse('admin:catalogue_packageversion_changelist')}?{urlencode({'q': package.logical_key})}"
        )
        return format_html('<a href="{}">Every version of this variant</a>', url)

    def panel(self, request: HttpRequest, package: ServicePackage) -> str:
        return package_panel(request, package)

    def panel_view(self, request: HttpRequest, object_id: UUID) -> HttpResponse:
        """The refreshing part of the page, alone."""
        return fragment(package_panel(request, get_object_or_404(ServicePackage, pk=object_id)))


def _day(instant: str) -> str:
    """The South African day of an instant in ISO 8601."""
    return f"{timezone.localtime(datetime.fromisoformat(instant)):%-d %b %Y}"
