"""Reports for programs of our own: to be read, and to be asked for."""

from http import HTTPStatus
from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.http import HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse, extend_schema, extend_schema_view
from rest_framework.mixins import ListModelMixin, RetrieveModelMixin
from rest_framework.pagination import LimitOffsetPagination
from rest_framework.request import Request
from rest_framework.response import Response

from circletel.core.errors import NotAllowed, Refused
from circletel.core.rest.parameters import ParameterField, between
from circletel.core.rest.problems import Problem
from circletel.core.rest.staff import StaffEndpoint, action_view, refusals
from reconciliation.actions import RUN_NOW
from reconciliation.api.serializers import FullReportSerializer, ReportSerializer, RunSerializer
from reconciliation.models import ReconciliationReport
from reconciliation.reporting import csv_answer

TAGS = ["reconciliation"]


class NotStarted(Problem):
    status_code = HTTPStatus.CONFLICT
    type = "urn:circletel:problem:comparison-not-started"
    title = "The comparison was not started"


class ReportPages(LimitOffsetPagination):
    default_limit, max_limit = 50, 200
    fields = {
        "limit": ParameterField(read=between(1, 200), expected="a whole number from 1 to 200"),
        "offset": ParameterField(read=between(0, 999_999_999), expected="a whole number of 0 or more"),
    }


@extend_schema_view(
    get=extend_schema(
        operation_id="listReconciliationReports",
        summary="List reports",
        description="The latest first, without what they found.",
        tags=TAGS,
        responses={200: ReportSerializer(many=True), **refusals(400, 401, 403)},
    )
)
class ReportListView(ListModelMixin, StaffEndpoint):
    needs = "reconciliation.view_reconciliationreport"
    parameters = ReportPages.fields
    serializer_class = ReportSerializer
    pagination_class = ReportPages

    def get_queryset(self) -> QuerySet[ReconciliationReport]:
        return ReconciliationReport.objects.select_related("job").defer("findings")

    def get(self, request: Request) -> Response:
        return self.list(request)


@extend_schema_view(
    get=extend_schema(
        operation_id="getReconciliationReport",
        summary="One report",
        description="With everything it found then.",
        tags=TAGS,
        responses={200: FullReportSerializer, **refusals(400, 401, 403, 404)},
    )
)
class ReportView(RetrieveModelMixin, StaffEndpoint):
    needs = "reconciliation.view_reconciliationreport"
    serializer_class = FullReportSerializer
    queryset = ReconciliationReport.objects.select_related("job")

    def get(self, request: Request, pk: UUID) -> Response:
        return self.retrieve(request, pk=pk)


class ReportCsvView(StaffEndpoint):
    needs = "reconciliation.view_reconciliationreport"
    queryset = ReconciliationReport.objects.all()

    @extend_schema(
        operation_id="getReconciliationReportAsCsv",
        summary="One report as CSV",
        description="UTF-8 with a header line. No cell can be taken for a formula.",
        tags=TAGS,
        responses={
            (200, "text/csv"): OpenApiResponse(OpenApiTypes.STR, "The findings, one a line."),
            **refusals(400, 401, 403, 404),
        },
    )
    def get(self, request: Request, *args: Any, **kwargs: Any) -> HttpResponseBase:
        return csv_answer(self.get_object())


class RunEndpoint(StaffEndpoint):
    needs = "reconciliation.run_reconciliation"

    def handle_exception(self, exc: Exception) -> Response:
        is_refused = isinstance(exc, Refused) and not isinstance(exc, NotAllowed)
        return super().handle_exception(NotStarted(f"{exc}.") if is_refused else exc)


RunView = action_view(
    RunEndpoint,
    RUN_NOW,
    body=RunSerializer,
    answer=lambda _view, report: ReportSerializer(report).data,
    status=HTTPStatus.ACCEPTED,
    operation_id="runReconciliation",
    summary="Compare now",
    description="A worker compares; the report that is returned fills meanwhile.",
    tags=TAGS,
    responses={202: ReportSerializer, **refusals(400, 401, 403, 409, 415)},
)
