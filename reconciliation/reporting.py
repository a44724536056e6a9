"""A report as a file."""

import json
from typing import Any

from django.http import HttpResponse
from django.utils import timezone

from reconciliation.export import as_csv
from reconciliation.models import ReconciliationReport


def as_document(report: ReconciliationReport) -> dict[str, Any]:
    """The same JSON that `manage.py reconcile --json` writes."""
    return {
        "complete": report.is_complete,
        "counts": report.counts,
        "calls": report.calls,
        "findings": report.findings,
    }


def csv_answer(report: ReconciliationReport) -> HttpResponse:
    # The mark tells spreadsheets that it is UTF-8.
    return _file("\ufeff" + as_csv(report.findings), "text/csv; charset=utf-8", report, "csv")


def json_answer(report: ReconciliationReport) -> HttpResponse:
    text = json.dumps(as_document(report), ensure_ascii=False, indent=2)
    return _file(text, "application/json", report, "json")


def _file(text: str, type: str, report: ReconciliationReport, ending: str) -> HttpResponse:
    response = HttpResponse(text, content_type=type)
    name = f"reconciliation-{timezone.localtime(report.started_at):%Y-%m-%d-%H%M}.{ending}"
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response
