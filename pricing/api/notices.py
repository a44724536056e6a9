"""The notices of one price change over REST, and the proof of them as a file."""

from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.http.response import HttpResponseBase
from django_filters import rest_framework as filters
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.mixins import ListModelMixin
from rest_framework.request import Request
from rest_framework.response import Response

from circletel.core.rest import parameters
from circletel.core.rest.pages import Pages
from circletel.core.rest.parameters import OneOf, Parameter, StrictFilterBackend
from pricing.api.views import REFUSALS, TAG, PriceChangeEndpoint
from pricing.models import NoticeState, PriceNotice
from pricing.notices import evidence


class NoticeFilter(filters.FilterSet):
    state = OneOf("state", NoticeState.values, "What became of it.")
    stage = Parameter(
        "stage_id",
        read=str,
        expected="the code of a stage",
        schema={"type": "string", "examples": ["announcement"]},
        meaning="Which notice.",
    )


class PriceNoticeSerializer(serializers.ModelSerializer):
    stage = serializers.CharField(source="stage_id", read_only=True)
    subscription_id = serializers.CharField(
        source="subscription.subscription_id", read_only=True, help_text="Zoho Billing's id."
    )
    customer_name = serializers.CharField(source="subscription.customer_name", read_only=True)
    text_sha256 = serializers.CharField(
        source="text_hash", read_only=True, help_text="Empty until it was sent."
    )
    sending = serializers.IntegerField(
        source="round", read_only=True, help_text="1, or more when a person had it sent again."
    )

    class Meta:
        model = PriceNotice
        fields = (
            *("id", "stage", "subscription_id", "customer_name", "email", "state", "why", "due_on"),
            *("sending", "text_sha256", "provider_id", "accepted_at", "delivered_at", "bounced_at"),
        )
        read_only_fields = fields


class NoticesEndpoint(PriceChangeEndpoint):
    needs = "pricing.view_pricenotice"
    serializer_class: Any = PriceNoticeSerializer


class NoticeListView(ListModelMixin, NoticesEndpoint):
    filter_backends = [StrictFilterBackend]
    filterset_class = NoticeFilter
    pagination_class = Pages

    def get_queryset(self) -> QuerySet[Any]:
        notices = PriceNotice.objects.filter(change=self.kwargs.get("id"))
        return notices.select_related("subscription").order_by("due_on", "stage", "pk")

    @extend_schema(
        operation_id="listPriceNotices", tags=[TAG], summary="Who was told of a price change, and who was not",
        responses={200: PriceNoticeSerializer(many=True), **REFUSALS},
    )  # fmt: skip
    def get(self, request: Request, id: UUID) -> Response:
        self.change()
        return self.list(request)


class EvidenceView(NoticesEndpoint):
    parameters = {
        "as": parameters.ParameterField(read=parameters.one_of("json", "csv"), expected="json or csv")
    }

    @extend_schema(
        operation_id="getPriceNoticeEvidence", tags=[TAG],
        summary="The proof: recipients, times, provider ids, and each text once for its hash",
        parameters=[OpenApiParameter("as", str, enum=["json", "csv"], default="json", description="The CSV has no texts.")],
        responses={(200, "application/json"): OpenApiResponse(OpenApiTypes.OBJECT), (200, "text/csv"): OpenApiTypes.STR,
                   **REFUSALS},
    )  # fmt: skip
    def get(self, request: Request, id: UUID) -> HttpResponseBase:
        answer = evidence.csv_answer if self.asked["as"] == "csv" else evidence.json_answer
        return answer(self.change())
