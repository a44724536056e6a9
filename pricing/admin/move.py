"""Price moves: how each subscription follows a price change, and what people decide where it cannot."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.decorators import display

from circletel.core.admin.actions import ActionsAdmin
from circletel.core.admin.base import ReadOnlyAdmin, badge
from circletel.core.admin.long_lists import LongList
from circletel.core.amounts import rand
from pricing.actions import MOVE
from pricing.admin.amounts import signed_rand
from pricing.joiners import cost_of_return
from pricing.models import MoveState, PriceMove

BADGES = {
    "Planned": "info",
    "Scheduled in Zoho": "info",
    "To be taken back": "warning",
    "Confirmed": "success",
    "Conflict": "danger",
    "Held for a person": "warning",
    "Failed": "danger",
    "Failed, will be tried again": "warning",
    "Not needed": "default",
}
VERDICTS = {"Right": "success", "Under-billed": "danger", "Over-billed": "danger", "Not known yet": "default"}


@admin.register(PriceMove)
class PriceMoveAdmin(LongList, ActionsAdmin, ReadOnlyAdmin):
    """One subscription's part in one price change."""

    empty_words = (
        "Publish a price change: each subscription it concerns gets a move, from the old "
        "price to the new one."
    )
    list_display = ("who", "listed_price", "shown_state", "renewal_on", "shown_verdict", "change")
    list_filter = ("state", "hold", "cohort", "verdict", "is_return", "renewal_on")
    search_fields = (
        "subscription__customer_name",
        "subscription__number",
        "subscription__subscription_id",
        "change__package__sku",
    )
    list_select_related = ("subscription", "change__package")
    object_actions = MOVE
    fieldsets = (
        (None, {"fields": ("subscription", "change", ("shown_price", "cohort"), "shown_state", "why", "shown_cost")}),
        ("In Zoho", {"fields": (("renewal_on", "lands_on"), ("scheduled_at", "confirmed_at"), "seen_price",
                                ("attempts", "next_attempt_at"))}),
        ("Proof", {"fields": (("shown_verdict", "shown_wrong"), ("invoice_id", "invoiced_on", "invoiced_price"),
                              "proved_at", ("settled_at", "settled_how"))}),
        ("Decided", {"fields": (("decided_by", "decided_at"), "accepted_price")}),
    )  # fmt: skip

    def lookup_allowed(self, lookup: str, value: Any, request: HttpRequest) -> bool:
        return lookup in ("change__id__exact", "change") or super().lookup_allowed(lookup, value, request)

    @display(description="Customer", ordering="subscription__customer_name", header=True)
    def who(self, move: PriceMove) -> tuple[str, str]:
        return move.subscription.customer_name or move.subscription.customer_id, move.subscription.number

    @display(description="Price a month", ordering="expected_price", header=True)
    def listed_price(self, move: PriceMove) -> tuple[str, str]:
        return rand(move.expected_price), f"from {rand(move.price_then)}, {move.get_cohort_display().lower()}"

    @display(description="Price a month")
    def shown_price(self, move: PriceMove) -> str:
        return f"{rand(move.price_then)} → {rand(move.expected_price)}"

    @display(description="State", ordering="state", label=BADGES)
    def shown_state(self, move: PriceMove) -> str:
        if move.to_undo:
            return "To be taken back"
        if move.state == MoveState.FAILED and move.next_attempt_at:
            return "Failed, will be tried again"
        return move.get_state_display()

    shown_verdict = badge("verdict", "First invoice", colours=VERDICTS)

    @display(description="Billed wrong a month")
    def shown_wrong(self, move: PriceMove) -> str:
        return signed_rand(move.billed_wrong) if move.billed_wrong else "—"

    @display(description="What a credit costs")
    def shown_cost(self, move: PriceMove) -> SafeString | str:
        if not move.is_return:
            return "—"
        cost = cost_of_return(move, timezone.localdate())
        return format_html(
            "{} a month: {} to credit for {} month(s) billed, {} of income over {} month(s) left",
            rand(cost.monthly), rand(cost.credit), cost.months_billed, rand(cost.income_lost), cost.months_left,
        )  # fmt: skip
