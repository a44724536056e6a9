"""The history of packages: what each said when, what differs between two, and an earlier one published again."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.utils import label_for_field
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils import timezone
from unfold.contrib.filters.admin import RangeDateTimeFilter
from unfold.decorators import action, display

from catalogue import versions
from catalogue.actions import VERSION
from catalogue.models import PackageVersion
from circletel.core.admin.actions import ActionsAdmin
from circletel.core.admin.base import ReadOnlyAdmin, badge, in_words, section, term
from circletel.core.admin.long_lists import LongList
from circletel.core.amounts import rand

MOST_SHOWN = 500


@admin.register(PackageVersion)
class PackageVersionAdmin(LongList, ActionsAdmin, ReadOnlyAdmin):
    """One line for each change of each package. The database lets nobody rewrite it."""

    empty_words = "Each publication and each change of a package adds a version."
    list_display = (
        "shown_name",
        "deed",
        "deed_by",
        "shown_price",
        "shown_status",
        "recorded_from",
        "recorded_to",
    )
    list_filter = ("deed", "status", "market_segment", "provider", ("recorded_from", RangeDateTimeFilter))
    search_fields = ("name", "sku", "logical_key", "package__id")
    list_filter_submit = True
    actions = ("compare",)
    object_actions = VERSION
    extra_pages = {"<int:before_id>/to/<int:after_id>/": "compare", "on-sale/": "on_sale"}
    fieldsets = (
        section(
            None,
            ("name", "sku"),
            ("market_segment", "provider"),
            ("deed", "deed_by"),
            ("recorded_from", "recorded_to"),
            ("revision", "version"),
        ),
        section(
            "What it said",
            ("service_type", "category"),
            ("technology", "contract_months"),
            ("speed_down_mbps", "speed_up_mbps"),
            "data_limit",
            "description",
            "features",
            ("hardware_model", "hardware_included"),
            ("price", "new_customer_price"),
            ("promotion_price", "promotion_months"),
            ("promotion_from", "promotion_to"),
            ("installation_fee", "discounted_installation_fee"),
            ("hardware_price", "installation_days"),
            "zones",
            ("featured", "popular"),
            ("shown_status", "valid_from"),
            ("valid_to", "end_of_sale"),
            "end_of_life",
        ),
    )

    @display(description="Package", ordering="name", header=True)
    def shown_name(self, version: PackageVersion) -> tuple[str, str]:
        return version.name, f"{version.sku}, revision {version.revision}"

    @display(description="Price a month", ordering="price", header=True)
    def shown_price(self, version: PackageVersion) -> tuple[str, str]:
        return rand(version.current_price), term(version.contract_months)

    shown_status = badge("status")

    @action(description="Compare two")
    def compare(self, request: HttpRequest, queryset: Any) -> HttpResponse | None:
        chosen = list(queryset.order_by("recorded_from", "pk").values_list("pk", flat=True)[:3])
        if len(chosen) != 2:
            messages.error(request, "Choose exactly two versions to compare.")
            return None
        return HttpResponseRedirect(reverse("admin:catalogue_packageversion_compare", args=chosen))

    def compare_view(self, request: HttpRequest, before_id: int, after_id: int) -> HttpResponse:
        before, after = (get_object_or_404(PackageVersion, pk=key) for key in (before_id, after_id))
        return self.page(
            request,
            "catalogue/compare.html",
            "What differs between two versions",
            before=before,
            after=after,
            differences=[
                (label_for_field(field, PackageVersion), in_words(was), in_words(becomes))
                for field, (was, becomes) in versions.compare(before, after).items()
            ],
        )

    def on_sale_view(self, request: HttpRequest) -> HttpResponse:
        """What was, is or will be on sale at an instant, and at what price."""
        form = OnSaleForm(request.GET or None)
        now = timezone.now()
        at = form.cleaned_data["at"] if form.is_valid() else now
        found = versions.on_sale_at(at, now=now).order_by("name", "contract_months", "sku")
        rows = [
            (
                package,
                rand(package.current_price),
                rand(package.promotion_price_at(at)),
                term(package.contract_months),
            )
            for package in found[:MOST_SHOWN]
        ]
        return self.page(
            request,
            "catalogue/on_sale.html",
            "What was on sale",
            form=form,
            at=at,
            value=timezone.localtime(at).strftime("%Y-%m-%dT%H:%M"),
            is_future=at > now,
            rows=rows,
            number=found.count(),
            most=MOST_SHOWN,
        )


class OnSaleForm(forms.Form):
    at = forms.DateTimeField(
        input_formats=["%Y-%m-%dT%H:%M", "%Y-%m-%d"],
        error_messages={"invalid": "Enter a date and a time, such as 2026-11-23T08:00."},
    )
