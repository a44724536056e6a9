"""Supplier price lists: upload, see what would happen, apply, watch."""

from typing import Any
from uuid import UUID

from django import forms
from django.contrib import admin
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, StreamingHttpResponse
from django.shortcuts import get_object_or_404
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.decorators import display
from unfold.widgets import UnfoldAdminFileFieldWidget

from catalogue.actions import PRICE_LIST
from catalogue.models import Outcome, PriceList
from catalogue.pricelists import services
from catalogue.pricelists.workbook import LARGEST_FILE_MB
from circletel.core.admin.actions import ActionsAdmin
from circletel.core.admin.base import HidesCosts, ReadOnlyAdmin, WithPanel, badge, fragment
from circletel.core.admin.long_lists import LongList
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
    list_select_related = ("supplier", "uploaded_by")
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

    shown_status = badge("status")

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
            "status": price_list.get_status_display(),
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
