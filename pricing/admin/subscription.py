"""The mirror of Zoho Billing's subscriptions, to look at; and price moves: how each follows a change, and what people
decide where it cannot."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from unfold.decorators import display

from circletel.core.admin.actions import ActionsAdmin
from circletel.core.admin.base import ReadOnlyAdmin, TwoLines, badge, link, section
from circletel.core.admin.long_lists import LongList
from circletel.core.amounts import rand, signed_rand
from pricing.actions import DECIDE_SINCE, MOVE
from pricing.admin.renewals import invoice_in_words, readings_in_words, since_in_words
from pricing.models import MoveState, PriceMove, Subscription
from pricing.planning import cost_of_return
from pricing.renewal_preview import next_invoices

STATUSES = {
    "live": "success",
    "trial": "info",
    "future": "info",
    "non_renewing": "warning",
    "unpaid": "warning",
    "dunning": "warning",
    "past_due": "warning",
    "paused": "warning",
    "gone": "danger",
}
VAT_WORDS = {True: "Zoho's prices include VAT", False: "Zoho's prices exclude VAT", None: "Zoho does not say"}


class StandingFilter(admin.SimpleListFilter):
    title = "standing"
    parameter_name = "standing"

    def lookups(self, request: HttpRequest, model_admin: object) -> list[tuple[str, str]]:
        return [("yes", "Served today or to be"), ("no", "Ended or gone")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Subscription]) -> QuerySet[Subscription]:
        standing = Subscription.objects.standing().values("pk")
        if self.value() == "yes":
            return queryset.filter(pk__in=standing)
        return queryset.exclude(pk__in=standing) if self.value() == "no" else queryset


@admin.register(Subscription)
class SubscriptionAdmin(LongList, ActionsAdmin, ReadOnlyAdmin):
    """Read from Zoho Billing and never edited here."""

    object_actions = (DECIDE_SINCE,)

    empty_words = "Read from Zoho Billing each night; `manage.py pull_subscriptions` reads them now."
    list_display = ("shown_customer", "shown_package", "shown_price", "next_billing_on", "shown_status")
    list_filter = (
        StandingFilter,
        "status",
        "discounted",
        ("package", admin.EmptyFieldListFilter),
        "package__market_segment",
        "package__service_type",
    )
    search_fields = (
        *("customer_name", "customer_email", "number", "subscription_id", "customer_id", "plan_code"),
        *("package__name", "package__sku"),
    )
    list_select_related = ("package",)
    fieldsets = (
        section(None, ("number", "shown_status"), ("customer_name", "customer_email"), "package_link"),
        section(
            "Price, VAT included",
            ("shown_price", "quantity"),
            ("discounted", "coupon_code"),
            "fixed_until",
            "shown_amount",
            "vat",
        ),
        section("Next invoices", "shown_invoices"),
        section("On this package since", "shown_since", ("signed_up_at", "since_decided_by")),
        section(
            "Term",
            ("next_billing_on", "interval_months"),
            ("current_term_starts_on", "current_term_ends_on"),
            ("paused_on", "resumes_on"),
            "remaining_cycles",
        ),
        section(
            "In Zoho Billing",
            ("subscription_id", "customer_id"),
            ("plan_code", "last_invoice_id"),
            ("read_at", "seen_at"),
            "gone_at",
        ),
    )

    @display(description="Customer", ordering="customer_name", header=True)
    def shown_customer(self, subscription: Subscription) -> tuple[str, str]:
        return (
            subscription.customer_name or subscription.customer_id,
            subscription.customer_email or "no address",
        )

    @display(description="")
    def shown_invoices(self, subscription: Subscription) -> SafeString:
        """The renewal preview, as things stand here."""
        preview = next_invoices(subscription, timezone.now())
        invoices = [invoice_in_words(each) for each in preview.invoices]
        context = {"invoices": invoices, "ends": preview.ends}
        return SafeString(render_to_string("pricing/next_invoices.html", context))

    @display(description="Since")
    def shown_since(self, subscription: Subscription) -> SafeString:
        """When it came onto its package, or between which instants; and what that means for its price."""
        lines = [*since_in_words(subscription), *readings_in_words(subscription)]
        return format_html_join("", "<div>{}</div>", ((line,) for line in lines))

    @display(description="Package", ordering="package__name", header=True)
    def shown_package(self, subscription: Subscription) -> tuple[str, str]:
        name = subscription.package.name if subscription.package else "none of ours"
        return name, subscription.plan_code

    @display(description="Price a month", ordering="price", header=True)
    def shown_price(self, subscription: Subscription) -> TwoLines:
        words = [f"{subscription.quantity} ×"] if subscription.quantity != 1 else []
        return TwoLines(rand(subscription.price), " ".join([*words, "incl. VAT"]))

    @display(description="Amount a term")
    def shown_amount(self, subscription: Subscription) -> str:
        return f"{rand(subscription.amount)} in all, with add-ons, VAT and discounts"

    @display(description="VAT")
    def vat(self, subscription: Subscription) -> str:
        return VAT_WORDS[subscription.is_inclusive_tax]

    @display(description="Status", ordering="status", label=STATUSES)
    def shown_status(self, subscription: Subscription) -> str:
        return "gone" if subscription.gone_at else subscription.status

    package_link = link("package", none="No package of ours owns this plan.")


# --- price moves


MOVES = {
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
                              ("expected_total", "invoiced_total"),
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

    @display(description="State", ordering="state", label=MOVES)
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
