from django.contrib import admin
from django.utils.html import format_html_join
from django.utils.safestring import SafeString
from unfold.contrib.filters.admin import RangeDateTimeFilter
from unfold.decorators import display

from circletel.core.admin.base import ReadOnlyAdmin, badge, in_words
from circletel.core.admin.long_lists import LongList
from circletel.core.models import AuditEntry


@admin.register(AuditEntry)
class AuditEntryAdmin(LongList, ReadOnlyAdmin):
    """Who did what, when, from where, with what result."""

    empty_words = "Whoever does something leaves a line here."
    list_display = ("at", "who", "action", "target_name", "shown_result", "detail")
    list_filter = ("action", "result", "target_type", ("at", RangeDateTimeFilter))
    search_fields = ("actor_name", "actor_email", "target_name", "target_id", "token", "correlation_id")
    list_filter_submit = True
    fields = (
        "at",
        "who",
        "actor_email",
        "token",
        "action",
        "target_type",
        "target_name",
        "target_id",
        "shown_result",
        "detail",
        "what_changed",
        "address",
        "user_agent",
        "correlation_id",
    )

    @display(description="Who", ordering="actor_name")
    def who(self, entry: AuditEntry) -> str:
        return entry.actor_name or "The system"

    shown_result = badge("result")

    @display(description="What changed")
    def what_changed(self, entry: AuditEntry) -> SafeString | str:
        rows = (
            (field, in_words(before), in_words(after)) for field, (before, after) in entry.changes.items()
        )
        return format_html_join("", "<div><strong>{}</strong>: {} → {}</div>", rows) or "Nothing"
