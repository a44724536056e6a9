"""Products as the back office's programs read and write them. Amounts are rand with VAT, as text."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from catalogue.content import HARDWARE_FIELDS, PRICING_FIELDS
from catalogue.editing import COSTS, OWN_FIELDS
from catalogue.models import (
    Product,
    ProductAddOn,
    ProductHardware,
    ProductPricing,
    PublishState,
    ServicePackage,
)
from circletel.core.rest.serializers import Strict, StrictSerializer

# As the query and the answer name them.
PUBLISH_STATES = {state.name.lower(): state for state in PublishState}


class ProductPricingSerializer(Strict, serializers.ModelSerializer[ProductPricing]):
    approved_by = serializers.CharField(source="approved_by.username", read_only=True, allow_null=True)

    class Meta:
        model = ProductPricing
        fields = (*PRICING_FIELDS, "approved_at", "approved_by")
        read_only_fields = ("approved_at",)


class ProductHardwareSerializer(Strict, serializers.ModelSerializer[ProductHardware]):
    """`dealer_cost` is shown to cost viewers only, and only they may set it."""

    class Meta:
        model = ProductHardware
        fields = (*HARDWARE_FIELDS, "dealer_cost")

    def to_representation(self, instance: ProductHardware) -> dict[str, Any]:
        shown = super().to_representation(instance)
        if not self.context["request"].user.has_perm("catalogue.view_costs"):
            for name in COSTS:
                del shown[name]
        return shown


class ProductAddOnSerializer(Strict, serializers.ModelSerializer[ProductAddOn]):
    class Meta:
        model = ProductAddOn
        fields = ("name", "price", "recurring", "categories")


class ProductComponentSerializer(StrictSerializer):
    component = serializers.UUIDField(
        source="component_id", help_text="The id of a product that is no bundle."
    )
    quantity = serializers.IntegerField(default=1, min_value=1, max_value=1000)

    def to_internal_value(self, data: Any) -> Any:
        understood = super().to_internal_value(data)
        return {"component": understood.pop("component_id", None), **understood}


class ProductPackageSerializer(serializers.ModelSerializer[ServicePackage]):
    """What a publish made of the product."""

    class Meta:
        model = ServicePackage
        fields = ("id", "sku", "status", "version")
        read_only_fields = fields


class FeaturesField(serializers.ListField):
    def to_representation(self, data: Any) -> list[str]:
        return [feature.text for feature in data.all()]


class ProductSerializer(Strict, serializers.ModelSerializer[Product]):
    """A product with all its parts. Lists that are given replace what stands there."""

    published = serializers.SerializerMethodField(help_text="What the storefront has of it.")
    created_by = serializers.CharField(source="created_by.username", read_only=True)
    changed_by = serializers.CharField(source="changed_by.username", read_only=True)
    approved_by = serializers.CharField(source="approved_by.username", read_only=True, allow_null=True)
    pricing = ProductPricingSerializer(
        required=False, allow_null=True, help_text="Needed before it is submitted."
    )
    hardware = ProductHardwareSerializer(
        required=False, allow_null=True, help_text="Null when no device comes along."
    )
    features = FeaturesField(
        child=serializers.CharField(max_length=200), required=False, max_length=100,
        help_text="What the customer gets, in the order to show it.",
    )  # fmt: skip
    add_ons = ProductAddOnSerializer(many=True, required=False)
    components = ProductComponentSerializer(
        many=True,
        required=False,
        help_text="What a bundle is made of; empty for any other product.",
    )
    packages = ProductPackageSerializer(many=True, read_only=True, help_text="What publishing made of it.")

    class Meta:
        model = Product
        fields = (
            "id",
            "slug",
            *OWN_FIELDS,
            "status",
            "published",
            "version",
            "rejection_reason",
            "created_at",
            "created_by",
            "changed_at",
            "changed_by",
            "approved_at",
            "approved_by",
            "pricing",
            "hardware",
            "features",
            "add_ons",
            "components",
            "packages",
        )
        read_only_fields = ("id", "slug", "status", "version", "rejection_reason", "created_at", "changed_at", "approved_at")  # fmt: skip

    @extend_schema_field({"type": "string", "enum": list(PUBLISH_STATES)})
    def get_published(self, product: Product) -> str:
        return PublishState(product.publication).name.lower()  # type: ignore[attr-defined]


class ReasonSerializer(StrictSerializer):
    reason = serializers.CharField(
        help_text="Stands in the audit trail; a rejection's is shown to the author."
    )


class PublishedSerializer(serializers.Serializer):
    """What a publish did."""

    package = serializers.UUIDField(source="package.pk")
    created = serializers.BooleanField(help_text="False when a live package was brought up to date.")
    changes = serializers.DictField(help_text="By field: what it said before, and says now.")
    archived = serializers.SerializerMethodField(help_text="Earlier versions that it took the place of.")
    price_waiting = serializers.DecimalField(
        10, 2, allow_null=True,
        help_text="The price the product asks for where the package keeps another: that is for a price change.",
    )  # fmt: skip
    bundles = serializers.ListField(child=serializers.CharField(), help_text="Live bundles that hold it.")
    stranded_bundles = serializers.ListField(
        child=serializers.CharField(), help_text="Live bundles that hold a version archived by it."
    )
    detail = serializers.CharField(source="*", help_text="All of this as a sentence.")

    @extend_schema_field({"type": "array", "items": {"type": "string", "format": "uuid"}})
    def get_archived(self, outcome: Any) -> list[str]:
        return [str(package.pk) for package in outcome.archived]
