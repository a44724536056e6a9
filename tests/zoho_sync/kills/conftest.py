"""Services of a test's own, to be killed without harm to the tests beside it."""

import subprocess
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from django.db import connection
from django_celery_beat.models import IntervalSchedule, PeriodicTask

from circletel.embedded.postgres import Postgres, postgres_binary
from circletel.embedded.service import Valkey
from tests.processes import environment

pytest.register_assert_rewrite("tests.zoho_sync.kills.world")


@pytest.fixture
def each_second(transactional_db):
    """The schedule that beat follows: the sweep each second instead of each minute, and nothing else."""
    often, _ = IntervalSchedule.objects.get_or_create(every=1, period=IntervalSchedule.SECONDS)
    PeriodicTask.objects.update(enabled=False)
    PeriodicTask.objects.update_or_create(
        name="Sweep: send what is owed to Zoho",
        defaults={
            "task": "zoho_sync.tasks.sweep",
            "interval": often,
            "crontab": None,
            "enabled": True,
            "expire_seconds": None,
        },
    )


@pytest.fixture
def own_broker(tmp_path: Path) -> Iterator[Valkey]:
    """A Valkey that keeps nothing on disk: killed, it has lost every message, token, budget and breaker."""
    valkey = Valkey(folder=tmp_path / "valkey", log=tmp_path / "valkey.log", throwaway=True)
    valkey.start()
    yield valkey
    valkey.stop()


@pytest.fixture
def own_database(transactional_db: None, tmp_path: Path) -> Iterator[Postgres]:
    """A PostgreSQL as careful as in production, with a copy of the test database; this process uses it too."""
    source = environment()["DATABASE_URL"]
    postgres = Postgres(folder=tmp_path / "postgres", log=tmp_path / "postgres.log")
    postgres.start()
    dump = subprocess.Popen(
        [postgres_binary("pg_dump"), "--no-owner", source],
        stdout=subprocess.PIPE,
    )
    subprocess.run(
        [postgres_binary("psql"), "-q", "-v", "ON_ERROR_STOP=1", postgres.url],
        stdin=dump.stdout,
        stdout=subprocess.DEVNULL,
        check=True,
    )
    assert dump.wait() == 0
    before = dict(connection.settings_dict)
    there = urlsplit(postgres.url)
    connection.close()
    connection.settings_dict.update(
        HOST=there.hostname,
        PORT=there.port,
        USER=there.username,
        PASSWORD=there.password,
        NAME=there.path[1:],
    )
    yield postgres
    connection.close()
    connection.settings_dict.update(before)
    postgres.stop()
