"""Notices: who was told, how far it is, and the list of those who could not be."""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.decorators import display

from circletel.core.admin.actions import ActionsAdmin
from circletel.core.admin.base import ReadOnlyAdmin, ReadOnlyInline, badge, link, section
from circletel.core.admin.long_lists import LongList
from pricing.actions import NOTICE
from pricing.models import UNDELIVERED, NoticeEvent, NoticeState, NoticeText, PriceChange, PriceNotice
from pricing.notices import evidence
from pricing.notices.evidence import standing_of

BADGES = {
    "To be sent": "info",
    "Accepted by the provider": "success",
    "Delivered": "success",
    "Bounced": "danger",
    "Failed": "danger",
    "No address": "danger",
    "Not known whether it was sent": "warning",
    "Not needed": "default",
    "Told another way": "success",
}
WHAT_TO_DO: dict[str, str] = {
    NoticeState.BOUNCED: "Find out the right address and enter it in Zoho; after the next pull of subscriptions send it"
    " again. Or tell the customer another way and settle it.",
    NoticeState.NO_ADDRESS: "Enter the address in Zoho: after the next pull it is sent by itself. Or tell the customer"
    " another way and settle it.",
    NoticeState.FAILED: "The reason stands above. Mend it and send it again, or tell the customer another way and settle"
    " it.",
    NoticeState.UNKNOWN: "It may have arrived: look in the mail provider's log. If it did, settle it. If it did not, send"
    " it again; Resend takes no second copy of the same message within a day.",
}


class UndeliveredFilter(admin.SimpleListFilter):
    title, parameter_name = "needs a person", "undelivered"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, str]]:
        return [("yes", "Yes")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[PriceNotice]) -> QuerySet[PriceNotice]:
        return queryset.filter(state__in=UNDELIVERED) if self.value() == "yes" else queryset


class NoticeEventInline(ReadOnlyInline):
    model = NoticeEvent
    hide_title = True
    verbose_name_plural = "What happened"
    fields = readonly_fields = ("kind", "at", "round", "email", "provider_id", "detail")

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.has_perm("pricing.view_pricenotice")


@admin.register(PriceNotice)
class PriceNoticeAdmin(LongList, ActionsAdmin, ReadOnlyAdmin):
    """One row for each message to a customer."""

    empty_words = "Publish a price change: its customers' notices stand here before they are sent."
    list_display = ("shown_customer", "shown_what", "shown_state", "due_on", "accepted_at", "shown_why")
    list_filter = (UndeliveredFilter, "state", "stage", "due_on")
    search_fields = (
        "email",
        "subscription__customer_name",
        "subscription__number",
        "subscription__subscription_id",
        "change__package__name",
        "change__package__sku",
    )
    list_select_related = ("subscription", "stage", "change__package")
    list_before_template = "pricing/notices/progress.html"
    object_actions = NOTICE
    extra_pages = {
        "of/<uuid:change_id>/evidence.csv": "csv",
        "of/<uuid:change_id>/evidence.json": "json",
    }
    inlines = (NoticeEventInline,)
    fieldsets = (
        section(
            None,
            ("shown_change", "stage"),
            ("subscription", "email"),
            ("shown_state", "due_on"),
            "why",
            "what_to_do",
        ),
        section(
            "The proof",
            ("accepted_at", "delivered_at"),
            ("bounced_at", "attempts"),
            "provider_id",
            "round",
            "text_hash",
            "shown_text",
        ),
    )

    @display(description="Customer", ordering="subscription__customer_name", header=True)
    def shown_customer(self, notice: PriceNotice) -> tuple[str, str]:
        return notice.subscription.customer_name or notice.subscription.number, notice.email or "no address"

    @display(description="Notice", ordering="stage", header=True)
    def shown_what(self, notice: PriceNotice) -> tuple[str, str]:
        return str(notice.stage), notice.change.package.name

    shown_state = badge("state", colours=BADGES)

    @display(description="Why")
    def shown_why(self, notice: PriceNotice) -> str:
        return notice.why if len(notice.why) <= 80 else f"{notice.why[:79]}…"

    shown_change = link("change", "Price change")

    @display(description="What to do")
    def what_to_do(self, notice: PriceNotice) -> str:
        return WHAT_TO_DO.get(notice.state, "Nothing.")

    @display(description="The text")
    def shown_text(self, notice: PriceNotice) -> SafeString | str:
        text = NoticeText.objects.filter(pk=notice.text_hash).first()
        if text is None:
            return "It was not sent yet."
        return format_html('<div class="json">{}\n\n{}</div>', text.subject, text.body)

    # --- how far it is, and the files

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        change = _change_asked_for(request)
        panel = panel_of(change, request) if change else ""
        return super().changelist_view(request, {**(extra_context or {}), "notices_panel": panel})

    def csv_view(self, request: HttpRequest, change_id: UUID) -> HttpResponseBase:
        return evidence.csv_answer(_published(change_id))

    def json_view(self, request: HttpRequest, change_id: UUID) -> HttpResponseBase:
        return evidence.json_answer(_published(change_id))


def _published(change_id: UUID) -> PriceChange:
    return get_object_or_404(PriceChange.objects.select_related("package"), pk=change_id)


def panel_of(change: PriceChange, request: HttpRequest) -> SafeString:
    """How the notices of a change stand, with links to the lists and files behind the numbers."""
    page = reverse("admin:pricing_pricenotice_changelist")
    context = {
        "change": change,
        "stages": standing_of(change.pk),
        "list": f"{page}?change__id__exact={change.pk}",
        "may_see": request.user.has_perm("pricing.view_pricenotice"),
        "now": timezone.now(),
    }
    return render_to_string("pricing/notices/panel.html", context, request)


def _change_asked_for(request: HttpRequest) -> PriceChange | None:
    try:
        wanted = UUID(request.GET.get("change__id__exact", ""))
    except ValueError:
        return None
    return PriceChange.objects.select_related("package").filter(pk=wanted).first()
