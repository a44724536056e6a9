"""Who may edit our fields in CRM, and what CRM kept of what it was sent."""

from collections.abc import Callable

from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from unfold.decorators import action, display
from unfold.forms import BaseDialogForm

from circletel.core.admin.base import ReadOnlyAdmin, moved_to
from circletel.core.errors import Refused
from zoho_sync import field_security
from zoho_sync.connection.errors import ZohoError
from zoho_sync.models import FieldSecurityCheck, MappingCheck

CHECK_NOW = {
    "title": "Ask Zoho CRM now?",
    "description": "Reads the permissions of our fields for every profile: four calls. Nothing is changed.",
    "form_class": BaseDialogForm,
    "form_submit_text": "Ask",
}
LOCK = {
    "title": "Lock the fields?",
    "description": (
        "Every field that a profile other than the integration's may edit is set to read only for that"
        " profile in Zoho CRM, and looked at again. The check above lists them."
    ),
    "form_class": BaseDialogForm,
    "form_submit_text": "Lock",
}


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
class FieldSecurityCheckAdmin(ReadOnlyAdmin):
    """Who may edit our fields in CRM by hand, as each look found it."""

    empty_words = "Checked each night; the button above checks now who may edit our fields in Zoho CRM."
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
        description="Lock the fields",
        permissions=["lock"],
        icon="lock",
        url_path="lock-fields",
        dialog=LOCK,
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
        return moved_to(request, page)
