"""The settings, PostgreSQL, Redis, the clock, and whoever does the work."""

from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from celery import current_app
from django.conf import settings
from django.core.checks import CheckMessage, run_checks
from django.db import DatabaseError, connection
from redis import Redis, RedisError

from circletel.health import pending_migrations
from circletel.preflight.checks import Check, judged

OLDEST_POSTGRESQL = 15
LARGEST_SKEW_SECONDS = 2.0
FULL = 0.8
WORKER_PATIENCE_SECONDS = 2.0


def environment() -> Iterator[Check]:
    """Everything that `manage.py check --deploy` finds, a line for each kind."""
    found: dict[str, list[CheckMessage]] = defaultdict(list)
    for each in run_checks(include_deployment_checks=True):
        if not each.is_silenced():
            found[str(each.id)].append(each)
    for id, messages in found.items():
        mend = messages[0].hint or "run manage.py check --deploy; the settings are in docs/configuration.md"
        why = "; ".join(str(each.msg).partition(". ")[0].rstrip(".") for each in messages)
        yield judged(f"Settings ({id})", False, why, mend)
    if not found:
        yield judged("Settings", True, "manage.py check --deploy is clean", "")


def postgresql() -> Iterator[Check]:
    try:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT current_setting('server_version_num')::int / 10000, current_setting('max_connections')::int,"
                " (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'), clock_timestamp()"
            )
            version, most, used, there = cursor.fetchone()
    except DatabaseError as trouble:
        mend = "check DATABASE_URL, and that the server takes connections from here"
        yield judged("PostgreSQL", False, f"cannot be reached: {str(trouble).splitlines()[0]}", mend)
        return
    fine = version >= OLDEST_POSTGRESQL and used < most * FULL
    why = f"version {version}, {used} of {most} connections in use"
    mend = f"use version {OLDEST_POSTGRESQL} or later, and raise max_connections or put a pooler in between"
    yield judged("PostgreSQL", fine, why, mend)
    yield _clock("Clock of the database", there)


def migrations() -> Iterator[Check]:
    pending = pending_migrations()
    why = f"{pending} not applied" if pending else "all applied"
    yield judged("Migrations", not pending, why, "run manage.py migrate")


def redis() -> Iterator[Check]:
    store = Redis.from_url(settings.REDIS_URL, socket_timeout=2, socket_connect_timeout=2)
    try:
        store.ping()
        memory: Any = store.info("memory")
        seconds, micros = store.time()
    except RedisError as trouble:
        yield judged("Redis", False, f"cannot be reached: {trouble}", "check REDIS_URL")
        return
    most, used, policy = memory.get("maxmemory", 0), memory["used_memory"], memory.get("maxmemory_policy")
    why = f"{used / 2**20:.0f} MB in use of {f'{most / 2**20:.0f} MB' if most else 'what the machine has'}; when full: {policy}"
    fine = policy == "noeviction" and (not most or used < most * FULL)
    mend = "set maxmemory-policy noeviction and give it room: queue, locks and call budgets live there"
    yield judged("Redis", fine, why, mend)
    yield _durability(store)
    yield _clock("Clock of Redis", datetime.fromtimestamp(seconds + micros / 1e6, UTC))


def _durability(store: Redis) -> Check:
    name = "Redis keeps its data"
    try:
        persistence: Any = store.info("persistence")
    except RedisError as trouble:
        return judged(name, None, str(trouble), "switch appendonly on where it is run")
    kept = bool(persistence.get("aof_enabled"))
    why = "a restart keeps queue and budgets" if kept else "a restart forgets how many calls were spent today"
    return judged(name, kept, why, "set appendonly yes")


def _clock(name: str, there: datetime) -> Check:
    skew = abs((there - datetime.now(UTC)).total_seconds())
    why = f"{skew:.1f} s from this process"
    return judged(
        name, skew <= LARGEST_SKEW_SECONDS, why, "run a time service (chrony, ntpd) on every machine"
    )


def workers() -> Iterator[Check]:
    answers = current_app.control.inspect(timeout=WORKER_PATIENCE_SECONDS).ping() or {}
    why = f"{len(answers)} answered" if answers else f"none answered within {WORKER_PATIENCE_SECONDS:.0f} s"
    yield judged("Workers", bool(answers), why, "start celery -A circletel worker")


CHECKS = (
    ("Settings", environment),
    ("PostgreSQL", postgresql),
    ("Migrations", migrations),
    ("Redis", redis),
    ("Workers", workers),
)
