"""What we owe Zoho and what became of it."""

from collections.abc import Iterable
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.formats import localize
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.timezone import localtime
from unfold.decorators import display

from circletel.core.admin.actions import ActionsAdmin
from circletel.core.admin.base import ReadOnlyAdmin, badge, link, section
from circletel.core.admin.long_lists import LongList
from zoho_sync.actions import RUN_SMOKE_TEST, SEND_AGAIN
from zoho_sync.admin.pretty import pretty
from zoho_sync.admin.queue import RetryQueuePages
from zoho_sync.connection.codes import advice_for
from zoho_sync.models import Kind, ProductIntegration, System


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
    CLASSES = (
        "RateLimited",
        "Unreachable",
        "ServerTrouble",
        "OutcomeUnknown",
        "OurMistake",
        "InvalidField",
        "DuplicateRecord",
        "RecordGone",
        "NotAuthorised",
        "Misconfigured",
        "NeedsPerson",
    )

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, str]]:
        return [(name, name) for name in self.CLASSES]

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
        due = record.next_retry_at
        return str(
            record.retry_count
        ), f"next {localize(localtime(due))}" if due and record.retry_count else ""

    shown_state = badge("status", "State")

    shown_package = link("package")

    @display(description="Payload")
    def shown_payload(self, record: ProductIntegration) -> SafeString | str:
        return pretty(record.acknowledged_payload) if record.acknowledged_payload else "Nothing yet"

    @display(description="Error details")
    def shown_details(self, record: ProductIntegration) -> SafeString | str:
        return pretty(record.sync_error_details) if record.sync_error_details else "—"

    @display(description="What to do")
    def what_to_do(self, record: ProductIntegration) -> str:
        details = record.sync_error_details
        told = advice_for(record.kind_.system, str(details.get("code", "")), str(details.get("class", "")))
        return told or "—"

    @display(description="Calls")
    def calls(self, record: ProductIntegration) -> SafeString:
        url = f"{reverse('admin:zoho_sync_zohosynclog_changelist')}?q={record.package_id}"
        return format_html('<a href="{}">All calls about this package</a>', url)
