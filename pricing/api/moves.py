"""How subscriptions follow a price change, over REST: their moves, the proof by invoice, what people decide, notices."""

from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.http import StreamingHttpResponse
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
from circletel.core.rest.serializers import StrictSerializer
from circletel.core.rest.staff import StaffEndpoint, action_view
from pricing import deciding, proof
from pricing.actions import DECIDE
from pricing.api.views import REFUSALS, TAG, PriceChangeEndpoint
from pricing.models import Cohort, MoveState, NoticeState, PriceMove, PriceNotice, Verdict
from pricing.notices import evidence


class PriceMoveFilter(filters.FilterSet):
    state = OneOf("state", MoveState.values, "How far the move is.")
    cohort = OneOf("cohort", Cohort.values, "What the change means for the subscription.")
    verdict = OneOf("verdict", Verdict.values, "What its first invoice says.")


class PriceMoveSerializer(serializers.ModelSerializer):
    subscription = serializers.CharField(source="subscription.subscription_id", help_text="Zoho's id.")
    subscription_number = serializers.CharField(source="subscription.number")
    customer = serializers.CharField(source="subscription.customer_name")
    quantity = serializers.IntegerField(source="subscription.quantity")
    billed_wrong = serializers.DecimalField(
        11,
        2,
        read_only=True,
        allow_null=True,
        help_text="invoiced_price − expected_price, a month, of one unit.",
    )

    class Meta:
        model = PriceMove
        fields = (
            *("id", "subscription", "subscription_number", "customer", "quantity"),
            *("cohort", "state", "hold", "why", "price_then", "expected_price", "renewal_on", "lands_on"),
            *("attempts", "next_attempt_at", "scheduled_at", "confirmed_at"),
            *("verdict", "invoice_id", "invoiced_on", "invoiced_price", "expected_total", "invoiced_total"),
            *("billed_wrong", "proved_at", "settled_at", "settled_how"),
        )
        read_only_fields = fields


class ProofSerializer(serializers.Serializer):
    """Cases are the moves that were needed. Rand a month, VAT included, over all units."""

    change = serializers.UUIDField()
    verified_at = serializers.DateTimeField(allow_null=True, help_text="When no case was open any more.")
    cases = serializers.IntegerField()
    right = serializers.IntegerField()
    under = serializers.IntegerField()
    over = serializers.IntegerField()
    unknown = serializers.IntegerField()
    settled = serializers.IntegerField()
    open = serializers.IntegerField()
    under_rand = serializers.DecimalField(14, 2)
    over_rand = serializers.DecimalField(14, 2)


class MovesEndpoint(PriceChangeEndpoint):
    needs = "pricing.view_pricemove"


class PriceMoveListView(ListModelMixin, MovesEndpoint):
    filter_backends = [StrictFilterBackend]
    filterset_class = PriceMoveFilter
    pagination_class = Pages
    serializer_class = PriceMoveSerializer

    def get_queryset(self) -> QuerySet[Any]:
        moves = PriceMove.objects.filter(change=self.kwargs.get("id")).select_related("subscription")
        return moves.order_by("renewal_on", "pk")

    @extend_schema(
        operation_id="listPriceMoves", tags=[TAG], summary="How each subscription follows a price change",
        responses={200: PriceMoveSerializer(many=True), **REFUSALS},
    )  # fmt: skip
    def get(self, request: Request, id: UUID) -> Response:
        self.change()
        return self.list(request)


class ProofView(MovesEndpoint):
    serializer_class = ProofSerializer

    @extend_schema(
        operation_id="getBillingProof", tags=[TAG], summary="What the first invoices after a price change say",
        description="The cases themselves are the moves: narrow them by `verdict`.",
        responses={200: ProofSerializer, **REFUSALS},
    )  # fmt: skip
    def get(self, request: Request, id: UUID) -> Response:
        change = self.change()
        told = {"change": change.pk, "verified_at": change.verified_at, **vars(proof.summary(change))}
        return Response(ProofSerializer(told).data)


class ProofCsvView(MovesEndpoint):
    @extend_schema(
        operation_id="getBillingProofCsv", tags=[TAG], summary="Every case of the billing proof, as CSV",
        responses={(200, "text/csv"): OpenApiResponse(OpenApiTypes.STR, "One line a case."), **REFUSALS},
    )  # fmt: skip
    def get(self, request: Request, id: UUID) -> StreamingHttpResponse:
        return proof.csv_answer(self.change())


class DecisionSerializer(StrictSerializer):
    deed = serializers.ChoiceField(deciding.Deed.choices, help_text="What is decided.")
    reason = serializers.CharField(help_text="Why, for the audit trail; how, where it was settled.")


class MoveEndpoint(StaffEndpoint):
    needs = "pricing.view_pricemove"
    serializer_class = PriceMoveSerializer

    def shown(self, _number: int) -> Any:
        return PriceMoveSerializer(
            PriceMove.objects.select_related("subscription").get(pk=self.kwargs["id"])
        ).data


DecideView = action_view(
    MoveEndpoint,
    DECIDE,
    body=DecisionSerializer,
    answer=MoveEndpoint.shown,
    operation_id="decidePriceMove",
    tags=[TAG],
    summary="Decide about a move that waits for a person",
    description="It holds from now on; the reason stands in the audit trail.",
    responses={200: PriceMoveSerializer, **REFUSALS},
)


# --- notices


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
