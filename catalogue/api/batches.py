"""Many products at once, over REST. Each is a bulk job of `catalogue.batches`."""

from http import HTTPStatus
from typing import Any
from uuid import UUID

from django.db.models import prefetch_related_objects
from django.http import Http404
from django.urls import reverse
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from catalogue import batches
from catalogue.actions import PUBLISH
from catalogue.models import BatchStatus, ItemState, MarketSegment, Product, ProductStatus
from circletel.core import jobs
from circletel.core.models import Job
from circletel.core.rest.serializers import StrictSerializer
from circletel.core.rest.staff import StaffEndpoint, refusals
from circletel.core.rights import ensure_may

TAG = "products"


class FilterSerializer(StrictSerializer):
    """Products by what they are. Given values narrow each other."""

    status = serializers.ChoiceField(ProductStatus.choices, required=False)
    market_segment = serializers.ChoiceField(MarketSegment.choices, required=False)
    provider = serializers.CharField(required=False, help_text="Without regard to case.")
    service_type = serializers.CharField(required=False, help_text="Without regard to case.")
    category = serializers.CharField(required=False, help_text="Without regard to case.")


class SelectionSerializer(StrictSerializer):
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
    state = serializers.ChoiceField(ItemState.choices, source="shown_state")
    message = serializers.CharField(help_text="What became of it; empty while it waits.")


class BatchSerializer(serializers.Serializer):
    id = serializers.UUIDField()
    deed = serializers.SerializerMethodField()
    status = serializers.SerializerMethodField()
    created_at = serializers.DateTimeField(source="requested_at")
    finished_at = serializers.DateTimeField(allow_null=True)
    url = serializers.SerializerMethodField(help_text="Ask here how far it is.")
    progress = serializers.SerializerMethodField(help_text="Products in all and by state.")

    @extend_schema_field(serializers.ChoiceField(list(batches.KINDS)))
    def get_deed(self, job: Job) -> str:
        return batches.deed_of(job)

    @extend_schema_field(serializers.ChoiceField(BatchStatus.choices))
    def get_status(self, job: Job) -> str:
        return batches.status_of(job)

    def get_url(self, job: Job) -> str:
        return reverse("batch-detail", args=[job.pk])

    def get_progress(self, job: Job) -> dict[str, int]:
        return batches.progress(job)


class BatchDetailSerializer(BatchSerializer):
    items = BatchItemSerializer(many=True)


class BatchEndpoint(StaffEndpoint):
    serializer_class: Any = BatchSerializer

    def handle_exception(self, exc: Exception) -> Response:
        return super().handle_exception(
            Http404("There is no such batch.") if isinstance(exc, Job.DoesNotExist) else exc
        )


class BulkPublishView(BatchEndpoint):
    @extend_schema(
        operation_id="bulkPublishProducts",
        tags=[TAG],
        summary="Publish many products",
        description="Starts a batch and returns at once. One product that is refused never stops the others.",
        request=SelectionSerializer,
        responses={202: BatchSerializer, **refusals(400, 401, 403, 409, 415)},
    )
    def post(self, request: Request) -> Response:
        asked = SelectionSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        job = batches.plan(PUBLISH.audit_name, _selected(asked.validated_data), actor=self.actor)
        job = jobs.start(job.pk, actor=self.actor)
        headers = {"Location": reverse("batch-detail", args=[job.pk])}
        return Response(BatchSerializer(job).data, status=HTTPStatus.ACCEPTED, headers=headers)


def _selected(asked: dict[str, Any]) -> list[UUID]:
    if "ids" in asked:
        return list(asked["ids"])
    exact = {"status", "market_segment"}
    conditions = {
        name if name in exact else f"{name}__iexact": value for name, value in asked["filter"].items()
    }
    found = Product.objects.filter(**conditions).order_by("name", "sku")
    return list(found.values_list("pk", flat=True)[: batches.LARGEST + 1])


class BatchView(BatchEndpoint):
    @extend_schema(
        operation_id="getBatch", tags=[TAG], summary="How far a batch is, and what became of each product",
        responses={200: BatchDetailSerializer, **refusals(400, 401, 403, 404)},
    )  # fmt: skip
    def get(self, request: Request, id: UUID) -> Response:
        job = batches.find(id)
        if job.requested_by_id != self.actor.pk:
            ensure_may(self.actor, "core.view_job", "see the jobs of others")
        prefetch_related_objects([job], "items")
        return Response(BatchDetailSerializer(job).data)


class CancelBatchView(BatchEndpoint):
    @extend_schema(
        operation_id="cancelBatch", tags=[TAG], summary="Leave the products that still wait alone", request=None,
        responses={200: BatchSerializer, **refusals(400, 401, 403, 404, 409)},
    )  # fmt: skip
    def post(self, request: Request, id: UUID) -> Response:
        return Response(BatchSerializer(jobs.cancel(batches.find(id).pk, actor=self.actor)).data)
