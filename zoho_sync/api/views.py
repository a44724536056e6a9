"""The operator's window over REST: how each Zoho record stands, and sending a product again."""

from uuid import UUID

from django.db.models import QuerySet
from django_filters import rest_framework as filters
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from catalogue.models import Product
from circletel.core.actions import Action, perform
from circletel.core.errors import Refused
from circletel.core.rest import parameters
from circletel.core.rest.pages import Pages
from circletel.core.rest.parameters import OneOf, ParameterField, StrictFilterBackend, Words
from circletel.core.rest.staff import refusals
from zoho_sync.actions import RESYNC_BILLING, RESYNC_CRM
from zoho_sync.api.serializers import IntegrationStatusSerializer, ResyncSerializer, SyncRequestSerializer
from zoho_sync.api.staff import NoSuchProduct, RefusedProblem, StaffView
from zoho_sync.models import Kind, ProductIntegration, SyncStatus, System


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


class IntegrationStatusView(StaffView):
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


class SyncView(StaffView):
    """Sends the packages of one product again. The same request within five seconds does it once."""

    needs = "zoho_sync.resync_productintegration"
    parameters = {"force": ParameterField(read=parameters.yes_or_no, expected="true or false")}

    def handle_exception(self, exc: Exception) -> Response:
        return super().handle_exception(RefusedProblem(exc) if isinstance(exc, Refused) else exc)


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
            if not Product.objects.filter(pk=product_id).exists():
                raise NoSuchProduct("No product has this id.")
            done = perform(
                action,
                product_id,
                actor=self.actor,
                force=bool(self.asked["force"]),
                reason=reason,
            )
            return Response(ResyncSerializer(done, many=True).data, status=status.HTTP_202_ACCEPTED)

    return View


SyncCrmView = _sync_view(RESYNC_CRM, "syncProductToCrm", "Send a product to Zoho CRM again")
SyncBillingView = _sync_view(RESYNC_BILLING, "syncProductToBilling", "Send a product to Zoho Billing again")
