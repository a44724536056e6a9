"""Price changes as the back office's programs read and write them. Amounts are rand with VAT, as text."""

from typing import Any

from rest_framework import serializers

from circletel.core.rest.serializers import StrictSerializer
from pricing.models import Cohort, PriceChange
from pricing.services import WISHED, Wish


class WishSerializer(StrictSerializer):
    """What a draft asks for. A PUT replaces all of it."""

    new_price = serializers.DecimalField(10, 2, help_text="A month, in rand, VAT included.")
    reason = serializers.CharField(help_text="Why, for the back office and the audit trail.")
    effective_date = serializers.DateField(
        required=False,
        allow_null=True,
        default=None,
        help_text="The day in South Africa from which existing customers pay it; needed for publication.",
    )
    customer_message = serializers.CharField(
        required=False,
        allow_blank=True,
        default="",
        max_length=2000,
        help_text="For the customers who are told.",
    )
    notes = serializers.CharField(
        required=False, allow_blank=True, default="", help_text="Never leaves the back office."
    )

    def wish(self) -> Wish:
        """Of valid data."""
        return Wish(**{name: self.validated_data[name] for name in WISHED})


class NewPriceChangeSerializer(WishSerializer):
    package = serializers.UUIDField(help_text="The id of the package.")


class CancellationSerializer(StrictSerializer):
    reason = serializers.CharField(help_text="Why it is cancelled.")


class PriceChangeSerializer(serializers.ModelSerializer):
    package_name = serializers.CharField(source="package.name", read_only=True)
    package_sku = serializers.CharField(source="package.sku", read_only=True)
    difference = serializers.DecimalField(11, 2, read_only=True, help_text="new_price − old_price.")
    percentage = serializers.DecimalField(
        12, 2, read_only=True, help_text="The difference in percent of the old price; null when that was 0."
    )
    created_by = serializers.CharField(source="created_by.username", read_only=True)
    changed_by = serializers.CharField(source="changed_by.username", read_only=True, default=None)
    approved_by = serializers.CharField(source="approved_by.username", read_only=True, default=None)
    cancelled_by = serializers.CharField(source="cancelled_by.username", read_only=True, default=None)

    class Meta:
        model = PriceChange
        fields = (
            *("id", "status", "package", "package_name", "package_sku"),
            *("old_price", "new_price", "difference", "percentage", "effective_date", "effective_at"),
            *("reason", "customer_message", "notes", "batch", "version", "problem", "amends"),
            *("affected_customers_count", "new_customers_count", "counted_at"),
            *("created_at", "created_by", "changed_at", "changed_by", "published_at", "approved_by"),
            *("applied_at", "cancelled_at", "cancelled_by"),
        )
        read_only_fields = fields


def _amount(help_text: str, **options: Any) -> serializers.DecimalField:
    return serializers.DecimalField(14, 2, help_text=help_text, **options)


class CohortImpactSerializer(serializers.Serializer):
    cohort = serializers.ChoiceField(Cohort.choices)
    customers = serializers.IntegerField(help_text="Subscriptions.")
    moved = serializers.IntegerField(help_text="Those that this change brings another price.")
    rand_now = _amount("A month, VAT included.")
    rand_then = _amount("A month, when all have moved.")
    difference = _amount("rand_then − rand_now.")


class CallPlanSerializer(serializers.Serializer):
    total = serializers.IntegerField()
    moves = serializers.IntegerField(help_text="To move the subscriptions and read them back.")
    proof = serializers.IntegerField(help_text="To read their first invoices after the date.")
    per_day = serializers.IntegerField(help_text="What background work is granted of a day's quota.")
    days = serializers.IntegerField(help_text="That the moves take.")
    ready_on = serializers.DateField(allow_null=True, help_text="The day the last move is in Zoho.")
    late = serializers.IntegerField(help_text="Moves that cannot be made before their renewal.")
    fits = serializers.BooleanField()


class MonthSerializer(serializers.Serializer):
    month = serializers.DateField(help_text="Its first day; the counts are those at its end.")
    old = serializers.IntegerField(help_text="Subscriptions at the old price.")
    new = serializers.IntegerField(help_text="Subscriptions at the new price.")
    own = serializers.IntegerField(help_text="Subscriptions at a price of their own.")


class ImpactSerializer(serializers.Serializer):
    change = serializers.UUIDField(source="change.pk")
    at = serializers.DateTimeField()
    effective_date = serializers.DateField(
        help_text="Of a draft without one, the earliest that notice allows."
    )
    customers = serializers.IntegerField(help_text="Standing subscriptions of the package.")
    moved = serializers.IntegerField(help_text="Those that the change brings another price.")
    rand_now = _amount("A month, VAT included, before discounts, without add-ons.")
    rand_then = _amount("A month, when all have moved and who leaves has left.")
    by_the_change = _amount("What the change alone adds a month.")
    margin_now = _amount("A month; null without the right to see costs or a known cost.", allow_null=True)
    margin_then = _amount("A month, when all have moved; null as margin_now.", allow_null=True)
    first_invoice_on = serializers.DateField(allow_null=True)
    last_invoice_on = serializers.DateField(allow_null=True)
    billed_now = _amount(
        "What the first invoices that change would come to without it, all of them together."
    )
    billed_then = _amount("What they come to with it: with add-ons, discounts and VAT.")
    billed_unknown = serializers.IntegerField(
        help_text="Subscriptions that move and of which that is not known; they are in neither sum."
    )
    stages = serializers.IntegerField(help_text="Stages of notice that are active.")
    notices = serializers.IntegerField(help_text="Messages to be sent.")
    cohorts = CohortImpactSerializer(many=True)
    calls = CallPlanSerializer(help_text="Calls to Zoho Billing.")
    months = MonthSerializer(many=True, help_text="The coming twelve.")
    warnings = serializers.ListField(child=serializers.CharField())
