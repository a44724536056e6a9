"""Who may edit our fields in CRM, and what CRM kept of what it was sent."""

from django.contrib import admin
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from unfold.decorators import display

from circletel.core.admin.actions import ActionsAdmin
from circletel.core.admin.base import ReadOnlyAdmin, badge
from zoho_sync.actions import CHECK_NOW, LOCK_FIELDS
from zoho_sync.models import FieldSecurityCheck, MappingCheck


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
