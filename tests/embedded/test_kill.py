"""kill -9 for whoever started the services: nothing stays behind, and the next start finds its data."""

import os
import subprocess
import sys
from pathlib import Path

import psycopg
import redis

from circletel.embedded.postgres import Postgres
from circletel.embedded.process import is_alive, wait_until
from circletel.embedded.service import Valkey
from tests import embedded

SUPERVISOR = Path(embedded.__file__).with_name("supervisor.py")


def supervised(folder: Path, *before: str) -> tuple[subprocess.Popen[str], list[int], str, str]:
    """The supervisor, the process ids of its services, and their addresses."""
    root = SUPERVISOR.parents[2]
    process = subprocess.Popen(
        [*before, sys.executable, str(SUPERVISOR), str(folder)],
        env={**os.environ, "PYTHONPATH": str(root)},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout
    postgres_pid, valkey_pid, postgres_url, valkey_url = process.stdout.readline().split()
    return process, [int(postgres_pid), int(valkey_pid)], postgres_url, valkey_url


def test_a_killed_supervisor_leaves_no_orphan_and_its_data_is_there_at_the_next_start(tmp_path: Path) -> None:
    supervisor, pids, postgres_url, valkey_url = supervised(tmp_path)
    with psycopg.connect(postgres_url) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")
    redis.Redis.from_url(valkey_url).rpush("queue", "message")

    supervisor.kill()
    supervisor.communicate()

    assert wait_until(lambda: not any(is_alive(pid) for pid in pids), seconds=10)
    postgres = Postgres(folder=tmp_path / "postgres", log=tmp_path / "postgres.log")
    valkey = Valkey(folder=tmp_path / "valkey", log=tmp_path / "valkey.log")
    try:
        postgres.start()
        valkey.start()
        with psycopg.connect(postgres.url) as connection:
            assert connection.execute("SELECT answer FROM kept").fetchone() == (42,)
        assert redis.Redis.from_url(valkey.url).lrange("queue", 0, -1) == [b"message"]
    finally:
        postgres.stop()
        valkey.stop()
