"""What we owe Zoho and what became of it, every call, and who may edit our fields there."""

import json
from collections.abc import Iterable
from typing import Any
from uuid import UUID

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.formats import localize
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.timezone import localtime
from unfold.contrib.filters.admin import RangeDateTimeFilter
from unfold.decorators import display

from circletel.core.admin.actions import ActionsAdmin
from circletel.core.admin.base import ReadOnlyAdmin, badge, link, section
from circletel.core.admin.long_lists import LongList
from zoho_sync.actions import CHECK_NOW, LOCK_FIELDS, RUN_SMOKE_TEST, SEND_AGAIN
from zoho_sync.admin.queue import RetryQueuePages
from zoho_sync.connection.codes import advice_for
from zoho_sync.models import FieldSecurityCheck, Kind, MappingCheck, ProductIntegration, System, ZohoSyncLog
from zoho_sync.operating.causes import ADVICE


def pretty(value: Any, *, empty: str = "Nothing") -> SafeString | str:
    """JSON to be read by a person."""
    if value is None:
        return empty
    text = json.dumps(value, indent=2, ensure_ascii=False, sort_keys=True)
    return format_html('<pre class="json">{}</pre>', text)


class SystemFilter(admin.SimpleListFilter):
    title, parameter_name = "system", "system"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, str]]:
        return System.choices

    def queryset(
        self, request: HttpRequest, queryset: QuerySet[ProductIntegration]
    ) -> QuerySet[ProductIntegration]:
        if self.value() not in System.values:
            return queryset
        return queryset.filter(kind__in=[kind for kind in Kind if kind.system == self.value()])


class ErrorClassFilter(admin.SimpleListFilter):
    title, parameter_name = "error", "error"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, str]]:
        return [(name, name) for name in ADVICE]

    def queryset(
        self, request: HttpRequest, queryset: QuerySet[ProductIntegration]
    ) -> QuerySet[ProductIntegration]:
        return queryset.filter(sync_error_details__class=self.value()) if self.value() else queryset


@admin.register(ProductIntegration)
class ProductIntegrationAdmin(RetryQueuePages, LongList, ActionsAdmin, ReadOnlyAdmin):
    """One row for each Zoho record: its state, its id there, and why it is not in step."""

    empty_words = "Publish a product: what Zoho has to hold of it is written down here."
    list_display = ("shown_record", "shown_state", "remote_id", "last_synced_at", "tries", "last_sync_error")
    list_filter = ("status", SystemFilter, "kind", ErrorClassFilter)
    search_fields = ("remote_key", "remote_id", "package__name", "package__sku", "last_sync_error")
    list_select_related = ("package",)
    object_actions = (SEND_AGAIN,)
    list_actions = (RUN_SMOKE_TEST,)
    fieldsets = (
        section(
            None,
            ("kind", "shown_state"),
            ("remote_key", "remote_id"),
            "shown_package",
            ("last_synced_at", "last_retry_at"),
            ("retry_count", "next_retry_at"),
            "last_sync_error",
            "what_to_do",
            "shown_details",
            "calls",
        ),
        section("What Zoho last accepted", "shown_payload"),
    )

    @display(description="Record", ordering="remote_key", header=True)
    def shown_record(self, record: ProductIntegration) -> tuple[str, str]:
        return record.get_kind_display(), record.remote_key

    @display(description="Tries", ordering="retry_count", header=True)
    def tries(self, record: ProductIntegration) -> tuple[str, str]:
        due = record.next_retry_at if record.retry_count else None
        return str(record.retry_count), f"next {localize(localtime(due))}" if due else ""

    shown_state = badge("status", "State")
    shown_package = link("package")

    @display(description="Payload")
    def shown_payload(self, record: ProductIntegration) -> SafeString | str:
        return pretty(record.acknowledged_payload or None, empty="Nothing yet")

    @display(description="Error details")
    def shown_details(self, record: ProductIntegration) -> SafeString | str:
        return pretty(record.sync_error_details or None, empty="—")

    @display(description="What to do")
    def what_to_do(self, record: ProductIntegration) -> str:
        details = record.sync_error_details
        told = advice_for(
            Kind(record.kind).system, str(details.get("code", "")), str(details.get("class", ""))
        )
        return told or "—"

    @display(description="Calls")
    def calls(self, record: ProductIntegration) -> SafeString:
        url = f"{reverse('admin:zoho_sync_zohosynclog_changelist')}?q={record.package_id}"
        return format_html('<a href="{}">All calls about this package</a>', url)


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
        return pretty(call.request)

    @display(description="Answer")
    def shown_response(self, call: ZohoSyncLog) -> SafeString | str:
        return pretty(call.response)


@admin.register(MappingCheck)
class MappingCheckAdmin(ReadOnlyAdmin):
    """What CRM kept of the first record written under each version of the mapping."""

    empty_words = "Made by the first record that is read back after a change of the field mapping."
    list_display = ("short_version", "at", "remote_id", "shown_lost")
    fields = ("mapping_version", "at", "remote_id", "shown_lost")

    @display(description="Version", ordering="mapping_version")
    def short_version(self, check: MappingCheck) -> str:
        return check.mapping_version[:12]

    @display(description="Not kept")
    def shown_lost(self, check: MappingCheck) -> str:
        return ", ".join(check.lost) or "Everything was kept"


@admin.register(FieldSecurityCheck)
class FieldSecurityCheckAdmin(ActionsAdmin, ReadOnlyAdmin):
    """Who may edit our fields in CRM by hand, as each look found it."""

    empty_words = "Checked each night; the button above checks now who may edit our fields in Zoho CRM."
    list_display = ("at", "shown_result", "holes", "new_holes", "unknown")
    list_filter = ("result", "at")
    list_per_page = 50
    list_actions = (CHECK_NOW, LOCK_FIELDS)
    fields = (("at", "shown_result"), ("holes", "new_holes", "unknown"), "shown_findings")

    shown_result = badge(
        "result", colours={"Locked": "success", "Can be edited": "danger", "Cannot verify": "warning"}
    )

    @display(description="Findings")
    def shown_findings(self, check: FieldSecurityCheck) -> SafeString | str:
        rows = (
            (each["field"] or "every field", each["profile"] or "every profile", each["words"])
            for each in check.findings
        )
        found = format_html_join("", "<li><b>{}</b>, {}: {}</li>", rows)
        return format_html('<ul class="list-disc pl-4 break-words">{}</ul>', found) if found else "None"
