"""The operator's part of the home page: what is owed and fails, price changes, the last comparison, jobs, the trend.

The small lists come as rows of text and numbers, so that one round trip brings them all.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.db.models import Case, Count, F, QuerySet, Sum, When, Window
from django.db.models.functions import Coalesce, Greatest
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode

from circletel.core.amounts import rand
from circletel.core.jobs.scheduled import Scheduled, schedule
from pricing.models import PriceChange, PriceChangeStatus
from reconciliation.models import Finding, FindingState, ReconciliationReport, ReportState, Scope
from zoho_sync.connection.http import CREDITS_OF_A_QUERY
from zoho_sync.models import Kind, ProductIntegration, System, ZohoSyncLog
from zoho_sync.operating.alerts import open_alerts
from zoho_sync.operating.models import Channel, DailyFigures, DeliveryState
from zoho_sync.operating.outbox import failing_channels

Row = dict[str, Any]
TREND_DAYS = 30
FAILING_CALLS = 5
MOST_ALERTS = 10
MOST_CHANGES = 8
TONES = {ReportState.ALARM: "trouble", ReportState.INCOMPLETE: "attention", ReportState.COMPLETE: "good"}
LINES = (
    ("owed", "Owed", "#3b82f6", "y"),
    ("failed", "Failed", "#f59e0b", "y"),
    ("dead", "Needs a person", "#dc2626", "y"),
    ("in_step", "In step (right scale)", "#16a34a", "right"),
)
SCALES = {
    "responsive": True,
    "maintainAspectRatio": False,
    "scales": {
        "x": {"grid": {"display": False}},
        "y": {"grid": {}, "beginAtZero": True, "ticks": {"precision": 0}},
        "right": {
            "position": "right",
            "beginAtZero": True,
            "grid": {"drawOnChartArea": False},
            "ticks": {"precision": 0},
        },
    },
}


@dataclass(frozen=True)
class Usage:
    """Calls or credits of one system in the last 24 hours. `left` is never below 0."""

    system: System
    used: int
    left: int
    unit: str

    @property
    def tone(self) -> str:
        return "trouble" if not self.left else "attention" if self.left < self.used / 9 else ""


def lists_for(may: Any) -> dict[str, QuerySet[Any, Any]]:
    """The small lists this person may see, to be read in one round trip."""
    found: dict[str, QuerySet[Any, Any]] = {}
    if may("zoho_sync.view_productintegration"):
        found["oldest"] = (
            ProductIntegration.objects.owed()
            .annotate(since=Coalesce("owed_since", "changed_at"))
            .order_by("owed_since", "pk")
            .values("id", "kind", "remote_key", "since")[:1]
        )
        found["trend"] = (
            DailyFigures.objects.filter(day__gt=timezone.localdate() - timedelta(days=TREND_DAYS))
            .order_by("day")
            .values("day", "system", "in_step", "owed", "failed", "dead")
        )
    if may("zoho_sync.view_zohosynclog"):
        calls = ZohoSyncLog.objects.order_by("-at").exclude(error_class="")
        found["failing"] = calls.values("id", "at", "method", "path", "error_class", "error")[:FAILING_CALLS]
        found["usage"] = calls_of_the_day()
    if may("zoho_sync.view_alert"):
        found["alerts"] = (
            open_alerts().order_by("-opened_at").values("id", "title", "state", "opened_at")[:MOST_ALERTS]
        )
        found["channels"] = failing_channels().values("channel", "last_error", "attempts")[:MOST_ALERTS]
    if may("pricing.view_pricechange"):
        found["changes"] = (
            PriceChange.objects.open()
            .annotate(number=Window(Count("pk")))
            # Those with a day first, the nearest before the others; then drafts.
            .order_by("-status", F("effective_date").asc(nulls_last=True), "created_at")
            .values(
                "id", "old_price", "new_price", "status", "effective_date", "problem", "number",
                name=F("package__name"),
            )[:MOST_CHANGES]
        )  # fmt: skip
    if may("reconciliation.view_reconciliationreport"):
        # Those of each hour would hide the one of the night.
        reports = ReconciliationReport.objects.exclude(scope=Scope.CRM, job__requested_by=None)
        found["comparison"] = reports.order_by("-started_at").values(
            "id", "scope", "state", "started_at", "finished_at", "trouble"
        )[:1]
    if may("reconciliation.view_finding"):
        found["findings"] = Finding.objects.open().order_by().values("state").annotate(number=Count("pk"))
    return found


def calls_of_the_day() -> QuerySet[Any, Any]:
    """Calls and CRM credits of the last 24 hours by system, for `usage`."""
    return (
        ZohoSyncLog.objects.filter(at__gte=timezone.now() - timedelta(days=1))
        .order_by()
        .values("system")
        # As the budget counts them: a credit for each ten records written, at least one for a call, three for a query.
        .annotate(
            calls=Count("id"),
            credits=Sum(
                Case(
                    When(path__endswith="/coql", then=CREDITS_OF_A_QUERY),
                    default=Greatest((F("records") + 9) / 10, 1),
                )
            ),
        )
    )


def operations(read: dict[str, list[Row]], may: Any) -> dict[str, Any]:
    """The parts of the page made of what `lists_for` read, and the schedule in one query more."""
    parts: dict[str, Any] = {}
    if "oldest" in read:
        parts["oldest_owed"] = next(
            (one | {"kind": Kind(one["kind"]).label} for one in _with_times(read["oldest"], "since")), None
        )
        parts["trends"] = list(_trends(read["trend"]))
    if "failing" in read:
        parts["failing_calls"] = _with_times(read["failing"], "at")
        parts["usage"] = list(usage(read["usage"]))
        parts["calls_url"] = reverse("admin:zoho_sync_zohosynclog_changelist")
    if "alerts" in read:
        parts["alerts"] = _with_times(read["alerts"], "opened_at")
        parts["alerts_url"] = reverse("admin:zoho_sync_alert_changelist")
        parts["failing_channels"] = list(_channels(read["channels"]))
        failed = urlencode({"state__exact": DeliveryState.FAILED})
        parts["messages_url"] = f"{reverse('admin:zoho_sync_alertdelivery_changelist')}?{failed}"
    if "changes" in read:
        parts["changes"] = [_change(one) for one in read["changes"]]
        parts["changes_number"] = read["changes"][0]["number"] if read["changes"] else 0
        still_open = urlencode({"status__in": f"{PriceChangeStatus.DRAFT},{PriceChangeStatus.PUBLISHED}"})
        parts["changes_url"] = f"{reverse('admin:pricing_pricechange_changelist')}?{still_open}"
    if "comparison" in read:
        parts["comparison"] = next(map(_comparison, read["comparison"]), None)
        parts["comparisons_url"] = reverse("admin:reconciliation_reconciliationreport_changelist")
    if "findings" in read:
        numbers = {one["state"]: one["number"] for one in read["findings"]}
        parts["findings_number"] = sum(numbers.values())
        parts["findings_new"] = numbers.get(FindingState.NEW, 0)
        parts["findings_url"] = reverse("admin:reconciliation_finding_changelist")
    if may("django_celery_beat.view_periodictask"):
        parts["jobs"] = _jobs_of_interest()
        parts["jobs_url"] = reverse("admin:django_celery_beat_periodictask_changelist")
    return parts


def _with_times(rows: list[Row], name: str) -> list[Row]:
    return [one | {name: datetime.fromisoformat(one[name])} for one in rows]


def usage(read: list[Row]) -> Iterator[Usage]:
    """What `calls_of_the_day` found, beside what each system grants."""
    by_system = {one["system"]: one for one in read}
    limits = {
        System.CRM: ("credits", settings.ZOHO_CRM_CREDITS_PER_DAY),
        System.BILLING: ("calls", settings.ZOHO_BILLING_CALLS_PER_DAY),
    }
    for system, (unit, limit) in limits.items():
        used = int(by_system.get(str(system), {}).get(unit, 0))
        yield Usage(system, used, max(limit - used, 0), unit)


def _channels(read: list[Row]) -> Iterator[str]:
    """One sentence for each channel that does not take messages."""
    for name in dict.fromkeys(one["channel"] for one in read):
        words = next(one["last_error"] for one in read if one["channel"] == name)
        yield f"{Channel(name).label} does not take messages: {words}"


def _change(one: Row) -> Row:
    old, new = (rand(Decimal(str(one[name]))) for name in ("old_price", "new_price"))
    when, tone = _when(one)
    return one | {"move": f"{old} → {new}", "when": when, "tone": tone}


def _when(one: Row) -> tuple[str, str]:
    """How far away the day of a change is, and the colour of that."""
    if one["problem"]:
        return f"held: {one['problem']}", "red"
    if one["status"] == PriceChangeStatus.DRAFT:
        return "draft, not published yet", ""
    days = (date.fromisoformat(one["effective_date"]) - timezone.localdate()).days
    if days < 0:
        return f"{-days} day{'s' if days != -1 else ''} overdue", "red"
    return (f"{days} day{'s' if days != 1 else ''} to go", "") if days else ("today", "")


def _comparison(one: Row) -> Row:
    state = ReportState(one["state"])
    return one | {
        "scope": Scope(one["scope"]).label,
        "state": state.label,
        "tone": TONES.get(state, "news"),
        "at": datetime.fromisoformat(one["finished_at"] or one["started_at"]),
    }


def _jobs_of_interest() -> list[Scheduled]:
    """What is switched on and recorded, the late and failed first."""
    shown = [one for one in schedule() if one.is_enabled and (one.due_at or one.state)]
    return sorted(shown, key=lambda one: (not one.needs_a_look, one.name))


def _trends(read: list[Row]) -> Iterator[Row]:
    """Each system's chart: `data` and `options` as Chart.js takes them, `days` the same for a reader of tables."""
    for system in System:
        days = [one | {"day": date.fromisoformat(one["day"])} for one in read if one["system"] == system]
        if not days:
            continue
        data = {
            "labels": [f"{one['day']:%-d %b}" for one in days],
            "datasets": [
                {
                    "label": words,
                    "data": [one[name] for one in days],
                    "borderColor": colour,
                    "backgroundColor": colour,
                    "yAxisID": axis,
                    "pointRadius": 2,
                }
                for name, words, colour, axis in LINES
            ],
        }
        yield {"name": system.label, "data": json.dumps(data), "options": json.dumps(SCALES), "days": days}
