"""The operator's window over REST: how each Zoho record stands, and sending a product again."""

from uuid import UUID

from django.db.models import QuerySet
from django_filters import rest_framework as filters
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_field
from rest_framework import serializers, status
from rest_framework.parsers import FormParser, JSONParser, MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from catalogue.models import Product
from circletel.core.actions import Action, perform
from circletel.core.rest import parameters
from circletel.core.rest.pages import Pages
from circletel.core.rest.parameters import OneOf, ParameterField, StrictFilterBackend, Words
from circletel.core.rest.staff import StaffEndpoint, refusals
from zoho_sync.actions import RESYNC_BILLING, RESYNC_CRM
from zoho_sync.models import Kind, ProductIntegration, SyncStatus, System
from zoho_sync.operating.models import SYSTEMS


class IntegrationStatusSerializer(serializers.ModelSerializer):
    """One Zoho record and how it stands."""

    package = serializers.UUIDField(source="package_id")
    product = serializers.UUIDField(source="package.source_admin_product_id")
    sku = serializers.CharField(source="package.sku")
    name = serializers.CharField(source="package.name")
    system = serializers.SerializerMethodField()
    kind = serializers.ChoiceField(Kind.choices)
    status = serializers.ChoiceField(SyncStatus.choices)
    is_in_step = serializers.SerializerMethodField(help_text="Zoho acknowledged exactly what we want.")
    error = serializers.SerializerMethodField()

    class Meta:
        model = ProductIntegration
        fields = [
            "id",
            "package",
            "product",
            "sku",
            "name",
            "system",
            "kind",
            "remote_key",
            "remote_id",
            "status",
            "is_in_step",
            "desired_hash",
            "synced_hash",
            "owed_since",
            "last_synced_at",
            "verified_at",
            "retry_count",
            "last_retry_at",
            "next_retry_at",
            "error",
        ]

    def get_system(self, row: ProductIntegration) -> str:
        return str(Kind(row.kind).system)

    def get_is_in_step(self, row: ProductIntegration) -> bool:
        return bool(row.remote_id) and row.desired_hash == row.synced_hash

    @extend_schema_field({"type": ["object", "null"], "additionalProperties": {}})
    def get_error(self, row: ProductIntegration) -> dict[str, object] | None:
        """Null when the last try went through or none was made."""
        if not row.last_sync_error:
            return None
        details = row.sync_error_details or {}
        return {"class": details.get("class", ""), "message": row.last_sync_error, "details": details}


class ResyncSerializer(serializers.Serializer):
    """What will be sent. Ask integration-status for what became of it."""

    id = serializers.UUIDField()
    package = serializers.UUIDField(source="package_id")
    system = serializers.ChoiceField(SYSTEMS)
    force = serializers.BooleanField()
    reason = serializers.CharField()
    requested_at = serializers.DateTimeField()
    finished_at = serializers.DateTimeField(allow_null=True)
    outcomes = serializers.DictField(
        child=serializers.CharField(), help_text="By kind of record; empty when nothing differed."
    )


class SyncRequestSerializer(serializers.Serializer):
    reason = serializers.CharField(required=False, allow_blank=True, max_length=2000)


class Systems(OneOf):
    def filter(self, qs: QuerySet, value: list[str] | None) -> QuerySet:
        kinds = [kind for kind in Kind if kind.system in (value or ())]
        return qs.filter(kind__in=kinds) if value else qs


class IntegrationStatusFilter(filters.FilterSet):
    system = Systems("kind", System.values, "Of these systems.")
    status = OneOf("status", SyncStatus.values, "In these states.")
    search = Words(
        ("remote_key", "remote_id", "last_sync_error", "package__name", "package__sku"),
        "Words that must all occur in key, Zoho's id, name, SKU or error.",
        example="fibre 100",
    )

    class Meta:
        model = ProductIntegration
        fields: list[str] = []


class IntegrationStatusView(StaffEndpoint):
    """Each Zoho record of each package: what is pending, and what went wrong last."""

    needs = "zoho_sync.view_productintegration"
    queryset = ProductIntegration.objects.select_related("package").order_by(
        "package__name", "package_id", "kind"
    )
    filter_backends = [StrictFilterBackend]
    filterset_class = IntegrationStatusFilter
    pagination_class = Pages
    serializer_class = IntegrationStatusSerializer

    @extend_schema(
        operation_id="listIntegrationStatus",
        summary="How each Zoho record stands",
        tags=["operating"],
        responses={200: IntegrationStatusSerializer(many=True), **refusals(400, 401, 403)},
    )
    def get(self, request: Request) -> Response:
        page = self.paginate_queryset(self.filter_queryset(self.get_queryset()))
        return self.get_paginated_response(IntegrationStatusSerializer(page, many=True).data)


class SyncView(StaffEndpoint):
    """Sends the packages of one product again. The same request within five seconds does it once."""

    needs = "zoho_sync.resync_productintegration"
    parameters = {"force": ParameterField(read=parameters.yes_or_no, expected="true or false")}

    # Also for clients that send a POST without a body as an empty form.
    parser_classes = [JSONParser, FormParser, MultiPartParser]
    model = Product


def _sync_view(action: Action, operation_id: str, summary: str) -> type[SyncView]:
    class View(SyncView):
        @extend_schema(
            operation_id=operation_id,
            summary=summary,
            description=SyncView.__doc__,
            tags=["operating"],
            request=SyncRequestSerializer,
            parameters=[
                OpenApiParameter(
                    "force",
                    OpenApiTypes.BOOL,
                    description="Everything, not only what differs. Needs a reason.",
                )
            ],
            responses={
                202: ResyncSerializer(many=True),
                **refusals(400, 401, 403, 404, 409, 415, 422),
            },
        )
        def post(self, request: Request, product_id: UUID) -> Response:
            reason = self.understood(SyncRequestSerializer).validated_data.get("reason", "")
            product = Product.objects.only("pk").get(pk=product_id)
            done = perform(
                action, product.pk, actor=self.actor, force=bool(self.asked["force"]), reason=reason
            )
            return Response(ResyncSerializer(done, many=True).data, status=status.HTTP_202_ACCEPTED)

    return View


SyncCrmView = _sync_view(RESYNC_CRM, "syncProductToCrm", "Send a product to Zoho CRM again")
SyncBillingView = _sync_view(RESYNC_BILLING, "syncProductToBilling", "Send a product to Zoho Billing again")
