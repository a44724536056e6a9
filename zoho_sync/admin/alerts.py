"""Alerts, the rules behind them, and the messages that tell of them."""

from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.admin import ModelAdmin
from unfold.decorators import action, display
from unfold.forms import BaseDialogForm
from unfold.widgets import UnfoldAdminTextInputWidget

from circletel.core import audit
from circletel.core.admin.base import ReadOnlyAdmin, moved_to
from circletel.core.admin.long_lists import LongList
from circletel.core.errors import Refused
from zoho_sync.operating import alerts
from zoho_sync.operating.models import Alert, AlertDelivery, AlertRule, AlertState

ALERT_STATES = {"Open": "danger", "Acknowledged": "warning", "Snoozed": "info", "Resolved": "success"}
MESSAGE_STATES = {
    "Waits": "info",
    "Being sent": "info",
    "Sent": "success",
    "Failed, will be tried again": "danger",
}


class SnoozeForm(BaseDialogForm):
    hours = forms.IntegerField(
        label="Hours",
        min_value=1,
        max_value=720,
        initial=4,
        widget=UnfoldAdminTextInputWidget(attrs={"type": "number"}),
    )


def _deed(
    request: HttpRequest, model: str, object_id: Any, deed: Callable[..., Any], words: str, **values: Any
) -> HttpResponse:
    try:
        deed(object_id, actor=request.user, **values)
        messages.success(request, words)
    except Refused as refusal:
        messages.error(request, str(refusal))
    return moved_to(request, reverse(f"admin:zoho_sync_{model}_change", args=[object_id]))


@admin.register(Alert)
class AlertAdmin(LongList, ReadOnlyAdmin):
    """What is wrong, since when, and who takes care."""

    empty_words = "Nothing is wrong. When a rule finds something, it opens an alert here."
    list_display = ("title", "shown_state", "rule", "opened_at", "resolved_at", "acknowledged_by")
    list_filter = ("state", "rule", "opened_at")
    list_select_related = ("rule", "acknowledged_by")
    search_fields = ("title", "cause")
    actions_detail = ("acknowledge", "snooze")
    fields = (
        ("title", "shown_state"),
        "detail",
        "where",
        ("rule", "cause"),
        ("opened_at", "last_seen_at"),
        ("acknowledged_by", "acknowledged_at"),
        ("snoozed_until", "resolved_at"),
    )

    @display(description="State", ordering="state", label=ALERT_STATES)
    def shown_state(self, alert: Alert) -> str:
        return alert.get_state_display()

    @display(description="Where it is mended")
    def where(self, alert: Alert) -> SafeString:
        return format_html('<a class="home-link" href="{}">Look there</a>', alert.path)

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> Any:
        alert = self.get_object(request, object_id)
        is_over = alert is None or alert.state == AlertState.RESOLVED
        return [] if is_over else super().get_actions_detail(request, object_id)

    def has_answer_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return request.user.has_perm("zoho_sync.answer_alert")

    @action(
        description="Acknowledge",
        permissions=["answer"],
        icon="check",
        url_path="acknowledge",
        dialog={
            "title": "Take care of it?",
            "description": "Nothing more is told until it is over.",
            "form_class": BaseDialogForm,
            "form_submit_text": "Acknowledge",
        },
    )
    def acknowledge(self, request: HttpRequest, form: BaseDialogForm, object_id: Any) -> HttpResponse:
        return _deed(request, "alert", object_id, alerts.acknowledge, "Acknowledged.")

    @action(
        description="Snooze",
        permissions=["answer"],
        icon="snooze",
        url_path="snooze",
        dialog={
            "title": "Tell nothing for a while?",
            "description": "Afterwards it is told again, if it still lasts.",
            "form_class": SnoozeForm,
            "form_submit_text": "Snooze",
        },
    )
    def snooze(self, request: HttpRequest, form: SnoozeForm, object_id: Any) -> HttpResponse:
        return _deed(request, "alert", object_id, alerts.snooze, "Snoozed.", hours=form.cleaned_data["hours"])


@admin.register(AlertRule)
class AlertRuleAdmin(ModelAdmin):
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
    actions_detail = ("send_test",)

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: AlertRule, form: Any, change: bool) -> None:
        before = AlertRule.objects.get(pk=obj.pk)
        super().save_model(request, obj, form, change)
        changes = {name: [str(getattr(before, name)), str(getattr(obj, name))] for name in form.changed_data}
        audit.record("alert rule changed", obj, actor=request.user, changes=changes)  # type: ignore[arg-type]

    def log_change(self, *_: Any) -> None:
        """The audit trail has it, with more."""

    @action(
        description="Send a test",
        permissions=["change"],
        icon="send",
        url_path="test",
        dialog={
            "title": "Send a test over this channel?",
            "description": "It goes out at once, also in quiet hours.",
            "form_class": BaseDialogForm,
            "form_submit_text": "Send a test",
        },
    )
    def send_test(self, request: HttpRequest, form: BaseDialogForm, object_id: Any) -> HttpResponse:
        return _deed(request, "alertrule", object_id, alerts.send_test, "On its way: see the alert messages.")


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

    @display(description="State", ordering="state", label=MESSAGE_STATES)
    def shown_state(self, message: AlertDelivery) -> str:
        return message.get_state_display()
