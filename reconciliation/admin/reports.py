"""Reports: how it went night by night, and a button to compare now."""

from datetime import datetime
from typing import Any
from uuid import UUID

from django.contrib import admin
from django.db.models import Count, Q
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.decorators import display

from circletel.core.admin.actions import ActionsAdmin
from circletel.core.admin.base import ReadOnlyAdmin, ReadOnlyInline, WithPanel, fragment, section
from circletel.core.admin.jobs import INLINES
from circletel.core.admin.long_lists import LongList
from reconciliation.actions import RUN_NOW
from reconciliation.models import Finding, FindingState, ReconciliationReport, ReportState, Scope
from reconciliation.reporting import csv_answer, json_answer
from reconciliation.services import RUN

STYLE = {"all": ("reconciliation/reconciliation.css",)}
BADGES = {
    "Running": "info",
    "Complete": "success",
    "Incomplete": "warning",
    "Stopped with an alarm": "danger",
}
BARS = 30
MOST_SHOWN = 200


class OfJob(ReadOnlyInline):
    """Below a job's page: what the job is about, with the way there."""

    hide_title = True
    fields = readonly_fields = ("page", "state")

    @display(description="What")
    def page(self, record: Any) -> SafeString:
        name = f"admin:{self.opts.app_label}_{self.opts.model_name}_change"
        return format_html('<a class="home-link" href="{}">{}</a>', reverse(name, args=[record.pk]), record)


class ReportOfJob(OfJob):
    model = ReconciliationReport


INLINES[RUN.name] = (ReportOfJob,)


@admin.register(ReconciliationReport)
class ReconciliationReportAdmin(LongList, WithPanel, ActionsAdmin, ReadOnlyAdmin):
    """One row for each comparison; its page shows what it found then."""

    empty_words = "Compare the catalogue with Zoho: each night by itself, or now with the button above."
    list_display = ("shown_start", "shown_state", "found", "shown_resolved", "calls", "took")
    list_filter = ("state", "scope", "started_at")
    list_select_related = ("job",)
    list_actions = (RUN_NOW,)
    extra_pages = {
        "<uuid:report_id>/progress/": "progress",
        "<uuid:report_id>/csv/": "csv",
        "<uuid:report_id>/json/": "json",
    }
    list_before_template = "admin/reconciliation/trend.html"
    change_form_outer_before_template = "admin/reconciliation/report.html"
    fieldsets = (section(None, ("started_at", "shown_state"), ("calls", "took"), "requested_by", "trouble"),)

    class Media:
        css = STYLE

    @display(description="Begun", ordering="started_at", header=True)
    def shown_start(self, report: ReconciliationReport) -> tuple[str, str]:
        about = ", ".join(report.only) or report.get_scope_display()
        return str(report).partition(", ")[2], about

    @display(description="State", ordering="state", label=BADGES)
    def shown_state(self, report: ReconciliationReport) -> str:
        return report.current_state.label

    @display(description="Requested by")
    def requested_by(self, report: ReconciliationReport) -> str:
        return str((report.job and report.job.requested_by) or "—")

    @display(description="Findings", header=True)
    def found(self, report: ReconciliationReport) -> tuple[str, str]:
        if report.finished_at is None:
            return "…", report.progress
        return str(report.counts.get("findings", 0)), f"{report.counts.get('new', 0)} new"

    @display(description="Resolved")
    def shown_resolved(self, report: ReconciliationReport) -> int:
        return report.counts.get("resolved", 0)

    @display(description="Took")
    def took(self, report: ReconciliationReport) -> str:
        return "—" if report.seconds is None else f"{report.seconds:.1f} s"

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        return super().changelist_view(request, {**(extra_context or {}), "trend": _trend()})

    def panel(self, request: HttpRequest, report: ReconciliationReport) -> str:
        context = {
            "report": report,
            "coverage": [_row(each) for each in report.coverage],
            "findings": report.findings[:MOST_SHOWN],
            "more": max(len(report.findings) - MOST_SHOWN, 0),
            "running": report.current_state == ReportState.RUNNING,
            "urls": {
                name: reverse(f"admin:reconciliation_reconciliationreport_{name}", args=[report.pk])
                for name in ("progress", "csv", "json")
            },
        }
        return render_to_string("admin/reconciliation/panel.html", context, request)

    # --- beside the pages: progress and files

    def progress_view(self, request: HttpRequest, report_id: UUID) -> HttpResponse:
        """The panel of the report's page, which asks for itself while the run goes on."""
        return fragment(self.panel(request, _known(report_id)))

    def csv_view(self, request: HttpRequest, report_id: UUID) -> HttpResponseBase:
        return csv_answer(_known(report_id))

    def json_view(self, request: HttpRequest, report_id: UUID) -> HttpResponseBase:
        return json_answer(_known(report_id))


def _known(key: UUID) -> ReconciliationReport:
    return get_object_or_404(ReconciliationReport, pk=key)


def _row(coverage: dict[str, Any]) -> dict[str, Any]:
    """A line of the table of lists, with the time of the mirror as people read it."""
    if not coverage.get("as_of"):
        return coverage
    as_of = timezone.localtime(datetime.fromisoformat(coverage["as_of"]))
    return {**coverage, "as_of": f"{as_of:%-d %b %Y, %H:%M}"}


def _trend() -> dict[str, Any]:
    """The last full comparisons as bars, and what is open now. Two queries."""
    reports = ReconciliationReport.objects.exclude(state=ReportState.RUNNING).filter(scope=Scope.ALL, only=[])
    rows = list(reports.only("started_at", "state", "counts")[:BARS])[::-1]
    most = max([row.counts.get("findings", 0) for row in rows], default=0) or 1
    bars = [
        {
            "report": row,
            "findings": row.counts.get("findings", 0),
            "percent": round(100 * row.counts.get("findings", 0) / most),
            "incomplete": not row.is_complete,
        }
        for row in rows
    ]
    now = Finding.objects.aggregate(
        new=Count("id", filter=Q(state=FindingState.NEW)),
        still=Count("id", filter=Q(state=FindingState.STILL)),
        ignored=Count("id", filter=Q(state=FindingState.IGNORED)),
    )
    return {"bars": bars, "now": now}
