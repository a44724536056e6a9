"""What the storefront is measured beside: the same answer by a plain DRF ModelViewSet, and a constant."""

from decimal import Decimal
from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import include, path
from django.utils import timezone
from django_filters.rest_framework import DjangoFilterBackend
from rest_framework import serializers, viewsets
from rest_framework.pagination import PageNumberPagination
from rest_framework.permissions import AllowAny
from rest_framework.routers import SimpleRouter

from catalogue.models import ServicePackage, excluding_vat, vat_rate_today
from circletel.urls import urlpatterns as ours


class Amount(serializers.Serializer):
    including_vat = serializers.DecimalField(10, 2)
    vat = serializers.DecimalField(10, 2)
    excluding_vat = serializers.DecimalField(10, 2)

    def to_representation(self, instance: Any) -> dict[str, Any]:
        including = Decimal(instance)
        excluding = excluding_vat(including, self.context["vat_rate"])
        return super().to_representation(
            {"including_vat": including, "vat": including - excluding, "excluding_vat": excluding}
        )


class Promotion(serializers.Serializer):
    price = Amount()
    months = serializers.IntegerField()
    until = serializers.DateField()


class Hardware(serializers.Serializer):
    model = serializers.CharField(source="hardware_model")
    included = serializers.BooleanField(source="hardware_included")
    price = Amount(source="hardware_price")


class AddOn(serializers.Serializer):
    name = serializers.CharField()
    price = Amount()
    recurring = serializers.BooleanField()
    categories = serializers.ListField(default=list)


class PackageSerializer(serializers.ModelSerializer):
    add_ons = AddOn(many=True)
    bundle = serializers.SerializerMethodField()
    hardware = serializers.SerializerMethodField()
    price = Amount(source="current_price")
    promotion = serializers.SerializerMethodField()
    installation_fee = Amount(allow_null=True)
    discounted_installation_fee = Amount(allow_null=True)
    currency = serializers.ReadOnlyField(default="ZAR")
    valid_to = serializers.DateTimeField(source="sale_ends")

    class Meta:
        model = ServicePackage
        fields = [
            "id", "sku", "slug", "name", "service_type", "category", "technology", "market_segment", "provider",
            "speed_down_mbps", "speed_up_mbps", "data_limit", "contract_months", "description", "features",
            "add_ons", "bundle", "hardware", "price", "promotion", "installation_fee",
            "discounted_installation_fee", "installation_days", "zones", "featured", "popular", "currency",
            "valid_from", "valid_to",
        ]  # fmt: skip

    def get_bundle(self, package: ServicePackage) -> None:
        return None  # none is in the measured catalogue

    def get_hardware(self, package: ServicePackage) -> Any:
        return Hardware(package, context=self.context).data if package.hardware_model else None

    def get_promotion(self, package: ServicePackage) -> Any:
        price = package.promotion_price_at(timezone.now())
        if price is None:
            return None
        values = {"price": price, "months": package.promotion_months, "until": package.promotion_to}
        return Promotion(values, context=self.context).data


class Pages(PageNumberPagination):
    page_size = 20


class PlainPackages(viewsets.ReadOnlyModelViewSet):
    """What one would write on the first day."""

    authentication_classes: list[Any] = []
    permission_classes = [AllowAny]
    serializer_class = PackageSerializer
    pagination_class = Pages
    filter_backends = [DjangoFilterBackend]
    filterset_fields = ["market_segment", "provider"]
    lookup_field = "slug"

    def get_queryset(self) -> QuerySet[ServicePackage]:
        return ServicePackage.objects.on_sale(timezone.now()).order_by("name", "contract_months", "id")

    def get_serializer_context(self) -> dict[str, Any]:
        return {**super().get_serializer_context(), "vat_rate": vat_rate_today()}


def constant(_request: HttpRequest) -> HttpResponse:
    return HttpResponse(b'{"ok":true}', content_type="application/json")


router = SimpleRouter()
router.register("packages", PlainPackages, basename="plain")
urlpatterns = [path("plain/", include(router.urls)), path("floor", constant), *ours]
