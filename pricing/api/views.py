"""Price changes over REST, for staff and the programs of the back office. Every deed is one of `pricing.services`."""

from http import HTTPStatus
from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.http import Http404
from drf_spectacular.utils import extend_schema
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.response import Response

from circletel.core.errors import Refused
from circletel.core.rest.filters import StrictFilterBackend
from circletel.core.rest.pages import Pages
from circletel.core.rest.staff import StaffEndpoint, refusals
from pricing import services
from pricing.api.filters import PriceChangeFilter
from pricing.api.serializers import (
    CancellationSerializer,
    EmptySerializer,
    ImpactSerializer,
    NewPriceChangeSerializer,
    PriceChangeSerializer,
    WishSerializer,
)
from pricing.impact import impact_of
from pricing.models import PriceChange

TAG = "price changes (staff)"
REFUSALS = refusals(400, 401, 403, 404, 409, 415, 422)


class MayView(BasePermission):
    """Staff who may see price changes; what else they may do is for the services to say."""

    def has_permission(self, request: Request, view: Any) -> bool:
        return bool(request.user.is_staff and request.user.has_perm("pricing.view_pricechange"))


class PriceChangeEndpoint(StaffEndpoint):
    permission_classes = [MayView]
    serializer_class: Any = PriceChangeSerializer
    deed = ""

    def get_queryset(self) -> QuerySet[PriceChange]:
        return PriceChange.objects.select_related(
            "package", "created_by", "changed_by", "approved_by", "cancelled_by"
        ).order_by("-created_at", "pk")

    def handle_exception(self, exc: Exception) -> Response:
        """A refusal is written down, then told; the deed itself was undone before."""
        if isinstance(exc, PriceChange.DoesNotExist):
            exc = Http404("There is no such price change.")
        if isinstance(exc, Refused) and "id" in self.kwargs:
            services.record_refusal(self.deed, self.kwargs["id"], actor=self.actor, refusal=exc)
        return super().handle_exception(exc)

    def understood(self, serializer_class: type, request: Request) -> Any:
        serializer = serializer_class(data=request.data)
        serializer.is_valid(raise_exception=True)
        return serializer

    def answer(self, change: PriceChange, status: int = HTTPStatus.OK) -> Response:
        """As the database has it, with what it computes."""
        found = self.get_queryset().get(pk=change.pk)
        return Response(PriceChangeSerializer(found).data, status=status)


class PriceChangeListView(PriceChangeEndpoint):
    filter_backends = [StrictFilterBackend]
    filterset_class = PriceChangeFilter
    pagination_class = Pages

    @extend_schema(
        operation_id="listPriceChanges", tags=[TAG], summary="Price changes, the newest first",
        responses={200: PriceChangeSerializer(many=True), **REFUSALS},
    )  # fmt: skip
    def get(self, request: Request) -> Response:
        page = self.paginate_queryset(self.filter_queryset(self.get_queryset()))
        return self.get_paginated_response(PriceChangeSerializer(page, many=True).data)

    @extend_schema(
        operation_id="createPriceChange", tags=[TAG], summary="Draft a price change",
        request=NewPriceChangeSerializer, responses={201: PriceChangeSerializer, **REFUSALS},
    )  # fmt: skip
    def post(self, request: Request) -> Response:
        asked = self.understood(NewPriceChangeSerializer, request)
        package_id = asked.validated_data["package"]
        change = services.create_price_change(package_id, asked.wish(), actor=self.actor)
        return self.answer(change, HTTPStatus.CREATED)


class PriceChangeView(PriceChangeEndpoint):
    @extend_schema(
        operation_id="getPriceChange", tags=[TAG], summary="One price change",
        responses={200: PriceChangeSerializer, **REFUSALS},
    )  # fmt: skip
    def get(self, request: Request, id: UUID) -> Response:
        return Response(PriceChangeSerializer(self.get_queryset().get(pk=id)).data)

    @extend_schema(
        operation_id="editPriceChange", tags=[TAG], summary="Rewrite a draft",
        request=WishSerializer, responses={200: PriceChangeSerializer, **REFUSALS},
    )  # fmt: skip
    def put(self, request: Request, id: UUID) -> Response:
        self.deed = "edit price change"
        wish = self.understood(WishSerializer, request).wish()
        return self.answer(services.edit_price_change(id, wish, actor=self.actor))

    @extend_schema(
        operation_id="deletePriceChange", tags=[TAG], summary="Throw a draft away",
        responses={204: None, **REFUSALS},
    )  # fmt: skip
    def delete(self, request: Request, id: UUID) -> Response:
        self.deed = "delete price change"
        services.delete_price_change(id, actor=self.actor)
        return Response(status=HTTPStatus.NO_CONTENT)


class ImpactView(PriceChangeEndpoint):
    deed = "see the impact of price change"
    serializer_class = ImpactSerializer

    @extend_schema(
        operation_id="getPriceChangeImpact", tags=[TAG], summary="What it would do, as the mirror of Zoho stands",
        responses={200: ImpactSerializer, **REFUSALS},
    )  # fmt: skip
    def get(self, request: Request, id: UUID) -> Response:
        return Response(ImpactSerializer(impact_of(id, actor=self.actor)).data)


class PublishView(PriceChangeEndpoint):
    deed = "publish price change"

    @extend_schema(
        operation_id="publishPriceChange", tags=[TAG], summary="Publish a draft that somebody else made",
        request=None, responses={200: PriceChangeSerializer, **REFUSALS},
    )  # fmt: skip
    def post(self, request: Request, id: UUID) -> Response:
        self.understood(EmptySerializer, request)
        return self.answer(services.publish_price_change(id, actor=self.actor))


class CancelView(PriceChangeEndpoint):
    deed = "cancel price change"

    @extend_schema(
        operation_id="cancelPriceChange", tags=[TAG], summary="Cancel it before its effective date",
        request=CancellationSerializer, responses={200: PriceChangeSerializer, **REFUSALS},
    )  # fmt: skip
    def post(self, request: Request, id: UUID) -> Response:
        reason = self.understood(CancellationSerializer, request).validated_data["reason"]
        return self.answer(services.cancel_price_change(id, actor=self.actor, reason=reason))


class AmendView(PriceChangeEndpoint):
    deed = "amend price change"

    @extend_schema(
        operation_id="amendPriceChange", tags=[TAG], summary="Cancel a published change for a new draft",
        request=WishSerializer, responses={201: PriceChangeSerializer, **REFUSALS},
    )  # fmt: skip
    def post(self, request: Request, id: UUID) -> Response:
        wish = self.understood(WishSerializer, request).wish()
        return self.answer(services.amend_price_change(id, wish, actor=self.actor), HTTPStatus.CREATED)
