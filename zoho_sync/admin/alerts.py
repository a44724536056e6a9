"""Alerts, the rules behind them, and the messages that tell of them."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.decorators import display

from circletel.core import audit
from circletel.core.admin.actions import ActionsAdmin
from circletel.core.admin.base import ReadOnlyAdmin, badge
from circletel.core.admin.long_lists import LongList
from zoho_sync.actions import ACKNOWLEDGE, SNOOZE, TEST_RULE
from zoho_sync.operating.models import Alert, AlertDelivery, AlertRule

ALERT_STATES = {"Open": "danger", "Acknowledged": "warning", "Snoozed": "info", "Resolved": "success"}
MESSAGE_STATES = {
    "Waits": "info",
    "Being sent": "info",
    "Sent": "success",
    "Failed, will be tried again": "danger",
}


@admin.register(Alert)
class AlertAdmin(LongList, ActionsAdmin, ReadOnlyAdmin):
    """What is wrong, since when, and who takes care."""

    empty_words = "Nothing is wrong. When a rule finds something, it opens an alert here."
    list_display = ("title", "shown_state", "rule", "opened_at", "resolved_at", "acknowledged_by")
    list_filter = ("state", "rule", "opened_at")
    list_select_related = ("rule", "acknowledged_by")
    search_fields = ("title", "cause")
    object_actions = (ACKNOWLEDGE, SNOOZE)
    fields = (
        ("title", "shown_state"),
        "detail",
        "where",
        ("rule", "cause"),
        ("opened_at", "last_seen_at"),
        ("acknowledged_by", "acknowledged_at"),
        ("snoozed_until", "resolved_at"),
    )

    shown_state = badge("state", colours=ALERT_STATES)

    @display(description="Where it is mended")
    def where(self, alert: Alert) -> SafeString:
        return format_html('<a class="home-link" href="{}">Look there</a>', alert.path)


@admin.register(AlertRule)
class AlertRuleAdmin(ActionsAdmin):
    """What is told, over which channel, and when not to disturb."""

    list_display = ("trigger", "channel", "threshold", "window_hours", "quiet_from", "quiet_to", "is_enabled")
    readonly_fields = ("trigger",)
    fields = (
        "trigger",
        ("channel", "is_enabled"),
        "recipients",
        ("threshold", "window_hours"),
        ("quiet_from", "quiet_to"),
    )
    object_actions = (TEST_RULE,)

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: AlertRule, form: Any, change: bool) -> None:
        before = AlertRule.objects.get(pk=obj.pk)
        super().save_model(request, obj, form, change)
        changes = {name: [str(getattr(before, name)), str(getattr(obj, name))] for name in form.changed_data}
        audit.record("alert rule changed", obj, actor=request.user, changes=changes)  # type: ignore[arg-type]


@admin.register(AlertDelivery)
class AlertDeliveryAdmin(LongList, ReadOnlyAdmin):
    """The outbox. A channel that fails is red here and tried again."""

    empty_words = "What alerts and the weekly summary send stands here, sent or not."
    list_display = ("subject", "shown_state", "channel", "created_at", "sent_at", "attempts", "last_error")
    list_filter = ("state", "channel", "created_at")
    search_fields = ("subject",)
    fields = (
        ("subject", "shown_state"),
        ("channel", "recipients"),
        "body",
        ("created_at", "sent_at"),
        ("attempts", "next_try_at"),
        "last_error",
        "alert",
    )

    shown_state = badge("state", colours=MESSAGE_STATES)
