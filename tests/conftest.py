"""Fixtures for every test. The services behind them come from `tests/services.py`."""

import gc
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

import httpx
import psycopg
import pytest
import redis
from celery import current_app
from django.db import connection
from django.test import TransactionTestCase, override_settings
from django.utils import timezone
from django_celery_beat.models import PeriodicTask

from circletel.embedded.service import Sandbox

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Those marked `long` begin first."""
    items.sort(key=lambda item: item.get_closest_marker("long") is None)


def pytest_collection_finish() -> None:
    """What has been imported stays: it is not looked through for garbage again and again. A tenth of the time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: Any) -> None:
    """The schedule that migrations write is years old at once, as it would be after a run of any length.

    A job that has never run is late from then on: a test in which none is late says so (`schedule_just_made`).
    """
    with django_db_blocker.unblock():
        PeriodicTask.objects.update(date_changed=LONG_AGO)
        # What comes back after a test that commits.
        connection._test_serialized_contents = connection.creation.serialize_db_to_string()


_flush = TransactionTestCase._fixture_teardown


def _flush_and_restore(test: TransactionTestCase) -> None:
    """The rows of the migrations come back at once: which test a process of xdist takes next is not certain."""
    _flush(test)
    connection.creation.deserialize_db_from_string(connection._test_serialized_contents)


TransactionTestCase._fixture_teardown = _flush_and_restore
TransactionTestCase._fixture_setup = classmethod(lambda _case: None)


@pytest.fixture(scope="session", autouse=True)
def quick_passwords() -> Iterator[None]:
    with override_settings(PASSWORD_HASHERS=["tests.passwords.QuickHasher"]):
        yield


@pytest.fixture
def schedule_just_made(db: None) -> None:
    """No scheduled job is late yet."""
    PeriodicTask.objects.update(date_changed=timezone.now())


class SandboxZoho:
    """A local Zoho to test against: what reached it, what it holds, and what it shall do wrong."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._http = httpx.Client(base_url=f"{url}/_sandbox/", timeout=10)
        self._settings: dict[str, Any] = self.state()["settings"]
        self.snapshots: set[str] = set()

    def state(self) -> dict[str, Any]:
        """Counts, calls, limits and settings."""
        return self._ask("GET", "state")

    def records(self, kind: str) -> list[dict[str, Any]]:
        """All records of one kind: `crm_products`, `billing_plans`, …"""
        records: list[dict[str, Any]] = self._ask("GET", f"records/{kind}")["records"]
        return records

    def edit(self, kind: str, id: str, **values: Any) -> dict[str, Any]:
        """Change a record the way a person does in Zoho's screens; `edited_by` names the person."""
        return self._ask("POST", f"records/{kind}/{id}", json=values)

    def delete(self, kind: str, id: str, **query: str) -> None:
        self._ask("DELETE", f"records/{kind}/{id}", params=query)

    def requests(self, since: int = 0, system: str | None = None) -> list[dict[str, Any]]:
        """What was asked of it, oldest first; only `crm`, `billing` or `accounts` with `system`."""
        query = {"since": since} | ({"system": system} if system else {})
        requests: list[dict[str, Any]] = self._ask("GET", "requests", params=query)["requests"]
        return requests

    def fault(self, **order: Any) -> dict[str, Any]:
        """Order something to go wrong: `kind`, `match`, `times`, … as `POST /_sandbox/faults` takes them."""
        return self._ask("POST", "faults", json=order)

    def clear_faults(self) -> None:
        self._ask("DELETE", "faults")

    def set(self, **settings: Any) -> None:
        """Change limits and habits until the end of the test."""
        self._ask("POST", "settings", json=settings)

    def clock(self, **wish: Any) -> dict[str, Any]:
        """Let days go by: `days=31`, `hours=6` or `to="2026-03-01T07:00:00+02:00"`. Renewals are billed."""
        return self._ask("POST", "clock", json=wish)

    def take_snapshot(self, name: str) -> None:
        """Remember every record, for `reset(name)`."""
        self._ask("POST", "snapshots", json={"name": name})
        self.snapshots.add(name)

    def reset(self, to: str | None = None) -> None:
        """An empty organisation, or that of a snapshot, with the settings it started with; nothing used up."""
        changed = {
            name: self._settings[name]
            for name, value in self.state()["settings"].items()
            if value != self._settings[name]
        }
        if changed:
            self.set(**changed)
        self._ask("POST", "reset", json={"to": to})

    def close(self) -> None:
        self._http.close()

    def _ask(self, method: str, path: str, **options: Any) -> dict[str, Any]:
        response = self._http.request(method, path, **options)
        assert response.is_success, f"the sandbox refused {method} {path}: {response.text}"
        answer: dict[str, Any] = response.json()
        return answer


@pytest.fixture(scope="session")
def sandbox_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxZoho]:
    """One sandbox for the whole run (one per xdist worker). Tests take `sandbox`, which is clean each time."""
    folder: Path = tmp_path_factory.mktemp("sandbox")
    server = Sandbox(folder=folder, log=folder / "sandbox.log", throwaway=True)
    server.start()
    client = SandboxZoho(server.url)
    yield client
    client.close()
    server.stop()


@pytest.fixture
def sandbox(sandbox_process: SandboxZoho, redis_flushed: redis.Redis, settings: Any) -> SandboxZoho:
    """An empty Zoho, with the ZOHO_* settings pointing at it."""
    sandbox_process.reset()
    settings.ZOHO_ACCOUNTS_URL = settings.ZOHO_API_URL = sandbox_process.url
    return sandbox_process


@pytest.fixture
def redis_flushed(settings: Any) -> Iterator[redis.Redis]:
    """Redis without any token, budget, cache or queue left by another test."""
    connection = redis.Redis.from_url(settings.REDIS_URL)
    connection.flushdb()
    yield connection
    connection.close()


class SentTask(NamedTuple):
    """A message to Celery, as `circletel.core.enqueue` sends it."""

    name: str
    args: tuple[str | bool, ...] = ()
    seconds: float = 0


@pytest.fixture
def sent_tasks(monkeypatch: pytest.MonkeyPatch) -> list[SentTask]:
    """The messages to Celery from here on; none of them reaches a broker."""
    sent: list[SentTask] = []

    def send_task(
        name: str, args: tuple[str | bool, ...], countdown: float | None, ignore_result: bool
    ) -> None:
        sent.append(SentTask(name, args, countdown or 0))

    monkeypatch.setattr("circletel.core.enqueue.current_app", SimpleNamespace(send_task=send_task))
    return sent


@pytest.fixture
def tasks_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is sent to Celery is carried out here and now, as by a worker that is very quick."""

    def send_task(name: str, args: tuple[str | bool, ...], **_options: Any) -> None:
        current_app.tasks[name](*args)

    current_app.loader.import_default_modules()
    monkeypatch.setattr("circletel.core.enqueue.current_app", SimpleNamespace(send_task=send_task))


@pytest.fixture(scope="session")
def second_database(django_db_setup: None) -> Iterator[str]:
    """The address of another database on the same server, one for each xdist worker."""
    own = connection.settings_dict
    server = {"host": own["HOST"], "port": own["PORT"], "user": own["USER"], "password": own["PASSWORD"]}
    name = f"{own['NAME']}_old"
    with psycopg.connect(dbname="postgres", autocommit=True, **server) as admin:
        admin.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        admin.execute(f"CREATE DATABASE {name}")
        yield psycopg.conninfo.make_conninfo(dbname=name, **server)
        admin.execute(f"DROP DATABASE {name} WITH (FORCE)")
