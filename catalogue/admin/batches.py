"""Batches: one deed for many products, with what is foreseen, how far it is and what became of each."""

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import URLPattern, path, reverse
from unfold.admin import TabularInline
from unfold.decorators import action, display
from unfold.enums import ActionVariant
from unfold.forms import BaseDialogForm

from catalogue import batches
from catalogue.models import Batch, BatchItem, BatchStatus
from circletel.core import audit
from circletel.core.admin.base import BADGES, ReadOnlyAdmin, moved_to
from circletel.core.errors import Refused

STATES = BADGES | {
    "Planned": "info",
    "Running": "warning",
    "Cancelled": "default",
    "Waiting": "info",
    "Failed": "danger",
}


class ItemInline(TabularInline):
    model = BatchItem
    extra = 0
    can_delete = False
    per_page = 50
    fields = readonly_fields = ("product", "shown_state", "foreseen", "message", "finished_at")
    verbose_name_plural = "products"

    def get_queryset(self, request: HttpRequest) -> QuerySet[BatchItem]:
        return super().get_queryset(request).select_related("product")

    @display(description="State", label=STATES)
    def shown_state(self, item: BatchItem) -> str:
        return item.get_state_display()

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Batch)
class BatchAdmin(ReadOnlyAdmin):
    empty_words = (
        "Choose products in their list, then submit, approve or publish all of them: that makes a batch."
    )
    list_display = ("__str__", "shown_status", "created_by", "created_at", "finished_at")
    list_filter = ("deed", "status", "created_at")
    list_select_related = ("created_by",)
    inlines = (ItemInline,)
    fields = (("deed", "shown_status"), ("created_by", "created_at"), ("started_at", "finished_at"))
    actions_detail = ("start", "cancel")
    change_form_outer_before_template = "catalogue/batch_progress.html"

    @display(description="Status", ordering="status", label=STATES)
    def shown_status(self, batch: Batch) -> str:
        return batch.get_status_display()

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> Any:
        batch = self.get_object(request, object_id)
        offered = {BatchStatus.PLANNED: {"start", "cancel"}, BatchStatus.RUNNING: {"cancel"}}
        wanted = offered.get(BatchStatus(batch.status), set()) if batch else set()
        return [
            one
            for one in super().get_actions_detail(request, object_id)
            if one.method.original_function_name in wanted
        ]

    def has_work_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        batch = self.get_object(request, str(object_id)) if object_id else None
        return batch is not None and batches.may(request.user, batch.deed)  # type: ignore[arg-type]

    @action(
        description="Start",
        permissions=["work"],
        icon="play_arrow",
        url_path="start",
        variant=ActionVariant.PRIMARY,
        dialog={
            "title": "Start this batch?",
            "description": "A worker does one product after the other. What is refused is listed and stops no other.",
            "form_class": BaseDialogForm,
            "form_submit_text": "Start",
        },
    )
    def start(self, request: HttpRequest, form: BaseDialogForm, object_id: Any) -> HttpResponse:
        return self._deed(request, object_id, batches.start, "The batch is running.")

    @action(
        description="Cancel",
        permissions=["work"],
        icon="cancel",
        url_path="cancel",
        dialog={
            "title": "Cancel this batch?",
            "description": "What is done stays done; the products that still wait are left alone.",
            "form_class": BaseDialogForm,
            "form_submit_text": "Cancel the batch",
        },
    )
    def cancel(self, request: HttpRequest, form: BaseDialogForm, object_id: Any) -> HttpResponse:
        return self._deed(request, object_id, batches.cancel, "The batch is cancelled.")

    def _deed(self, request: HttpRequest, object_id: Any, deed: Any, words: str) -> HttpResponse:
        try:
            deed(object_id, actor=request.user)
            messages.success(request, words)
        except Refused as refusal:
            actor: Any = request.user
            audit.record_refusal(f"batch {deed.__name__}", Batch, object_id, actor=actor, refusal=refusal)
            messages.error(request, str(refusal))
        return moved_to(request, reverse("admin:catalogue_batch_change", args=[object_id]))

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        batch = self.get_object(request, object_id)
        more = progress_context(batch) if batch else {}
        return super().change_view(request, object_id, form_url, {**(extra_context or {}), **more})

    def progress_view(self, request: HttpRequest, object_id: Any) -> HttpResponse:
        """The refreshing part of the page, alone. It asks for the whole page once the batch is over."""
        batch = get_object_or_404(Batch, pk=object_id)
        if not self.has_view_permission(request, batch):
            raise PermissionDenied
        response = render(request, "catalogue/batch_progress.html", progress_context(batch))
        if batch.status != BatchStatus.RUNNING:
            response["HX-Refresh"] = "true"
        response["Cache-Control"] = "no-store"
        return response

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.progress_view)
        return [
            path("<uuid:object_id>/progress/", view, name="catalogue_batch_progress"),
            *super().get_urls(),
        ]


def progress_context(batch: Batch) -> dict[str, Any]:
    numbers = batches.progress(batch)
    return {
        "batch": batch,
        "numbers": numbers,
        "over": numbers["total"] - numbers["waiting"],
        "foreseen": batch.items.exclude(foreseen="").count(),
        "refresh_url": reverse("admin:catalogue_batch_progress", args=[batch.pk]),
    }
