"""The public answers as the API's description tells them. They are made in `catalogue.storefront.document`."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from catalogue.models import MarketSegment
from catalogue.storefront.document import CURRENCY
from circletel.core.rest.serializers import ProblemSerializer


@extend_schema_field({"type": "string", "const": CURRENCY})
class CurrencyField(serializers.CharField):
    pass


class AmountSerializer(serializers.Serializer):
    """An amount in rand in three parts that always add up: including_vat = excluding_vat + vat."""

    including_vat = serializers.DecimalField(10, 2, help_text="What the customer pays, VAT included.")
    vat = serializers.DecimalField(10, 2, help_text="The VAT in it.")
    excluding_vat = serializers.DecimalField(10, 2, help_text="Without VAT, rounded half up to the cent.")


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


class HardwareSerializer(serializers.Serializer):
    model = serializers.CharField(help_text="Maker and model.")
    included = serializers.BooleanField(help_text="Included at no charge.")
    price = AmountSerializer(help_text="What the customer pays for it, once; 0.00 when included.")


class AddOnSerializer(serializers.Serializer):
    name = serializers.CharField()
    price = AmountSerializer(help_text="A month when it recurs, else once.")
    recurring = serializers.BooleanField(help_text="Charged each month; otherwise once.")
    categories = serializers.ListField(
        child=serializers.CharField(), help_text="The categories it goes with; empty means any."
    )


class ComponentSerializer(serializers.Serializer):
    sku = serializers.CharField()
    name = serializers.CharField()
    quantity = serializers.IntegerField(help_text="How many of it the bundle holds.")
    price = AmountSerializer(help_text="Of one, a month, when taken by itself by a new customer.")


class BundleSerializer(serializers.Serializer):
    components = ComponentSerializer(many=True, help_text="What the bundle is made of.")
    separate_price = AmountSerializer(help_text="Of all components a month, taken one by one.")
    savings = AmountSerializer(help_text="How much less the bundle is a month; 0.00 when it is not less now.")


class PackageSerializer(serializers.Serializer):
    """A package on sale, as a customer who signs up now would get it. All of it, unless `fields` names what is wanted."""

    id = serializers.UUIDField(help_text="Never changes.")
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
        allow_null=True, help_text="What it is made of and saves; null when it is no bundle."
    )
    hardware = HardwareSerializer(
        allow_null=True, help_text="The device that comes with it; null when there is none."
    )
    price = AmountSerializer(help_text="A month, after any promotion, for a customer who signs up now.")
    promotion = PromotionSerializer(
        allow_null=True, help_text="What is offered to new customers now; null when nothing is."
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
    currency = CurrencyField(help_text="Of every amount.")
    valid_from = serializers.DateTimeField(help_text="On sale from this instant.")
    valid_to = serializers.DateTimeField(
        allow_null=True,
        help_text="No longer on sale from this instant; null when no end is set.",
    )

    def get_fields(self) -> dict[str, Any]:
        fields: dict[str, Any] = super().get_fields()
        for field in fields.values():
            # An answer to `fields` has none of the others.
            field.required = False
        return fields


class PaginatedPackageListSerializer(serializers.Serializer):
    """A page of packages."""

    count = serializers.IntegerField(
        allow_null=True, help_text="Packages on all pages; null unless asked for with total or page."
    )
    next = serializers.URLField(allow_null=True, help_text="The next page; null on the last.")
    previous = serializers.URLField(allow_null=True, help_text="The page before; null on the first.")
    results = PackageSerializer(many=True)


class ParameterErrorSerializer(serializers.Serializer):
    parameter = serializers.CharField(help_text="Its name in the query.")
    detail = serializers.CharField(help_text="What is wrong and what is understood.")


class InvalidParametersSerializer(ProblemSerializer):
    errors = ParameterErrorSerializer(many=True)  # type: ignore[assignment]  # a field, not Serializer.errors


class PackageChoiceSerializer(serializers.Serializer):
    slug = serializers.SlugField()
    sku = serializers.CharField()
    market_segment = serializers.ChoiceField(MarketSegment.choices)
    provider = serializers.CharField()


class AmbiguousSkuSerializer(ProblemSerializer):
    packages = PackageChoiceSerializer(many=True, help_text="What the SKU may mean.")
