"""The operator's part of the home page: jobs, calls and credits, alerts, and the trend."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.conf import settings
from django.db.models import Case, Count, F, QuerySet, Sum, When
from django.db.models.functions import Coalesce, Greatest
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode

from circletel.core.jobs.scheduled import Scheduled, schedule
from zoho_sync.connection.http import CREDITS_OF_A_QUERY
from zoho_sync.models import Kind, ProductIntegration, System, ZohoSyncLog
from zoho_sync.operating.alerts import open_alerts
from zoho_sync.operating.models import AlertState, Channel, DailyFigures, DeliveryState
from zoho_sync.operating.outbox import failing_channels

TREND_DAYS = 30
FAILING_CALLS = 5
MOST_ALERTS = 10
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
class OldestOwed:
    name: str
    package: str
    since: datetime
    url: str


@dataclass(frozen=True)
class FailingCall:
    at: datetime
    name: str
    error_class: str
    error: str
    url: str


@dataclass(frozen=True)
class Usage:
    """Calls or credits of one system in the last 24 hours. `left` is never below 0."""

    system: System
    used: int
    left: int
    unit: str
    url: str

    @property
    def name(self) -> str:
        return self.system.label

    @property
    def tone(self) -> str:
        return "trouble" if not self.left else "attention" if self.left < self.used / 9 else ""


@dataclass(frozen=True)
class OpenAlert:
    title: str
    state: str
    opened_at: datetime
    url: str


@dataclass(frozen=True)
class Trend:
    """One system's chart: `data` and `options` as Chart.js takes them, `days` the same for a reader of tables."""

    name: str
    data: str
    options: str
    days: list[dict[str, Any]]


def lists_for(may: Any) -> dict[str, QuerySet[Any, Any]]:
    """The small lists this person may see, to be read in one round trip."""
    found: dict[str, QuerySet[Any, Any]] = {}
    if may("zoho_sync.view_productintegration"):
        found["oldest"] = (
            ProductIntegration.objects.owed()
            .annotate(since=Coalesce("owed_since", "changed_at"))
            .order_by("owed_since", "pk")
            .values("id", "kind", "remote_key", "since", name=F("package__name"), sku=F("package__sku"))[:1]
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


def operations(read: dict[str, list[dict[str, Any]]], may: Any) -> dict[str, Any]:
    """The parts of the page made of what `lists_for` read, and the schedule in one query more."""
    parts: dict[str, Any] = {}
    if "oldest" in read:
        parts["oldest_owed"] = next(map(_oldest, read["oldest"]), None)
        parts["trends"] = list(_trends(read["trend"]))
        parts["queue_url"] = reverse("admin:zoho_sync_productintegration_retry_queue")
    if "failing" in read:
        parts["failing_calls"] = [_failing_call(one) for one in read["failing"]]
        parts["usage"] = list(usage(read["usage"]))
        parts["calls_url"] = reverse("admin:zoho_sync_zohosynclog_changelist")
    if "alerts" in read:
        parts["alerts"] = [_alert(one) for one in read["alerts"]]
        parts["alerts_url"] = reverse("admin:zoho_sync_alert_changelist")
        parts["failing_channels"] = list(_channels(read["channels"]))
        failed = urlencode({"state__exact": DeliveryState.FAILED})
        parts["messages_url"] = f"{reverse('admin:zoho_sync_alertdelivery_changelist')}?{failed}"
    if may("django_celery_beat.view_periodictask"):
        parts["jobs"] = _jobs_of_interest()
        parts["jobs_url"] = reverse("admin:django_celery_beat_periodictask_changelist")
    return parts


def _oldest(one: dict[str, Any]) -> OldestOwed:
    return OldestOwed(
        name=f"{Kind(one['kind']).label} {one['remote_key']}",
        package=f"{one['name']} ({one['sku']})",
        since=_instant(one["since"]),
        url=reverse("admin:zoho_sync_productintegration_change", args=[one["id"]]),
    )


def _failing_call(one: dict[str, Any]) -> FailingCall:
    return FailingCall(
        at=_instant(one["at"]),
        name=f"{one['method']} {one['path']}",
        error_class=one["error_class"],
        error=one["error"],
        url=reverse("admin:zoho_sync_zohosynclog_change", args=[one["id"]]),
    )


def usage(read: list[dict[str, Any]]) -> Iterator[Usage]:
    """What `calls_of_the_day` found, beside what each system grants."""
    by_system = {one["system"]: one for one in read}
    limits = {
        System.CRM: ("credits", settings.ZOHO_CRM_CREDITS_PER_DAY),
        System.BILLING: ("calls", settings.ZOHO_BILLING_CALLS_PER_DAY),
    }
    calls = reverse("admin:zoho_sync_zohosynclog_changelist")
    for system, (unit, limit) in limits.items():
        used = int(by_system.get(str(system), {}).get(unit, 0))
        url = f"{calls}?{urlencode({'system': system})}"
        yield Usage(system, used, max(limit - used, 0), unit, url)


def _alert(one: dict[str, Any]) -> OpenAlert:
    url = reverse("admin:zoho_sync_alert_change", args=[one["id"]])
    return OpenAlert(one["title"], str(AlertState(one["state"]).label), _instant(one["opened_at"]), url)


def _channels(read: list[dict[str, Any]]) -> Iterator[str]:
    """One sentence for each channel that does not take messages."""
    for name in dict.fromkeys(one["channel"] for one in read):
        words = next(one["last_error"] for one in read if one["channel"] == name)
        yield f"{Channel(name).label} does not take messages: {words}"


def _jobs_of_interest() -> list[Scheduled]:
    """What is switched on and recorded, the late and failed first."""
    shown = [one for one in schedule() if one.is_enabled and (one.due_at or one.state)]
    return sorted(shown, key=lambda one: (not one.needs_a_look, one.name))


def _trends(read: list[dict[str, Any]]) -> Iterator[Trend]:
    for system in System:
        days = [
            {**one, "day": date.fromisoformat(one["day"])} for one in read if one["system"] == str(system)
        ]
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
        yield Trend(system.label, json.dumps(data), json.dumps(SCALES), days)


def _instant(text: str) -> datetime:
    return datetime.fromisoformat(text)
