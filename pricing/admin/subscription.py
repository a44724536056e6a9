"""The mirror of Zoho Billing's subscriptions, to look at."""

from collections.abc import Callable, Iterator
from datetime import datetime
from decimal import Decimal
from functools import partial
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.html import format_html_join
from django.utils.safestring import SafeString
from unfold.decorators import display

from circletel.core.admin.actions import ActionsAdmin
from circletel.core.admin.base import ReadOnlyAdmin, TwoLines, link, rand, section
from circletel.core.admin.long_lists import LongList
from pricing.actions import DECIDE_SINCE
from pricing.models import Subscription
from pricing.package_since import in_words, readings_of
from pricing.renewal_preview import Invoice, next_invoices

BADGES = {
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
        invoices = [_invoice(each) for each in preview.invoices]
        context = {"invoices": invoices, "ends": preview.ends}
        return SafeString(render_to_string("pricing/next_invoices.html", context))

    @display(description="Since")
    def shown_since(self, subscription: Subscription) -> SafeString:
        """When it came onto its package, or between which instants; and what that means for its price."""
        lines = [*_since(subscription), *_readings(subscription)]
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

    @display(description="Status", ordering="status", label=BADGES)
    def shown_status(self, subscription: Subscription) -> str:
        return "gone" if subscription.gone_at else subscription.status

    package_link = link("package", none="No package of ours owns this plan.")


def _invoice(invoice: Invoice) -> dict[str, Any]:
    """An invoice of the preview in words."""
    unknown = "unknown"
    amount = partial(_amount, invoice)
    return {
        "on": f"{invoice.on:%-d %b %Y}",
        "total": amount(invoice.total),
        "credit": amount(invoice.credit) if invoice.credit else "",
        "discount": unknown if invoice.discount is None else _less(amount, invoice.discount),
        "vat": unknown if invoice.vat is None else amount(invoice.vat),
        "lines": [
            {
                "name": line.name,
                "code": line.code,
                "quantity": line.quantity,
                "price": unknown if line.unit_price is None else amount(line.unit_price),
                "discount": unknown if line.discount is None else _less(amount, line.discount),
                "vat": unknown if line.vat_rate is None else f"{(line.vat_rate * 100).normalize():f} %",
                "rests_on": line.rests_on,
            }
            for line in invoice.lines
        ],
        "rests_on": invoice.rests_on,
        "unknown": invoice.unknown,
        "remarks": invoice.remarks,
    }


def _amount(invoice: Invoice, amount: Decimal | None) -> str:
    """In rand, or in the currency of the invoice."""
    if invoice.currency == "ZAR" or amount is None:
        return rand(amount)
    return f"{invoice.currency} {amount:,.2f}"


def _less(amount: Callable[[Decimal | None], str], discount: Decimal) -> str:
    return f"−{amount(discount)}" if discount else "—"


def _since(subscription: Subscription) -> Iterator[str]:
    if subscription.on_package_since is None:
        earliest, latest = subscription.may_have_come
        yield f"Not known: between {_when(earliest)} and {_when(latest)}."
        return
    how = subscription.get_on_package_since_how_display()
    decided = f" on {_when(subscription.since_decided_at)}" if subscription.since_decided_at else ""
    yield f"{_when(subscription.on_package_since)}. {how}{decided}."


def _readings(subscription: Subscription) -> Iterator[str]:
    """What it pays by each instant at which it may have come, where that makes a difference."""
    possible = readings_of(subscription, timezone.now())
    if len(possible) > 1:
        yield from (f"Since {in_words(one)}" for one in possible)
    elif subscription.on_package_since is None and subscription.package is not None:
        yield "It makes no difference to what it pays."


def _when(instant: datetime) -> str:
    return f"{timezone.localtime(instant):%-d %b %Y %H:%M}"
