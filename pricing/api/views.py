"""Price changes over REST, for staff and the programs of the back office. Actions: `pricing.actions`."""

from contextlib import AbstractContextManager
from datetime import date
from http import HTTPStatus
from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django_filters import rest_framework as filters
from drf_spectacular.utils import extend_schema
from rest_framework.mixins import ListModelMixin
from rest_framework.request import Request
from rest_framework.response import Response

from circletel.core.actions import Action, refusal_recorded
from circletel.core.rest.pages import Pages
from circletel.core.rest.parameters import OneOf, Parameter, StrictFilterBackend
from circletel.core.rest.staff import StaffEndpoint, action_view, refusals
from pricing import services
from pricing.actions import AMEND, CANCEL, PUBLISH
from pricing.api.serializers import (
    CancellationSerializer,
    ImpactSerializer,
    NewPriceChangeSerializer,
    PriceChangeSerializer,
    WishSerializer,
)
from pricing.impact import impact_of
from pricing.models import PriceChange, PriceChangeStatus

TAG = "price changes (staff)"
REFUSALS = refusals(400, 401, 403, 404, 409, 415, 422)


class Day(Parameter):
    def __init__(self, field_name: str, lookup_expr: str, meaning: str) -> None:
        super().__init__(
            field_name,
            lookup_expr,
            read=date.fromisoformat,
            expected="a day in South Africa, such as 2027-05-01",
            schema={"type": "string", "format": "date", "examples": ["2027-05-01"]},
            meaning=meaning,
        )


class PriceChangeFilter(filters.FilterSet):
    status = OneOf("status", PriceChangeStatus.values, "How far it is.")
    package = Parameter(
        "package_id",
        read=UUID,
        expected="the id of a package",
        schema={"type": "string", "format": "uuid"},
        meaning="Whose price changes.",
    )
    effective_from = Day("effective_date", "gte", "Effective on that day or later.")
    effective_to = Day("effective_date", "lte", "Effective on that day or earlier.")
    published_from = Day("published_at", "date__gte", "Published on that day or later.")
    published_to = Day("published_at", "date__lte", "Published on that day or earlier.")


class PriceChangeEndpoint(StaffEndpoint):
    needs = "pricing.view_pricechange"
    model = PriceChange
    serializer_class: Any = PriceChangeSerializer

    def get_queryset(self) -> QuerySet[PriceChange]:
        return PriceChange.objects.select_related(
            "package", "created_by", "changed_by", "approved_by", "cancelled_by"
        ).order_by("-created_at", "pk")

    def change(self) -> PriceChange:
        """The one of the address. Raises PriceChange.DoesNotExist."""
        return PriceChange.objects.select_related("package").get(pk=self.kwargs["id"])

    def shown(self, change: PriceChange) -> Any:
        """As the database has it, with what it computes."""
        return PriceChangeSerializer(self.get_queryset().get(pk=change.pk)).data

    def refusal_recorded(self, name: str) -> AbstractContextManager[None]:
        return refusal_recorded(name, PriceChange, self.kwargs["id"], actor=self.actor)


class PriceChangeListView(ListModelMixin, PriceChangeEndpoint):
    filter_backends = [StrictFilterBackend]
    filterset_class = PriceChangeFilter
    pagination_class = Pages

    @extend_schema(
        operation_id="listPriceChanges", tags=[TAG], summary="Price changes, the newest first",
        responses={200: PriceChangeSerializer(many=True), **REFUSALS},
    )  # fmt: skip
    def get(self, request: Request) -> Response:
        return self.list(request)

    @extend_schema(
        operation_id="createPriceChange", tags=[TAG], summary="Draft a price change",
        request=NewPriceChangeSerializer, responses={201: PriceChangeSerializer, **REFUSALS},
    )  # fmt: skip
    def post(self, request: Request) -> Response:
        asked = self.understood(NewPriceChangeSerializer)
        package_id = asked.validated_data["package"]
        change = services.create_price_change(package_id, asked.wish(), actor=self.actor)
        return Response(self.shown(change), status=HTTPStatus.CREATED)


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
        wish = self.understood(WishSerializer).wish()
        with self.refusal_recorded("edit price change"):
            return Response(self.shown(services.edit_price_change(id, wish, actor=self.actor)))

    @extend_schema(
        operation_id="deletePriceChange", tags=[TAG], summary="Throw a draft away",
        responses={204: None, **REFUSALS},
    )  # fmt: skip
    def delete(self, request: Request, id: UUID) -> Response:
        with self.refusal_recorded("delete price change"):
            services.delete_price_change(id, actor=self.actor)
        return Response(status=HTTPStatus.NO_CONTENT)


class ImpactView(PriceChangeEndpoint):
    serializer_class = ImpactSerializer

    @extend_schema(
        operation_id="getPriceChangeImpact", tags=[TAG], summary="What it would do, as the mirror of Zoho stands",
        responses={200: ImpactSerializer, **REFUSALS},
    )  # fmt: skip
    def get(self, request: Request, id: UUID) -> Response:
        with self.refusal_recorded("see the impact of price change"):
            return Response(ImpactSerializer(impact_of(id, actor=self.actor)).data)


def _view(action: Action, operation_id: str, summary: str, **more: Any) -> type[Any]:
    """The view of an action that answers with the price change it returns."""
    told: dict[str, Any] = {
        "answer": PriceChangeEndpoint.shown,
        "responses": {200: PriceChangeSerializer, **REFUSALS},
    }
    return action_view(
        PriceChangeEndpoint, action, operation_id=operation_id, summary=summary, tags=[TAG], **(told | more)
    )


PublishView = _view(PUBLISH, "publishPriceChange", "Publish a draft that somebody else made")
CancelView = _view(
    CANCEL, "cancelPriceChange", "Cancel it before its effective date", body=CancellationSerializer
)
AmendView = _view(
    AMEND,
    "amendPriceChange",
    "Cancel a published change for a new draft",
    body=WishSerializer,
    status=HTTPStatus.CREATED,
    responses={201: PriceChangeSerializer, **REFUSALS},
)
