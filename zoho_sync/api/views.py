"""The operator's window over REST: how each Zoho record stands, and sending a product again."""

from typing import Any
from uuid import UUID

from django.db.models import Q, QuerySet
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
from circletel.core.rest.parameters import ParameterField
from circletel.core.rest.staff import refusals
from zoho_sync.actions import RESYNC_BILLING, RESYNC_CRM
from zoho_sync.api.serializers import IntegrationStatusSerializer, ResyncSerializer, SyncRequestSerializer
from zoho_sync.api.staff import NoSuchProduct, RefusedProblem, StaffView
from zoho_sync.models import ProductIntegration, SyncStatus, System

FILTERS = {
    "system": ParameterField(
        read=parameters.one_of(*System.values), expected=" or ".join(System.values), many=True
    ),
    "status": ParameterField(
        read=parameters.one_of(*SyncStatus.values), expected=", ".join(SyncStatus.values), many=True
    ),
    "search": ParameterField(
        read=parameters.words, expected=f"words, at most {parameters.LONGEST_SEARCH} characters"
    ),
}
SEARCHED = ("remote_key", "remote_id", "last_sync_error", "package__name", "package__sku")


def _parameter(name: str, description: str, **schema: Any) -> OpenApiParameter:
    return OpenApiParameter(name, {"type": "string", **schema}, description=description)


class IntegrationStatusView(StaffView):
    needs = "zoho_sync.view_productintegration"
    pagination_class = Pages
    parameters = {**FILTERS, **Pages.fields}

    @extend_schema(
        operation_id="listIntegrationStatus",
        summary="How each Zoho record stands",
        tags=["operating"],
        parameters=[
            _parameter("system", "Of these systems.", enum=System.values),
            _parameter("status", "In these states.", enum=SyncStatus.values),
            _parameter("search", "Words that must all occur in key, Zoho's id, name, SKU or error."),
            OpenApiParameter("page", OpenApiTypes.INT, description="Which page, from 1."),
            OpenApiParameter("page_size", OpenApiTypes.INT, description="Records a page, up to 200."),
        ],
        responses={200: IntegrationStatusSerializer(many=True), **refusals(400, 401, 403)},
    )
    def get(self, request: Request) -> Response:
        pages = Pages()
        rows = pages.paginate_queryset(_narrowed(self.asked), request, self)
        return pages.get_paginated_response(IntegrationStatusSerializer(rows, many=True).data)


def _narrowed(asked: dict[str, Any]) -> QuerySet[ProductIntegration]:
    rows = ProductIntegration.objects.select_related("package").order_by(
        "package__name", "package_id", "kind"
    )
    if asked.get("system"):
        kinds = Q()
        for system in asked["system"]:
            kinds |= Q(pk__in=ProductIntegration.objects.of_system(System(system)).values("pk"))
        rows = rows.filter(kinds)
    if asked.get("status"):
        rows = rows.filter(status__in=asked["status"])
    for word in asked.get("search") or []:
        anywhere = Q()
        for field in SEARCHED:
            anywhere |= Q(**{f"{field}__icontains": word})
        rows = rows.filter(anywhere)
    return rows


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
            body = SyncRequestSerializer(data=request.data)
            body.is_valid(raise_exception=True)
            if not Product.objects.filter(pk=product_id).exists():
                raise NoSuchProduct("No product has this id.")
            done = perform(
                action,
                product_id,
                actor=self.actor,
                force=bool(self.asked["force"]),
                reason=body.validated_data.get("reason", ""),
            )
            return Response(ResyncSerializer(done, many=True).data, status=status.HTTP_202_ACCEPTED)

    return View


SyncCrmView = _sync_view(RESYNC_CRM, "syncProductToCrm", "Send a product to Zoho CRM again")
SyncBillingView = _sync_view(RESYNC_BILLING, "syncProductToBilling", "Send a product to Zoho Billing again")
