"""Price changes as the back office's programs read and write them. Amounts are rand with VAT, as text."""

from rest_framework import serializers

from catalogue.api.strict import StrictSerializer
from pricing.models import PriceChange
from pricing.wishes import Wish


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
        asked = self.validated_data
        return Wish(
            new_price=asked["new_price"],
            reason=asked["reason"],
            effective_date=asked["effective_date"],
            customer_message=asked["customer_message"],
            notes=asked["notes"],
        )


class NewPriceChangeSerializer(WishSerializer):
    package = serializers.UUIDField(help_text="The id of the package.")


class CancellationSerializer(StrictSerializer):
    reason = serializers.CharField(help_text="Why it is cancelled.")


class EmptySerializer(StrictSerializer):
    """Nothing to say."""


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
            "id",
            "status",
            "package",
            "package_name",
            "package_sku",
            "old_price",
            "new_price",
            "difference",
            "percentage",
            "effective_date",
            "effective_at",
            "reason",
            "customer_message",
            "notes",
            "batch",
            "version",
            "problem",
            "amends",
            "created_at",
            "created_by",
            "changed_at",
            "changed_by",
            "published_at",
            "approved_by",
            "applied_at",
            "cancelled_at",
            "cancelled_by",
        )
        read_only_fields = fields
