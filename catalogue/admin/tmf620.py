"""Who listens to TMF620 events, and what did not reach them."""

import json
from typing import Any

from django.contrib import admin
from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.decorators import display

from catalogue.actions import SEND_EVENT_AGAIN
from catalogue.models import HubDelivery, HubListener
from circletel.core.admin.actions import ActionsAdmin
from circletel.core.admin.base import ReadOnlyAdmin, TwoLines, badge
from circletel.core.admin.long_lists import LongList


@admin.register(HubListener)
class HubListenerAdmin(ReadOnlyAdmin):
    """Registered and removed through TMF620. The secret is not shown."""

    empty_words = "Programs register themselves here over TMF620 to hear of changes."
    list_display = ("callback", "version", "query", "created_by", "owed", "needs_a_person")
    fields = ("callback", "version", "query", "created_by", "created_at", "owed", "needs_a_person")

    def get_queryset(self, request: HttpRequest) -> QuerySet[HubListener]:
        counted = {state: Count("deliveries", Q(deliveries__state=state)) for state in ("pending", "dead")}
        return super().get_queryset(request).select_related("created_by").annotate(**counted)

    @display(description="Owed", ordering="pending")
    def owed(self, listener: Any) -> SafeString | str:
        return self._link(listener, "pending", listener.pending)

    @display(description="Needs a person", ordering="dead")
    def needs_a_person(self, listener: Any) -> SafeString | str:
        return self._link(listener, "dead", listener.dead)

    def _link(self, listener: HubListener, state: str, count: int) -> SafeString | str:
        address = reverse("admin:catalogue_hubdelivery_changelist")
        query = f"state__exact={state}&listener__id__exact={listener.pk}"
        return format_html('<a href="{}?{}">{}</a>', address, query, count) if count else "0"


@admin.register(HubDelivery)
class HubDeliveryAdmin(LongList, ActionsAdmin, ReadOnlyAdmin):
    """One event for one listener: whether it arrived, and why not."""

    empty_words = "Each change is sent to each listener; without listeners there is nothing to send."
    list_display = ("shown_event", "listener", "shown_state", "attempts", "due_at", "last_error")
    list_filter = ("state", "listener")
    list_select_related = ("event", "listener")
    ordering = ("-id",)
    object_actions = (SEND_EVENT_AGAIN,)
    fields = (
        ("shown_event", "shown_state"),
        "listener",
        ("attempts", "due_at", "delivered_at"),
        "last_error",
        "shown_body",
    )

    @display(description="Event", header=True)
    def shown_event(self, delivery: HubDelivery) -> TwoLines:
        body = delivery.event.bodies[delivery.listener.version]
        return TwoLines(body["eventType"], next(iter(body["event"].values())).get("id", ""))

    shown_state = badge("state")

    @display(description="What is sent")
    def shown_body(self, delivery: HubDelivery) -> SafeString:
        body = json.dumps(delivery.event.bodies[delivery.listener.version], indent=2, ensure_ascii=False)
        return format_html('<pre class="overflow-x-auto">{}</pre>', body)
