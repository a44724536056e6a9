"""Reports for programs of our own: to be read, and to be asked for."""

from http import HTTPStatus
from typing import Any

from django.db.models import QuerySet
from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse, extend_schema, extend_schema_view
from rest_framework import exceptions, generics
from rest_framework.pagination import LimitOffsetPagination
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from catalogue.api.problems import Problem
from catalogue.errors import NotAllowed, Refused
from reconciliation import services
from reconciliation.api.serializers import FullReportSerializer, ReportSerializer, RunSerializer
from reconciliation.models import ReconciliationReport, Scope
from reconciliation.reporting import csv_answer

TAGS = ["reconciliation"]


class NotStarted(Problem):
    status_code = HTTPStatus.CONFLICT
    type = "urn:circletel:problem:comparison-not-started"
    title = "The comparison was not started"


class MaySeeReports(BasePermission):
    def has_permission(self, request: Request, view: Any) -> bool:
        return bool(request.user and request.user.has_perm("reconciliation.view_reconciliationreport"))


class MayRun(BasePermission):
    def has_permission(self, request: Request, view: Any) -> bool:
        return bool(request.user and request.user.has_perm("reconciliation.run_reconciliation"))


class ReportPages(LimitOffsetPagination):
    default_limit, max_limit = 50, 200


@extend_schema_view(
    get=extend_schema(
        summary="List reports", description="The latest first, without what they found.", tags=TAGS
    )
)
class ReportListView(generics.ListAPIView[ReconciliationReport]):
    permission_classes = [MaySeeReports]
    serializer_class = ReportSerializer
    pagination_class = ReportPages
    filter_backends: list[Any] = []

    def get_queryset(self) -> QuerySet[ReconciliationReport]:
        return ReconciliationReport.objects.defer("findings")


@extend_schema_view(
    get=extend_schema(summary="One report", description="With everything it found then.", tags=TAGS)
)
class ReportView(generics.RetrieveAPIView[ReconciliationReport]):
    permission_classes = [MaySeeReports]
    serializer_class = FullReportSerializer
    queryset = ReconciliationReport.objects.all()


class ReportCsvView(generics.GenericAPIView[ReconciliationReport]):
    permission_classes = [MaySeeReports]
    queryset = ReconciliationReport.objects.all()

    @extend_schema(
        summary="One report as CSV",
        description="UTF-8 with a header line. No cell can be taken for a formula.",
        tags=TAGS,
        responses={(200, "text/csv"): OpenApiResponse(OpenApiTypes.STR, "The findings, one a line.")},
    )
    def get(self, request: Request, *args: Any, **kwargs: Any) -> HttpResponse:
        return csv_answer(self.get_object())


class RunView(APIView):
    permission_classes = [MayRun]

    @extend_schema(
        summary="Compare now",
        description="A worker compares; the report that is returned fills meanwhile.",
        tags=TAGS,
        request=RunSerializer,
        responses={202: ReportSerializer},
    )
    def post(self, request: Request) -> Response:
        asked = RunSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        wish = asked.validated_data
        try:
            report = services.request_run(
                Scope(wish["scope"]),
                actor=request.user,  # type: ignore[arg-type]
                only=wish["only"],
            )
        except NotAllowed as refusal:
            raise exceptions.PermissionDenied(str(refusal)) from None
        except Refused as refusal:
            raise NotStarted(f"{refusal}.") from None
        return Response(ReportSerializer(report).data, status=HTTPStatus.ACCEPTED)
