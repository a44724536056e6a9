"""The catalogue's part of the REST API for staff: many products at once. Every deed is one of `catalogue.batches`."""

from http import HTTPStatus
from typing import Any
from uuid import UUID

from django.contrib.auth.models import User
from django.http import Http404
from django.urls import reverse
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.generics import GenericAPIView
from rest_framework.parsers import JSONParser
from rest_framework.permissions import BasePermission
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from catalogue import batches
from catalogue.api import staff_examples as examples
from catalogue.api.authentication import authentication_classes
from catalogue.api.idempotency import HEADER, IdempotentPosts
from catalogue.api.parameters import ParameterField, ensure_understood
from catalogue.api.problems import CONTENT_TYPE, Problem
from catalogue.api.serializers import ProblemSerializer
from catalogue.api.views import AlwaysJson
from catalogue.errors import Invalid, NotAllowed, NotReady, Refused
from catalogue.models import Batch, BatchDeed, BatchStatus, ItemState, MarketSegment, Product, ProductStatus
from catalogue.rights import ensure_may

REFUSAL_STATUS: tuple[tuple[type[Refused], HTTPStatus, str, str], ...] = (
    (Invalid, HTTPStatus.BAD_REQUEST, "invalid-body", "Some values cannot be taken over"),
    (NotAllowed, HTTPStatus.FORBIDDEN, "not-allowed", "You may not do this"),
    (NotReady, HTTPStatus.UNPROCESSABLE_ENTITY, "not-ready", "Something is missing or contradictory"),
    (Refused, HTTPStatus.CONFLICT, "wrong-status", "Its status does not admit this"),
)
TAG = "products (staff)"
WHY = {
    400: "The request is not understood; every field or parameter is named.",
    401: "Nobody is logged in, or the token opens nothing.",
    403: "The person, or the token, may not do this.",
    404: "There is nothing at this address.",
    409: "Its status does not admit this.",
    415: "The body is not JSON.",
    422: "Something is missing or contradictory; every reason is told.",
}


def refusals(*statuses: int) -> dict[Any, OpenApiResponse]:
    """For `extend_schema`: these refusals, as problem details."""
    return {
        (status, CONTENT_TYPE): OpenApiResponse(
            StaffProblemSerializer, WHY[status], [examples.problem(status)]
        )
        for status in statuses
    }


REFUSALS = refusals(400, 401, 403, 404, 409)


def refusal_as_problem(refusal: Refused) -> Problem:
    """A refused deed as RFC 9457 problem details, every reason listed."""
    _kind, status, name, title = next(row for row in REFUSAL_STATUS if isinstance(refusal, row[0]))
    problem = Problem(str(refusal), reasons=list(refusal.reasons))
    if isinstance(refusal, Invalid):
        problem.members["errors"] = [
            {"field": path, "detail": text} for path, texts in refusal.errors.items() for text in texts
        ]
    problem.status_code, problem.title = status, title
    problem.type = f"urn:circletel:problem:{name}"
    return problem


class IsStaff(BasePermission):
    """Staff; what they may do is for the services to say."""

    def has_permission(self, request: Request, view: Any) -> bool:
        return bool(request.user and request.user.is_staff)


class StaffErrorSerializer(serializers.Serializer):
    field = serializers.CharField(
        required=False, help_text="Its path in the body, such as pricing.regular_price."
    )
    parameter = serializers.CharField(required=False, help_text="Its name in the query.")
    detail = serializers.CharField(help_text="What is wrong there.")


class StaffProblemSerializer(ProblemSerializer):
    """Problem details (RFC 9457)."""

    errors = StaffErrorSerializer(many=True, required=False)  # type: ignore[assignment]  # a field
    reasons = serializers.ListField(
        child=serializers.CharField(), required=False, help_text="Each reason by itself; detail joins them."
    )


class FilterSerializer(serializers.Serializer):
    """Products by what they are. Given values narrow each other."""

    status = serializers.ChoiceField(ProductStatus.choices, required=False)
    market_segment = serializers.ChoiceField(MarketSegment.choices, required=False)
    provider = serializers.CharField(required=False, help_text="Without regard to case.")
    service_type = serializers.CharField(required=False, help_text="Without regard to case.")
    category = serializers.CharField(required=False, help_text="Without regard to case.")


class SelectionSerializer(serializers.Serializer):
    ids = serializers.ListField(
        child=serializers.UUIDField(), required=False, allow_empty=False, max_length=batches.LARGEST
    )
    filter = FilterSerializer(required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if len(attrs) != 1:
            raise ValidationError("Give either ids or filter.")
        if "filter" in attrs and not attrs["filter"]:
            raise ValidationError(
                {"filter": ["An empty filter would mean every product: name at least one value."]}
            )
        return attrs


class BatchItemSerializer(serializers.Serializer):
    product = serializers.UUIDField(source="product_id")
    state = serializers.ChoiceField(ItemState.choices)
    message = serializers.CharField(help_text="What became of it; empty while it waits.")


class BatchSerializer(serializers.Serializer):
    id = serializers.UUIDField()
    deed = serializers.ChoiceField(BatchDeed.choices)
    status = serializers.ChoiceField(BatchStatus.choices)
    created_at = serializers.DateTimeField()
    finished_at = serializers.DateTimeField(allow_null=True)
    url = serializers.SerializerMethodField(help_text="Ask here how far it is.")
    progress = serializers.SerializerMethodField(help_text="Products in all and by state.")

    def get_url(self, batch: Batch) -> str:
        return reverse("batch-detail", args=[batch.pk])

    def get_progress(self, batch: Batch) -> dict[str, int]:
        return batches.progress(batch)


class BatchDetailSerializer(BatchSerializer):
    items = BatchItemSerializer(many=True)


class StaffEndpoint(IdempotentPosts, GenericAPIView):
    """What every address below /api/admin/ is: for staff, in JSON, each refusal problem details.

    `deed` and `target` name what was tried, so that a refusal can be written down.
    """

    authentication_classes = authentication_classes()
    permission_classes: list[Any] = [IsStaff]
    parser_classes = [JSONParser]
    renderer_classes = [JSONRenderer]
    content_negotiation_class = AlwaysJson
    filter_backends: list[Any] = []
    serializer_class: Any = BatchSerializer

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        # Reads the body while it can be read whole, also for a form that its parser would stream.
        _ = request._request.body
        super().initial(request, *args, **kwargs)
        if not getattr(self, "filterset_class", None):
            self.ensure_parameters(request)
        if request.method == "POST" and HEADER in request.headers:
            self.post = self.done_once(self.post, request)  # type: ignore[attr-defined]

    # What the address understands in its query, where no filter says so.
    parameters: dict[str, ParameterField] = {}

    def ensure_parameters(self, request: Request) -> None:
        """Raises InvalidParameters for anything that is not understood; else `asked` holds the values."""
        self.asked = ensure_understood(request.query_params, self.parameters)

    @property
    def actor(self) -> User:
        assert isinstance(self.request.user, User)  # IsStaff saw them
        return self.request.user

    def handle_exception(self, exc: Exception) -> Response:
        if isinstance(exc, Batch.DoesNotExist):
            exc = Http404("There is no such batch.")
        return super().handle_exception(refusal_as_problem(exc) if isinstance(exc, Refused) else exc)


class BulkPublishView(StaffEndpoint):
    @extend_schema(
        operation_id="bulkPublishProducts",
        tags=[TAG],
        summary="Publish many products",
        description="Starts a batch and returns at once. One product that is refused never stops the others.",
        request=SelectionSerializer,
        responses={202: BatchSerializer, **REFUSALS},
    )
    def post(self, request: Request) -> Response:
        asked = SelectionSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        batch = batches.plan(BatchDeed.PUBLISH, _selected(asked.validated_data), actor=self.actor)
        batch = batches.start(batch.pk, actor=self.actor)
        headers = {"Location": reverse("batch-detail", args=[batch.pk])}
        return Response(BatchSerializer(batch).data, status=HTTPStatus.ACCEPTED, headers=headers)


def _selected(asked: dict[str, Any]) -> list[UUID]:
    if "ids" in asked:
        return list(asked["ids"])
    exact = {"status", "market_segment"}
    conditions = {
        name if name in exact else f"{name}__iexact": value for name, value in asked["filter"].items()
    }
    found = Product.objects.filter(**conditions).order_by("name", "sku")
    return list(found.values_list("pk", flat=True)[: batches.LARGEST + 1])


class BatchView(StaffEndpoint):
    @extend_schema(
        operation_id="getBatch", tags=[TAG], summary="How far a batch is, and what became of each product",
        responses={200: BatchDetailSerializer, **REFUSALS},
    )  # fmt: skip
    def get(self, request: Request, id: UUID) -> Response:
        batch = Batch.objects.prefetch_related("items").get(pk=id)
        if batch.created_by_id != self.actor.pk:
            ensure_may(self.actor, "catalogue.view_batch", "see batches")
        return Response(BatchDetailSerializer(batch).data)


class CancelBatchView(StaffEndpoint):
    @extend_schema(
        operation_id="cancelBatch", tags=[TAG], summary="Leave the products that still wait alone", request=None,
        responses={200: BatchSerializer, **REFUSALS},
    )  # fmt: skip
    def post(self, request: Request, id: UUID) -> Response:
        return Response(BatchSerializer(batches.cancel(id, actor=self.actor)).data)
