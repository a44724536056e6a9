"""The operator's pages with much in them: home under 300 ms, retry queue under 500 ms, a group retry at once."""

import time
from collections.abc import Callable
from copy import copy
from statistics import median
from typing import Any
from uuid import uuid4

from bench import _database

PACKAGES = 20_000
DEAD = 10_000
ROUNDS = 5


def run() -> str:
    _database.start()
    from django.test import Client
    from django.urls import reverse

    from zoho_sync.models import ProductIntegration
    from zoho_sync.operating import queue

    cause = _fill()
    client = Client(HTTP_HOST="localhost")
    client.force_login(_operator())
    lines = [
        _timed("home page", lambda: client.get(reverse("admin:index")), 300),
        _timed("retry queue", lambda: client.get(_url("retry_queue")), 500),
        _timed("one group", lambda: client.get(f"{_url('group')}?cause={cause}"), 500),
    ]
    begun = time.perf_counter()
    answer = client.post(f"{_url('group')}?cause={cause}", {"deed": "retry_group"})
    took = (time.perf_counter() - begun) * 1000
    going = queue.retries().get()
    lines.append(f"  retry of {going.total:,} records answers {answer.status_code} after {took:.0f} ms")
    owed, dead = ProductIntegration.objects.owed().count(), queue.in_trouble().count()
    return "\n".join([f"  {PACKAGES:,} packages, {owed:,} records owed, {dead:,} dead", *lines])


def _url(name: str) -> str:
    from django.urls import reverse

    return reverse(f"admin:zoho_sync_productintegration_{name}")


def _timed(name: str, ask: Callable[[], Any], target: int) -> str:
    from django.db import connection

    asked: list[float] = []

    def timed(execute: Any, *arguments: Any) -> Any:
        begun = time.perf_counter()
        try:
            return execute(*arguments)
        finally:
            asked.append((time.perf_counter() - begun) * 1000)

    with connection.execute_wrapper(timed):
        assert ask().status_code == 200
    times = []
    for _ in range(ROUNDS):
        begun = time.perf_counter()
        assert ask().status_code == 200
        times.append((time.perf_counter() - begun) * 1000)
    return (
        f"  {name}: {median(times):.0f} ms (target: under {target}), {len(asked)} queries,"
        f" {sum(asked):.0f} ms in PostgreSQL, the slowest {max(asked):.0f} ms"
    )


def _fill() -> str:
    """Every package with its CRM record in step and its plan dead or owed; calls, jobs and figures of a month."""
    from datetime import timedelta

    from django.utils import timezone

    from catalogue.models import ServicePackage
    from tests.factories import live_package
    from zoho_sync.models import DailyFigures, Kind, ProductIntegration, SyncStatus, ZohoSyncLog

    template, now = live_package(), timezone.now()
    packages = []
    for index in range(PACKAGES - 1):
        one = copy(template)
        one.pk, one._state = uuid4(), copy(template._state)
        one._state.adding = True
        one.sku, one.slug, one.logical_key = f"N-{index}", f"n-{index}", f"n-{index}"
        packages.append(one)
    ServicePackage.objects.bulk_create(packages, batch_size=2000)
    cause = "billing:InvalidField:unit"
    rows = []
    for index, one in enumerate(packages):
        known = {"desired_hash": "x", "synced_hash": "x", "remote_id": f"{index}", "status": SyncStatus.OK}
        plan: dict[str, Any] = {"desired_hash": "y", "next_retry_at": now, "owed_since": now}
        if index < DEAD:
            plan = {"desired_hash": "y", "status": SyncStatus.DEAD, "cause": cause, "failing_since": now}
            plan["last_sync_error"] = "A value is invalid"
        rows.append(ProductIntegration(package=one, kind=Kind.CRM_PRODUCT, remote_key=one.sku, **known))
        rows.append(ProductIntegration(package=one, kind=Kind.BILLING_PLAN, remote_key=one.sku, **plan))
    ProductIntegration.objects.bulk_create(rows, batch_size=2000)
    call = {"system": "billing", "method": "POST", "path": "/billing/v1/plans", "duration_ms": 80}
    ZohoSyncLog.objects.bulk_create([ZohoSyncLog(**call) for _ in range(5000)], batch_size=1000)
    figures = {"in_step": 1, "owed": 1, "failed": 0, "dead": 0}
    DailyFigures.objects.bulk_create(
        DailyFigures(day=timezone.localdate() - timedelta(days=day), system=system, **figures)
        for day in range(30)
        for system in ("crm", "billing")
    )
    _analyse()
    return cause


def _analyse() -> None:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")


def _operator() -> Any:
    from tests.factories import person

    return person("lerato.mokoena", "Sync operator", "Product manager")
