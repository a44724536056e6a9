"""What we owe Zoho and what became of it."""

from collections.abc import Iterable
from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.formats import localize
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.timezone import localtime
from unfold.decorators import action, display
from unfold.forms import BaseDialogForm

from circletel.core.admin.base import BADGES, ReadOnlyAdmin, moved_to
from circletel.core.admin.long_lists import LongList
from circletel.core.errors import Refused
from zoho_sync import services
from zoho_sync.admin.pretty import pretty
from zoho_sync.admin.queue import RetryQueuePages
from zoho_sync.connection.codes import advice_for
from zoho_sync.models import Kind, ProductIntegration, System

SEND_AGAIN = {
    "title": "Send again?",
    "description": "It is tried at once, however often it failed before. What is in step stays as it is.",
    "form_class": BaseDialogForm,
    "form_submit_text": "Send again",
}


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
class ProductIntegrationAdmin(RetryQueuePages, LongList, ReadOnlyAdmin):
    """One row for each Zoho record: its state, its id there, and why it is not in step."""

    empty_words = "Publish a product: what Zoho has to hold of it is written down here."
    list_display = ("shown_record", "shown_state", "remote_id", "last_synced_at", "tries", "last_sync_error")
    list_filter = ("status", SystemFilter, "kind", ErrorClassFilter)
    search_fields = ("remote_key", "remote_id", "package__name", "package__sku", "last_sync_error")
    list_select_related = ("package",)
    actions = ("send_again",)
    actions_detail = ("send_one_again",)
    fieldsets = (
        (
            None,
            {
                "fields": (
                    ("kind", "shown_state"),
                    ("remote_key", "remote_id"),
                    "shown_package",
                    ("last_synced_at", "last_retry_at"),
                    ("retry_count", "next_retry_at"),
                    "last_sync_error",
                    "what_to_do",
                    "shown_details",
                    "calls",
                )
            },
        ),
        ("What Zoho last accepted", {"fields": ("shown_payload",)}),
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

    @display(description="State", ordering="status", label=BADGES)
    def shown_state(self, record: ProductIntegration) -> str:
        return record.get_status_display()

    @display(description="Package")
    def shown_package(self, record: ProductIntegration) -> SafeString:
        url = reverse("admin:catalogue_servicepackage_change", args=[record.package_id])
        return format_html('<a href="{}">{}</a>', url, record.package)

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

    def has_resync_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return request.user.has_perm("zoho_sync.resync_productintegration")

    @action(description="Send selected records again", permissions=["resync"])
    def send_again(self, request: HttpRequest, queryset: QuerySet[ProductIntegration]) -> None:
        self._send_again(request, ProductIntegration.objects.filter(pk__in=queryset.values("pk")))

    @action(
        description="Send again",
        permissions=["resync"],
        icon="sync",
        url_path="send-again",
        dialog=SEND_AGAIN,
    )
    def send_one_again(self, request: HttpRequest, form: BaseDialogForm, object_id: Any) -> HttpResponse:
        self._send_again(request, ProductIntegration.objects.filter(pk=object_id))
        page = reverse("admin:zoho_sync_productintegration_change", args=[object_id])
        return moved_to(request, page)

    def _send_again(self, request: HttpRequest, records: QuerySet[ProductIntegration]) -> None:
        try:
            count = services.resync(records, actor=request.user)  # type: ignore[arg-type]
        except Refused as refusal:
            messages.error(request, str(refusal))
            return
        if count:
            messages.success(
                request, f"{count} record{'s' if count != 1 else ''} will be sent again at once."
            )
        else:
            messages.info(request, "Nothing to send: what you chose is in step.")
