"""The products of a bulk job, on the job's page: what is foreseen for each, and what became of it."""

from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest
from unfold.decorators import display

from catalogue.actions import PRODUCT
from catalogue.models import BatchItem
from circletel.core.admin.base import BADGES, ReadOnlyInline
from circletel.core.admin.jobs import INLINES

STATES = BADGES | {"Cancelled": "default", "Waiting": "info", "Failed": "danger"}


class ItemInline(ReadOnlyInline):
    model = BatchItem
    per_page = 50
    fields = readonly_fields = ("product", "shown_state", "foreseen", "message", "finished_at")
    verbose_name_plural = "products"

    def get_queryset(self, request: HttpRequest) -> QuerySet[BatchItem]:
        return super().get_queryset(request).select_related("product", "job")

    @display(description="State", label=STATES)
    def shown_state(self, item: BatchItem) -> str:
        return item.shown_state.label

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Whoever sees the job sees its products."""
        return True


INLINES.update({f"catalogue.{one.audit_name}": (ItemInline,) for one in PRODUCT if one.bulk_job})
