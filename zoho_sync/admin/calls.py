"""Every call to Zoho."""

from uuid import UUID

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString
from unfold.contrib.filters.admin import RangeDateTimeFilter
from unfold.decorators import display

from circletel.core.admin.base import ReadOnlyAdmin, section
from circletel.core.admin.long_lists import LongList
from zoho_sync.admin.pretty import pretty
from zoho_sync.models import ZohoSyncLog


@admin.register(ZohoSyncLog)
class ZohoSyncLogAdmin(LongList, ReadOnlyAdmin):
    """Every call: what was sent, what came back. Kept 90 days."""

    empty_words = "Nothing was sent to Zoho yet, or it is longer ago than 90 days."
    list_display = (
        "at",
        "system",
        "method",
        "path",
        "http_status",
        "shown_outcome",
        "records",
        "duration",
        "attempt",
    )
    list_filter = ("system", "error_class", "http_status", ("at", RangeDateTimeFilter))
    search_fields = ("path", "error", "correlation_id")
    list_filter_submit = True
    fieldsets = (
        section(
            None,
            ("at", "system"),
            ("method", "path"),
            ("http_status", "shown_outcome"),
            ("duration", "attempt"),
            "records",
            "error",
            "correlation_id",
        ),
        section("Sent", "shown_request"),
        section("Answered", "shown_response"),
    )

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[ZohoSyncLog], search_term: str
    ) -> tuple[QuerySet[ZohoSyncLog], bool]:
        """A package's id finds every call about it."""
        try:
            package = UUID(search_term.strip())
        except ValueError:
            return super().get_search_results(request, queryset, search_term)
        return queryset.filter(packages__contains=[package]), False

    @display(
        description="Outcome", ordering="error_class", label={"Taken": "success", "No answer": "warning"}
    )
    def shown_outcome(self, call: ZohoSyncLog) -> str:
        return call.error_class or ("Taken" if call.is_answered else "No answer")

    @display(description="Took", ordering="duration_ms")
    def duration(self, call: ZohoSyncLog) -> str:
        return f"{call.duration_ms} ms" if call.is_answered else "—"

    @display(description="Sent")
    def shown_request(self, call: ZohoSyncLog) -> SafeString | str:
        return pretty(call.request) if call.request is not None else "Nothing"

    @display(description="Answer")
    def shown_response(self, call: ZohoSyncLog) -> SafeString | str:
        return pretty(call.response) if call.response is not None else "Nothing"
