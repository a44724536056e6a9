"""`/metrics` for Prometheus: what stands in the database and Redis, counted anew at each scrape, and request times.

Every web process answers with the same numbers. Request times are those of all processes of one web server,
which share a folder of their own for it (`circletel.wsgi`).
"""

import os
import time
from collections.abc import Callable, Iterator
from datetime import timedelta

from django.conf import settings
from django.db import DatabaseError, InterfaceError
from django.db.models import Count, Min
from django.db.models.functions import Coalesce
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.crypto import constant_time_compare
from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Histogram,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector
from redis.exceptions import RedisError

from circletel.core.jobs.scheduled import schedule
from circletel.core.models import JobState
from circletel.operations import calls_of_the_day, usage
from reconciliation.models import Finding, ReconciliationReport, ReportState, Scope
from zoho_sync.connection.breaker import Breaker
from zoho_sync.models import Kind, ProductIntegration, System, ZohoSyncLog
from zoho_sync.operating.alerts import open_alerts
from zoho_sync.operating.models import Channel
from zoho_sync.operating.outbox import failing_channels
from zoho_sync.standing import standing

LOOPBACK = ("127.0.0.1", "::1")
STATES = ("in_step", "owed", "failed", "dead")
LAST_HOUR = timedelta(hours=1)

disable_created_metrics()
REQUEST_TIMES = Histogram(
    "circletel_request_seconds",
    "How long requests took, by view.",
    ("method", "view", "status"),
    buckets=(0.025, 0.05, 0.1, 0.2, 0.3, 0.5, 1, 2, 5, 10),
)


class TimingMiddleware:
    """Times each request under the name of its view; addresses and ids never become labels."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        begun = time.monotonic()
        response = self.get_response(request)
        match = request.resolver_match
        view = (match.view_name or match.route) if match else "none"
        method = (
            request.method if request.method in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE") else "other"
        )
        labels = (method, view, f"{response.status_code // 100}xx")
        REQUEST_TIMES.labels(*labels).observe(time.monotonic() - begun)
        return response


def metrics(request: HttpRequest) -> HttpResponse:
    """For whoever bears METRICS_TOKEN; without one, for staff and for this machine. 403 for others."""
    if not _may_read(request):
        return HttpResponse("Not for you: see METRICS_TOKEN.\n", status=403, content_type="text/plain")
    registry = CollectorRegistry(auto_describe=False)
    if os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
        MultiProcessCollector(registry)
    else:
        registry.register(REQUEST_TIMES)
    registry.register(Figures())
    return HttpResponse(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)


def _may_read(request: HttpRequest) -> bool:
    if settings.METRICS_TOKEN:
        offered = request.headers.get("Authorization", "")
        return constant_time_compare(offered, f"Bearer {settings.METRICS_TOKEN}")
    # What a proxy on this machine passes on comes from elsewhere.
    is_local = request.META.get("REMOTE_ADDR") in LOOPBACK and "X-Forwarded-For" not in request.headers
    return is_local or (request.user.is_authenticated and request.user.is_staff)


class Figures(Collector):
    """What cannot be known, because the database or Redis is away, is left out, and `circletel_up` says so."""

    def collect(self) -> Iterator[Metric]:
        up = _gauge("circletel_up", "1 when this part answers.", "part")
        for part, families in (("database", _from_database), ("redis", _from_redis)):
            try:
                found = list(families())
            except (DatabaseError, InterfaceError, RedisError):
                up.add_metric([part], 0)
            else:
                up.add_metric([part], 1)
                yield from found
        yield up


def _gauge(name: str, words: str, *labels: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, words, labels=labels)


def _from_database() -> Iterator[Metric]:
    for part in (_records, _oldest, _usage, _errors, _jobs, _rest):
        yield from part()


def _records() -> Iterator[Metric]:
    picture = standing()
    records = _gauge("circletel_zoho_records", "Zoho records by state.", "system", "state")
    for system in System:
        for state in STATES:
            records.add_metric([system, state], picture.count(state, system))
    yield records


def _oldest() -> Iterator[Metric]:
    now = timezone.now()
    oldest = _gauge(
        "circletel_zoho_oldest_owed_seconds", "Age of what is owed for longest; 0 when nothing is.", "system"
    )
    since = dict(
        ProductIntegration.objects.owed()
        .order_by()
        .values_list("kind")
        .annotate(since=Min(Coalesce("owed_since", "changed_at")))
    )
    for system in System:
        times = [at for kind, at in since.items() if Kind(kind).system is system]
        oldest.add_metric([system], (now - min(times)).total_seconds() if times else 0)
    yield oldest


def _usage() -> Iterator[Metric]:
    used = _gauge("circletel_zoho_used_24h", "Calls or credits used in 24 hours.", "system", "unit")
    left = _gauge("circletel_zoho_left_24h", "Calls or credits that are left of 24 hours.", "system", "unit")
    for one in usage(list(calls_of_the_day())):
        used.add_metric([one.system, one.unit], one.used)
        left.add_metric([one.system, one.unit], one.left)
    yield from (used, left)


def _errors() -> Iterator[Metric]:
    failed = _gauge(
        "circletel_zoho_failed_calls_1h", "Calls of the last hour that failed.", "system", "error"
    )
    calls = ZohoSyncLog.objects.filter(at__gte=timezone.now() - LAST_HOUR).exclude(error_class="")
    for system, error, number in calls.order_by().values_list("system", "error_class").annotate(Count("id")):
        failed.add_metric([system, error], number)
    yield failed


def _jobs() -> Iterator[Metric]:
    late = _gauge("circletel_job_late", "1 when a scheduled job was not done in time.", "job")
    failed = _gauge("circletel_job_failed", "1 when its last run failed.", "job")
    started = _gauge("circletel_job_last_start_timestamp_seconds", "When it last began.", "job")
    took = _gauge("circletel_job_last_seconds", "How long its last run took.", "job")
    for job in schedule():
        if not job.is_enabled:
            continue
        late.add_metric([job.name], job.is_late)
        failed.add_metric([job.name], job.state == JobState.FAILED)
        if job.started_at:
            started.add_metric([job.name], job.started_at.timestamp())
        if job.seconds is not None:
            took.add_metric([job.name], job.seconds)
    yield from (late, failed, started, took)


def _rest() -> Iterator[Metric]:
    findings = _gauge("circletel_findings_open", "What differs between the catalogue and Zoho.", "system")
    drift = dict(Finding.objects.open().order_by().values_list("system").annotate(Count("pk")))
    for system in System:
        findings.add_metric([system], drift.get(system, 0))
    yield findings
    compared = _gauge(
        "circletel_last_comparison_timestamp_seconds", "When Zoho was last compared completely."
    )
    whole = ReconciliationReport.objects.filter(scope=Scope.ALL, only=[], state=ReportState.COMPLETE)
    if last := whole.order_by("-started_at").values_list("started_at", flat=True).first():
        compared.add_metric([], last.timestamp())
    yield compared
    alerts = _gauge("circletel_alerts_open", "Alerts that are not over.", "trigger")
    triggers = open_alerts().order_by().values_list("rule__trigger").annotate(Count("pk"))
    for trigger, number in triggers:
        alerts.add_metric([trigger], number)
    yield alerts
    unsent = _gauge("circletel_messages_failed", "Messages that a channel has not taken yet.", "channel")
    waiting = dict(failing_channels().order_by().values_list("channel").annotate(Count("pk")))
    for channel in Channel:
        unsent.add_metric([channel], waiting.get(channel, 0))
    yield unsent


def _from_redis() -> Iterator[Metric]:
    breaker = _gauge("circletel_breaker_open", "1 while calls to this system rest.", "system")
    for system in System:
        breaker.add_metric([system], Breaker(system).state().is_open)
    yield breaker
