"""The public face of a package. Its fields are chosen here one by one; a new column shows nothing."""

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from functools import cached_property
from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from catalogue.models import MarketSegment, ServicePackage, excluding_vat, vat_rate_at

CURRENCY = "ZAR"


@dataclass
class Quotation:
    """The one instant, and the one VAT rate, that every amount of an answer rests on."""

    now: datetime = field(default_factory=timezone.now)
    as_of: datetime | None = None

    @property
    def at(self) -> datetime:
        return self.as_of or self.now

    @cached_property
    def vat_rate(self) -> Decimal:
        return vat_rate_at(self.at)


class AmountSerializer(serializers.Serializer):
    """An amount in rand in three parts that always add up: including_vat = excluding_vat + vat."""

    including_vat = serializers.DecimalField(10, 2, help_text="What the customer pays, VAT included.")
    vat = serializers.DecimalField(10, 2, help_text="The VAT in it.")
    excluding_vat = serializers.DecimalField(10, 2, help_text="Without VAT, rounded half up to the cent.")

    def to_representation(self, instance: Any) -> dict[str, Any]:
        including = Decimal(instance)
        excluding = excluding_vat(including, self.context["quotation"].vat_rate)
        return super().to_representation(
            {"including_vat": including, "vat": including - excluding, "excluding_vat": excluding}
        )


class PromotionSerializer(serializers.Serializer):
    price = AmountSerializer(help_text="A month, instead of the regular price.")
    months = serializers.IntegerField(
        allow_null=True,
        help_text="How many months the customer keeps it; null without limit.",
    )
    until = serializers.DateField(
        allow_null=True,
        help_text="Last day it is offered, in South Africa; null when no end is set.",
    )

    def to_representation(self, instance: ServicePackage) -> Any:
        price = instance.promotion_price_at(self.context["quotation"].at)
        if price is None:
            return None
        return super().to_representation(
            {"price": price, "months": instance.promotion_months, "until": instance.promotion_to}
        )


class HardwareSerializer(serializers.Serializer):
    model = serializers.CharField(help_text="Maker and model.")
    included = serializers.BooleanField(help_text="Included at no charge.")
    price = AmountSerializer(help_text="What the customer pays for it, once; 0.00 when included.")

    def to_representation(self, instance: ServicePackage) -> Any:
        if not instance.hardware_model:
            return None
        return super().to_representation(
            {
                "model": instance.hardware_model,
                "included": instance.hardware_included,
                "price": instance.hardware_price,
            }
        )


class AddOnSerializer(serializers.Serializer):
    name = serializers.CharField()
    price = AmountSerializer(help_text="A month when it recurs, else once.")
    recurring = serializers.BooleanField(help_text="Charged each month; otherwise once.")
    categories = serializers.SerializerMethodField(help_text="The categories it goes with; empty means any.")

    def get_categories(self, add_on: dict[str, Any]) -> list[str]:
        return add_on.get("categories", [])


class ComponentSerializer(serializers.Serializer):
    sku = serializers.CharField()
    name = serializers.CharField()
    quantity = serializers.IntegerField(help_text="How many of it the bundle holds.")
    price = AmountSerializer(help_text="Of one, a month, when taken by itself by a new customer.")


class BundleSerializer(serializers.Serializer):
    components = ComponentSerializer(many=True, help_text="What the bundle is made of.")
    separate_price = AmountSerializer(help_text="Of all components a month, taken one by one.")
    savings = AmountSerializer(help_text="How much less the bundle is a month; 0.00 when it is not less now.")

    def to_representation(self, instance: ServicePackage) -> Any:
        return super().to_representation(instance) if instance.components else None


class PackageSerializer(serializers.Serializer):
    """A package on sale, as a customer who signs up now would get it."""

    id = serializers.UUIDField(source="package_uuid", help_text="Never changes.")
    sku = serializers.CharField(
        help_text="What staff and Zoho call it; may be shared between segments and providers."
    )
    slug = serializers.SlugField(help_text="For addresses; unique, and the same for as long as it is sold.")
    name = serializers.CharField()
    service_type = serializers.CharField(help_text="The product line.")
    category = serializers.CharField(help_text="The shelf it stands on.")
    technology = serializers.CharField(help_text="How it reaches the customer; may be empty.")
    market_segment = serializers.ChoiceField(MarketSegment.choices, help_text="For whom it is sold.")
    provider = serializers.CharField(help_text="Whose network carries it.")
    speed_down_mbps = serializers.IntegerField(
        allow_null=True, help_text="Download in Mbit/s; null when none is promised."
    )
    speed_up_mbps = serializers.IntegerField(
        allow_null=True, help_text="Upload in Mbit/s; null when none is promised."
    )
    data_limit = serializers.CharField(help_text="For example Unlimited, or 500GB; may be empty.")
    contract_months = serializers.IntegerField(help_text="In months; 1 is month to month.")
    description = serializers.CharField(help_text="Plain text; may be empty.")
    features = serializers.ListField(child=serializers.CharField(), help_text="In the order to show them.")
    add_ons = AddOnSerializer(many=True, help_text="What a customer may take beside it.")
    bundle = BundleSerializer(
        source="*", allow_null=True, help_text="What it is made of and saves; null when it is no bundle."
    )
    hardware = HardwareSerializer(
        source="*", allow_null=True, help_text="The device that comes with it; null when there is none."
    )
    price = AmountSerializer(
        source="current_price", help_text="A month, after any promotion, for a customer who signs up now."
    )
    promotion = PromotionSerializer(
        source="*", allow_null=True, help_text="What is offered to new customers now; null when nothing is."
    )
    installation_fee = AmountSerializer(
        allow_null=True, help_text="Once; 0.00 is free installation, null when no installation is offered."
    )
    discounted_installation_fee = AmountSerializer(
        allow_null=True, help_text="Charged instead of installation_fee; null when there is no discount."
    )
    installation_days = serializers.IntegerField(
        allow_null=True, help_text="Days from the order to the installation; null when nothing is promised."
    )
    zones = serializers.ListField(
        child=serializers.CharField(), help_text="Where it can be had; empty: wherever the provider reaches."
    )
    featured = serializers.BooleanField(help_text="To be put in front.")
    popular = serializers.BooleanField(help_text="To be marked as popular.")
    currency = serializers.SerializerMethodField(help_text="Of every amount.")
    valid_from = serializers.DateTimeField(help_text="On sale from this instant.")
    valid_to = serializers.DateTimeField(
        source="sale_ends",
        allow_null=True,
        help_text="No longer on sale from this instant; null when no end is set.",
    )

    @extend_schema_field({"type": "string", "const": CURRENCY})
    def get_currency(self, _package: ServicePackage) -> str:
        return CURRENCY


class ParameterErrorSerializer(serializers.Serializer):
    parameter = serializers.CharField(help_text="Its name in the query.")
    detail = serializers.CharField(help_text="What is wrong and what is understood.")


class ProblemSerializer(serializers.Serializer):
    """Problem details (RFC 9457)."""

    type = serializers.CharField(help_text="Tells kinds of problems apart; does not change.")
    title = serializers.CharField(help_text="The kind of problem, for people.")
    status = serializers.IntegerField(help_text="The HTTP status.")
    detail = serializers.CharField(help_text="This occurrence, for people. Its wording may change.")


class InvalidParametersSerializer(ProblemSerializer):
    errors = ParameterErrorSerializer(many=True)  # type: ignore[assignment]  # a field, not Serializer.errors


class PackageChoiceSerializer(serializers.Serializer):
    slug = serializers.SlugField()
    sku = serializers.CharField()
    market_segment = serializers.ChoiceField(MarketSegment.choices)
    provider = serializers.CharField()


class AmbiguousSkuSerializer(ProblemSerializer):
    packages = PackageChoiceSerializer(many=True, help_text="What the SKU may mean.")
