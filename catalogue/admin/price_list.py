"""Supplier price lists: upload, see what would happen, apply, watch; and their deals, one by one."""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, StreamingHttpResponse
from django.shortcuts import get_object_or_404
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from unfold.decorators import display
from unfold.widgets import UnfoldAdminFileFieldWidget

from catalogue.actions import DRAFT_PRICE_CHANGES, PRICE_LIST
from catalogue.models import Outcome, PriceList, PriceListRow, SupplierDeal
from catalogue.pricelists import services
from catalogue.pricelists.tables import LARGEST_FILE_MB
from circletel.core.admin.actions import ActionsAdmin
from circletel.core.admin.base import (
    BADGES,
    HidesCosts,
    ReadOnlyAdmin,
    TwoLines,
    WithPanel,
    badge,
    fragment,
    in_words,
    link,
)
from circletel.core.admin.long_lists import LongList
from circletel.core.amounts import rand
from circletel.core.spreadsheet import csv_lines, download
from circletel.core.uploads import at_most


class UploadForm(forms.ModelForm):
    workbook = forms.FileField(
        validators=[at_most(LARGEST_FILE_MB)],
        widget=UnfoldAdminFileFieldWidget,
        help_text="The supplier's Excel workbook as it came. Nothing changes before you apply it.",
    )

    class Meta:
        model = PriceList
        fields = ("supplier",)


@admin.register(PriceList)
class PriceListAdmin(LongList, HidesCosts, WithPanel, ActionsAdmin, ReadOnlyAdmin):
    """Each workbook a supplier sent, and what became of it."""

    empty_words = "Upload the workbook a supplier sent: you see what it would change before anything does."
    list_display = ("shown_name", "shown_status", "summary", "uploaded_at", "uploaded_by", "applied_at")
    list_filter = ("status", "supplier")
    search_fields = ("file_name", "file_hash")
    list_select_related = ("supplier", "uploaded_by", "job")
    form = UploadForm
    fields = (
        ("supplier", "file_name"),
        ("uploaded_by", "uploaded_at"),
        ("applied_by", "applied_at"),
        "shown_hash",
    )
    object_actions = PRICE_LIST
    extra_pages = {"<uuid:object_id>/panel/": "panel", "<uuid:object_id>/refused.csv": "refused"}
    change_form_outer_before_template = "admin/catalogue/pricelist/panel.html"

    @display(description="Price list", ordering="file_name", header=True)
    def shown_name(self, price_list: PriceList) -> tuple[str, str]:
        return price_list.file_name, price_list.supplier.name

    @display(description="Status", ordering="status", label=BADGES)
    def shown_status(self, price_list: PriceList) -> str:
        return price_list.state.label

    @display(description="SHA-256 of the file")
    def shown_hash(self, price_list: PriceList) -> SafeString:
        return format_html('<span class="break-all font-mono text-xs">{}</span>', price_list.file_hash)

    # --- upload

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.has_perm("catalogue.import_pricelist")

    def get_fields(self, request: HttpRequest, obj: PriceList | None = None) -> Any:
        return self.fields if obj else ("supplier", "workbook")

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        # On a page to look at, the form has no fields of its own.
        return super().get_form(
            request, obj, change, **(kwargs if not change else {**kwargs, "form": forms.ModelForm})
        )

    def save_model(self, request: HttpRequest, obj: PriceList, form: Any, change: bool) -> None:
        workbook = form.cleaned_data["workbook"]
        uploaded = services.upload(
            supplier=obj.supplier,
            file_name=workbook.name,
            content=workbook.read(),
            actor=request.user,  # type: ignore[arg-type]
        )
        obj.pk, obj.file_name = uploaded.pk, uploaded.file_name

    def response_add(
        self, request: HttpRequest, obj: PriceList, post_url_continue: Any = None
    ) -> HttpResponse:
        return HttpResponseRedirect(reverse("admin:catalogue_pricelist_change", args=[obj.pk]))

    # --- the page

    def panel_view(self, request: HttpRequest, object_id: UUID) -> HttpResponse:
        """The refreshing part of the page, alone. When the work is done the whole page is asked for anew."""
        price_list = _known(object_id)
        return fragment(self.panel(request, price_list), is_last=not price_list.is_moving)

    def refused_view(self, request: HttpRequest, object_id: UUID) -> StreamingHttpResponse:
        """To send back to the supplier."""
        price_list = _known(object_id)
        refused = price_list.rows.filter(outcome=Outcome.REFUSED).order_by("position")
        cells = refused.values_list("sheet", "number", "deal_id", "name", "reasons").iterator(chunk_size=1000)
        rows = ([*place, " | ".join(reasons)] for *place, reasons in cells)
        name = f"refused-{price_list.supplier.code}-{price_list.uploaded_at:%Y-%m-%d}.csv"
        return download(csv_lines(("Sheet", "Row", "Deal id", "Name", "Reasons"), rows), name)

    def panel(self, request: HttpRequest, price_list: PriceList) -> SafeString:
        rows = f"{reverse('admin:catalogue_pricelistrow_changelist')}?list={price_list.pk}"
        job = price_list.job
        below_floor = 0
        if request.user.has_perm("catalogue.view_costs"):
            below_floor = price_list.rows.filter(below_floor=True).count()
        context = {
            "price_list": price_list,
            "status": price_list.state.label,
            "moving": price_list.is_moving,
            "counts": [
                (outcome.label, price_list.count(outcome), f"{rows}&outcome__exact={outcome.value}")
                for outcome in Outcome
            ],
            "job": job,
            "percent": 100 * job.done // job.total if job and job.total else 100,
            "nothing": price_list.counts and not price_list.total,
            "refused": price_list.count(Outcome.REFUSED),
            "below_floor": below_floor,
            "proposed": price_list.rows.filter(proposed_price__isnull=False).count(),
            "rows_url": rows,
        }
        return render_to_string("admin/catalogue/pricelist/standing.html", context, request)


def _known(key: UUID) -> PriceList:
    return get_object_or_404(PriceList.objects.select_related("supplier"), pk=key)


# --- the deals, one by one as in the file, and as the supplier has them now


class PriceListFilter(admin.SimpleListFilter):
    title, parameter_name = "price list", "list"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, str]]:
        return [
            (
                str(price_list.pk),
                f"{price_list}, {timezone.localtime(price_list.uploaded_at):%-d %b %Y, %H:%M}",
            )
            for price_list in PriceList.objects.select_related("supplier").order_by("-uploaded_at")[:20]
        ]

    def queryset(self, request: HttpRequest, queryset: QuerySet[PriceListRow]) -> QuerySet[PriceListRow]:
        chosen = self.value()
        return queryset.filter(price_list=chosen) if chosen else queryset  # type: ignore[misc]


class ProposedFilter(admin.SimpleListFilter):
    title, parameter_name = "price change", "proposed"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, str]]:
        return [("yes", "Proposed")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[PriceListRow]) -> QuerySet[PriceListRow]:
        return queryset.filter(proposed_price__isnull=False) if self.value() else queryset


@admin.register(PriceListRow)
class PriceListRowAdmin(LongList, HidesCosts, ActionsAdmin, ReadOnlyAdmin):
    """What each deal of a list would do, or did. Margins show to cost viewers."""

    empty_words = "The rows of an uploaded price list stand here once a worker has read it."
    search_fields = ("deal_id", "name")
    object_actions = (DRAFT_PRICE_CHANGES,)
    ordering = ("-price_list__uploaded_at", "position")

    list_display = (
        "place",
        "shown_deal",
        "shown_outcome",
        "listed",
        "shown_margin",
        "shown_proposed",
        "what",
    )
    list_filter = (PriceListFilter, "outcome", ProposedFilter, "below_floor")
    fields = (
        ("place", "shown_outcome"),
        "shown_deal",
        "listed",
        "shown_margin",
        "shown_proposed",
        "what",
        "shown_product",
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[PriceListRow]:
        return super().get_queryset(request).defer("values")

    @display(description="Row", ordering="position")
    def place(self, row: PriceListRow) -> str:
        return f"{row.sheet} {row.number}" if row.number else "—"

    @display(description="Deal", ordering="name", header=True)
    def shown_deal(self, row: PriceListRow) -> TwoLines:
        return TwoLines(row.name or "—", row.deal_id or "no deal id")

    shown_outcome = badge("outcome")

    @display(description="Listed price a month", ordering="listed_after")
    def listed(self, row: PriceListRow) -> str:
        if row.listed_before is None or row.listed_before == row.listed_after:
            return rand(row.listed_after)
        return f"{rand(row.listed_before)} → {rand(row.listed_after)}"

    @display(description="Margin", ordering="margin_after", header=True)
    def shown_margin(self, row: PriceListRow) -> TwoLines:
        shown = [f"{margin} %" for margin in (row.margin_before, row.margin_after) if margin is not None]
        return TwoLines(" → ".join(shown) or "—", "below the floor" if row.below_floor else "")

    @display(description="Proposed price", ordering="proposed_price")
    def shown_proposed(self, row: PriceListRow) -> str:
        return rand(row.proposed_price)

    @display(description="Why, or what changes")
    def what(self, row: PriceListRow) -> SafeString | str:
        lines = [(text,) for text in (*row.reasons, *row.remarks)]
        changes = [(name, in_words(before), in_words(after)) for name, (before, after) in row.changes.items()]
        return (
            format_html_join("", "<div>{}</div>", lines)
            + format_html_join("", "<div><strong>{}</strong>: {} → {}</div>", changes)
            or "—"
        )

    shown_product = link("product")


@admin.register(SupplierDeal)
class SupplierDealAdmin(LongList, HidesCosts, ReadOnlyAdmin):
    """What suppliers offer now, and the product each deal became."""

    empty_words = "Apply a supplier's price list: each of its rows becomes a deal."
    list_display = ("shown_deal", "listed", "stock", "shown_product", "vanished_at")
    list_filter = ("supplier", "mapping", ("vanished_at", admin.EmptyFieldListFilter))
    search_fields = ("deal_id", "product__name", "product__sku")
    list_select_related = ("supplier", "product")
    fields = (
        ("shown_deal", "shown_product"),
        ("listed", "stock"),
        "shown_details",
        ("mapping", "price_list"),
        "vanished_at",
    )

    @display(description="Deal", ordering="deal_id", header=True)
    def shown_deal(self, deal: SupplierDeal) -> TwoLines:
        return TwoLines(deal.deal_id, deal.supplier.name)

    @display(description="Listed price a month", ordering="listed_price")
    def listed(self, deal: SupplierDeal) -> str:
        return rand(deal.listed_price)

    shown_product = link("product", ordering="product__name")

    @display(description="As the list says")
    def shown_details(self, deal: SupplierDeal) -> SafeString | str:
        return format_html_join("", "<div><strong>{}</strong>: {}</div>", deal.details.items()) or "—"
