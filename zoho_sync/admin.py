"""What we owe Zoho, what became of it, and every call."""

import json
from collections.abc import Callable, Iterable
from typing import Any
from uuid import UUID

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.formats import localize
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.timezone import localtime
from unfold.decorators import action, display
from unfold.forms import BaseDialogForm

import zoho_sync.smoke_admin  # noqa: F401
from catalogue.admin.base import BADGES, ReadOnlyAdmin
from catalogue.errors import Refused
from zoho_sync import field_security, services
from zoho_sync.connection.codes import advice_for
from zoho_sync.connection.errors import ZohoError
from zoho_sync.models import (
    FieldSecurityCheck,
    Kind,
    MappingCheck,
    ProductIntegration,
    System,
    ZohoSyncLog,
)

CHECK_NOW = {
    "title": "Ask Zoho CRM now?",
    "description": "Reads the permissions of our fields for every profile: four calls. Nothing is changed.",
    "form_class": BaseDialogForm,
    "form_submit_text": "Ask",
}
LOCK = {
    "title": "Lock the fields?",
    "description": "Every field that a profile other than the integration's may edit is set to read only for that"
    " profile in Zoho CRM, and looked at again. The check above lists them.",
    "form_class": BaseDialogForm,
    "form_submit_text": "Lock",
}
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
class ProductIntegrationAdmin(ReadOnlyAdmin):
    """One row for each Zoho record: its state, its id there, and why it is not in step."""

    list_display = ("shown_record", "shown_state", "remote_id", "last_synced_at", "tries", "last_sync_error")
    list_filter = ("status", SystemFilter, "kind", ErrorClassFilter)
    search_fields = ("remote_key", "remote_id", "package__name", "package__sku", "last_sync_error")
    list_select_related = ("package",)
    list_per_page = 50
    show_full_result_count = False
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

    @display(description="What to do")
    def what_to_do(self, record: ProductIntegration) -> str:
        details = record.sync_error_details
        told = advice_for(record.kind_.system, str(details.get("code", "")), str(details.get("class", "")))
        return told or "—"

    @display(description="Error details")
    def shown_details(self, record: ProductIntegration) -> SafeString | str:
        return pretty(record.sync_error_details) if record.sync_error_details else "—"

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
        if request.headers.get("HX-Request"):
            return HttpResponse(headers={"HX-Redirect": page})
        return HttpResponseRedirect(page)

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


@admin.register(ZohoSyncLog)
class ZohoSyncLogAdmin(ReadOnlyAdmin):
    """Every call: what was sent, what came back. Kept 90 days."""

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
    list_filter = ("system", "error_class", "http_status", "at")
    search_fields = ("path", "error", "correlation_id")
    date_hierarchy = "at"
    list_per_page = 50
    show_full_result_count = False
    fieldsets = (
        (
            None,
            {
                "fields": (
                    ("at", "system"),
                    ("method", "path"),
                    ("http_status", "shown_outcome"),
                    ("duration", "attempt"),
                    "records",
                    "error",
                    "correlation_id",
                )
            },
        ),
        ("Sent", {"fields": ("shown_request",)}),
        ("Answered", {"fields": ("shown_response",)}),
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

    @display(description="Outcome", ordering="error_class", label={"Taken": "success"})
    def shown_outcome(self, call: ZohoSyncLog) -> str:
        return call.error_class or "Taken"

    @display(description="Took", ordering="duration_ms")
    def duration(self, call: ZohoSyncLog) -> str:
        return f"{call.duration_ms} ms"

    @display(description="Sent")
    def shown_request(self, call: ZohoSyncLog) -> SafeString | str:
        return pretty(call.request) if call.request is not None else "Nothing"

    @display(description="Answer")
    def shown_response(self, call: ZohoSyncLog) -> SafeString | str:
        return pretty(call.response) if call.response is not None else "Nothing"


@admin.register(MappingCheck)
class MappingCheckAdmin(ReadOnlyAdmin):
    """What CRM kept of the first record written under each version of the mapping."""

    list_display = ("short_version", "at", "remote_id", "shown_lost")
    fields = ("mapping_version", "at", "remote_id", "shown_lost")

    @display(description="Version", ordering="mapping_version")
    def short_version(self, check: MappingCheck) -> str:
        return check.mapping_version[:12]

    @display(description="Not kept")
    def shown_lost(self, check: MappingCheck) -> str:
        return ", ".join(check.lost) or "Everything was kept"


@admin.register(FieldSecurityCheck)
class FieldSecurityCheckAdmin(ReadOnlyAdmin):
    """Who may edit our fields in CRM by hand, as each look found it."""

    list_display = ("at", "shown_result", "holes", "new_holes", "unknown")
    list_filter = ("result", "at")
    list_per_page = 50
    actions_list = ("check_now", "lock_fields")
    fields = (("at", "shown_result"), ("holes", "new_holes", "unknown"), "shown_findings")

    @display(
        description="Result",
        ordering="result",
        label={"Locked": "success", "Can be edited": "danger", "Cannot verify": "warning"},
    )
    def shown_result(self, check: FieldSecurityCheck) -> str:
        return check.get_result_display()

    @display(description="Findings")
    def shown_findings(self, check: FieldSecurityCheck) -> SafeString | str:
        rows = (
            (each["field"] or "every field", each["profile"] or "every profile", each["words"])
            for each in check.findings
        )
        found = format_html_join("", "<li><b>{}</b>, {}: {}</li>", rows)
        return format_html('<ul class="list-disc pl-4 break-words">{}</ul>', found) if found else "None"

    def has_check_security_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("zoho_sync.check_field_security")

    def has_lock_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("zoho_sync.lock_zoho_fields")

    @action(
        description="Check now",
        permissions=["check_security"],
        icon="policy",
        url_path="check-now",
        dialog=CHECK_NOW,
    )
    def check_now(self, request: HttpRequest, form: BaseDialogForm) -> HttpResponse:
        return self._look(request, lambda: (field_security.check(actor=request.user), []))  # type: ignore[arg-type]

    @action(
        description="Lock the fields", permissions=["lock"], icon="lock", url_path="lock-fields", dialog=LOCK
    )
    def lock_fields(self, request: HttpRequest, form: BaseDialogForm) -> HttpResponse:
        return self._look(request, lambda: field_security.lock(actor=request.user))  # type: ignore[arg-type]

    def _look(
        self, request: HttpRequest, deed: Callable[[], tuple[FieldSecurityCheck, list[str]]]
    ) -> HttpResponse:
        page = reverse("admin:zoho_sync_fieldsecuritycheck_changelist")
        try:
            check, complaints = deed()
        except (Refused, ZohoError) as trouble:
            messages.error(request, str(trouble))
        else:
            page = reverse("admin:zoho_sync_fieldsecuritycheck_change", args=[check.pk])
            good = check.result == FieldSecurityCheck.Result.LOCKED
            (messages.success if good else messages.warning)(request, f"{check}.")
            for complaint in complaints:
                messages.error(request, f"Not locked: {complaint}")
        if request.headers.get("HX-Request"):
            return HttpResponse(headers={"HX-Redirect": page})
        return HttpResponseRedirect(page)


def pretty(value: Any) -> SafeString:
    """JSON to be read by a person."""
    text = json.dumps(value, indent=2, ensure_ascii=False, sort_keys=True)
    return format_html('<pre class="whitespace-pre-wrap break-words text-xs">{}</pre>', text)
