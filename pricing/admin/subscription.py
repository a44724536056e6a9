"""The mirror of Zoho Billing's subscriptions, to look at."""

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from unfold.decorators import display

from circletel.core.admin.base import ReadOnlyAdmin, TwoLines, link, section
from circletel.core.admin.long_lists import LongList
from circletel.core.amounts import rand
from pricing.models import Subscription

BADGES = {
    "live": "success",
    "trial": "info",
    "future": "info",
    "non_renewing": "warning",
    "unpaid": "warning",
    "dunning": "warning",
    "past_due": "warning",
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
class SubscriptionAdmin(LongList, ReadOnlyAdmin):
    """Read from Zoho Billing and never edited here."""

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
            ("discounted", "fixed_until"),
            "shown_amount",
            "vat",
        ),
        section(
            "Term", ("signed_up_at", "next_billing_on"), ("current_term_starts_on", "current_term_ends_on")
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

    @display(description="Status", ordering="status", label=BADGES)
    def shown_status(self, subscription: Subscription) -> str:
        return "gone" if subscription.gone_at else subscription.status

    package_link = link("package", none="No package of ours owns this plan.")
