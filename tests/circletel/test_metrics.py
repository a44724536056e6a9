"""`/metrics`: what it tells, to whom, and that dashboard and alert rules name nothing that it does not tell."""

import json
import re
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
import yaml
from django.conf import settings as django_settings
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from prometheus_client.parser import text_string_to_metric_families

from circletel.core.models import Job
from circletel.embedded.app import Web
from circletel.embedded.service import any_free
from reconciliation.models import Finding, ReconciliationReport
from tests.factories import live_package, person
from tests.processes import environment
from zoho_sync.connection.breaker import Breaker
from zoho_sync.connection.errors import ServerTrouble
from zoho_sync.models import Kind, ProductIntegration, SyncStatus, System, ZohoSyncLog
from zoho_sync.operating.models import Alert, AlertDelivery, AlertRule

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("redis_flushed")]
OBSERVABILITY = Path(django_settings.BASE_DIR) / "deploy" / "observability"


def scraped(**headers):
    response = Client(headers=headers).get("/metrics")
    assert response.status_code == 200
    return samples(response.content.decode())


def samples(text):
    """{(name, *label values): value}, the labels in the order of the alphabet"""
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_records_and_the_age_of_the_oldest_are_told():
    package = live_package()
    rows = ProductIntegration.objects.filter(package=package)
    rows.filter(kind=Kind.BILLING_PLAN).update(status=SyncStatus.DEAD, next_retry_at=None)
    rows.update(owed_since=timezone.now() - timedelta(hours=2))

    told = scraped()

    records = {key[1:]: value for key, value in told.items() if key[0] == "circletel_zoho_records" and value}
    assert records == {("owed", "crm"): 1, ("owed", "billing"): 1, ("dead", "billing"): 1}
    assert 7200 <= told["circletel_zoho_oldest_owed_seconds", "crm"] < 7260


def test_calls_credits_errors_and_the_breaker_are_told(settings):
    settings.ZOHO_CRM_CREDITS_PER_DAY, settings.ZOHO_BILLING_CALLS_PER_DAY = 5000, 100
    for system, records, error in (("crm", 100, ""), ("billing", 1, ""), ("billing", 1, "RateLimited")):
        ZohoSyncLog.objects.create(
            system=system, method="POST", path="/", records=records, error_class=error, duration_ms=1
        )
    ZohoSyncLog.objects.create(system="crm", method="POST", path="/crm/v8/coql", duration_ms=1)
    for _ in range(3):
        Breaker(System.BILLING).failed(ServerTrouble("down"))

    told = scraped()

    # Ten for a hundred records, three for a query: as the budget counts them.
    assert told["circletel_zoho_used_24h", "crm", "credits"] == 13
    assert told["circletel_zoho_left_24h", "crm", "credits"] == 4987
    assert told["circletel_zoho_used_24h", "billing", "calls"] == 2
    assert told["circletel_zoho_left_24h", "billing", "calls"] == 98
    assert told["circletel_zoho_failed_calls_1h", "RateLimited", "billing"] == 1
    assert (told["circletel_breaker_open", "crm"], told["circletel_breaker_open", "billing"]) == (0, 1)


def test_jobs_findings_alerts_and_channels_are_told():
    now = timezone.now()
    three_days_ago = now - timedelta(days=3)
    Job.objects.create(
        kind="zoho_sync.tasks.retention",
        started_at=three_days_ago,
        finished_at=three_days_ago + timedelta(seconds=7),
        state="failed",
    )
    report = ReconciliationReport.objects.create(state="complete", started_at=three_days_ago)
    Finding.objects.create(system="crm", kind="crm_product", type="duplicate", key="K", first_report=report)
    rule = AlertRule.objects.get(trigger="breaker_open")
    Alert.objects.create(rule=rule, cause="crm", title="T", path="/", opened_at=now, last_seen_at=now)
    AlertDelivery.objects.create(
        key="k", channel="slack", subject="S", body="B", state="failed", next_try_at=now
    )

    told = scraped()

    assert told["circletel_job_late", "Log retention"] == 1
    assert told["circletel_job_failed", "Log retention"] == 1
    assert told["circletel_job_last_seconds", "Log retention"] == 7
    assert told["circletel_findings_open", "crm"] == 1
    assert told["circletel_findings_open", "billing"] == 0
    assert told[("circletel_last_comparison_timestamp_seconds",)] == pytest.approx(three_days_ago.timestamp())
    assert told["circletel_alerts_open", "breaker_open"] == 1
    assert told["circletel_messages_failed", "slack"] == 1
    assert told["circletel_messages_failed", "email"] == 0


def test_without_redis_the_rest_is_told(settings):
    settings.REDIS_URL = "redis://127.0.0.1:1/0"

    told = scraped()

    assert (told["circletel_up", "database"], told["circletel_up", "redis"]) == (1, 0)
    assert ("circletel_breaker_open", "crm") not in told
    assert ("circletel_zoho_records", "owed", "crm") in told


def test_requests_are_timed_under_the_name_of_their_view():
    key = ("circletel_request_seconds_count", "GET", "4xx", "package-detail")
    before = scraped().get(key, 0)

    Client().get(reverse("package-detail", args=["no-such-package"]))
    told = scraped()

    assert told[key] == before + 1
    assert not [label for key in told for label in key if "no-such-package" in label]


@pytest.mark.parametrize(
    ("token", "headers", "status"),
    [
        ("", {}, 200),
        ("", {"X-Forwarded-For": "203.0.113.9"}, 403),
        ("of-the-scraper", {}, 403),
        ("of-the-scraper", {"Authorization": "Bearer wrong"}, 403),
        ("of-the-scraper", {"Authorization": "Bearer of-the-scraper"}, 200),
    ],
)
def test_only_who_may_reads_it(settings, token, headers, status):
    settings.METRICS_TOKEN = token

    assert Client(headers=headers).get("/metrics").status_code == status


def test_from_elsewhere_only_staff_reads_it_without_a_token():
    client = Client(REMOTE_ADDR="203.0.113.9")
    assert client.get("/metrics").status_code == 403

    client.force_login(person("lerato.mokoena"))

    assert client.get("/metrics").status_code == 200


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_the_processes_of_one_web_server_count_together(tmp_path):
    folder = {"TMPDIR": str(tmp_path)}
    web = Web(log=tmp_path / "web.log", environment=environment(**folder), host="127.0.0.1", port=any_free())
    web.launch()
    try:
        web.wait(meanwhile=lambda: None)
        for _ in range(20):
            httpx.get(f"{web.url}/api/v1/packages/", timeout=30)
        told = samples(httpx.get(f"{web.url}/metrics", timeout=30).text)
    finally:
        web.stop()

    views = [
        key for key in told if key[0] == "circletel_request_seconds_count" and key[3].endswith("package-list")
    ]
    assert sum(told[key] for key in views) == 20


# --- what stands on it


def exported():
    """The names of all that can be told, whether or not there is anything to tell just now."""
    text = Client().get("/metrics").content.decode()
    return {
        name + suffix
        for name, kind in re.findall(r"^# TYPE (\S+) (\S+)", text, re.MULTILINE)
        for suffix in (("_bucket", "_sum", "_count") if kind == "histogram" else ("",))
    }


def named(text):
    return set(re.findall(r"\bcircletel_[a-z0-9_]+", text))


def test_the_dashboard_asks_only_for_what_is_told():
    dashboard = json.loads((OBSERVABILITY / "grafana-dashboard.json").read_text())
    queries = [target["expr"] for panel in dashboard["panels"] for target in panel.get("targets", ())]

    asked = set().union(*map(named, queries))

    assert len(asked) > 10
    assert asked - exported() == set()
    assert len({panel["id"] for panel in dashboard["panels"]}) == len(dashboard["panels"])


def test_the_alert_rules_ask_only_for_what_is_told():
    rules = yaml.safe_load((OBSERVABILITY / "prometheus-rules.yml").read_text())
    every = [rule for group in rules["groups"] for rule in group["rules"]]

    asked = set().union(*(named(rule["expr"]) for rule in every))

    assert asked - exported() == set()
    assert {"circletel_job_late", "circletel_breaker_open", "circletel_up"} <= asked
    for rule in every:
        assert rule["annotations"]["summary"]
        assert rule["labels"]["severity"] in ("page", "ticket")


def test_the_documentation_lists_what_is_told():
    text = (Path(django_settings.BASE_DIR) / "docs" / "observability.md").read_text()

    assert {re.sub("_(bucket|sum|count)$", "", name) for name in exported()} == named(text)
