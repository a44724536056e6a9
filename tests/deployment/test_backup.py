"""Backup and restore, tried: dump, drop, restore; nothing is lost and Zoho still agrees."""

import json
import os
import subprocess
from io import StringIO
from pathlib import Path

import psycopg
import pytest
from django.core.management import call_command
from django.db import connection

from circletel.embedded.postgres import postgres_binary
from tests.deployment.compose import REPOSITORY
from tests.processes import environment
from tests.zoho_sync.kills.conftest import own_database  # noqa: F401
from tests.zoho_sync.kills.world import KINDS, in_step, owe_packages
from zoho_sync.models import ProductIntegration

pytestmark = pytest.mark.django_db(transaction=True, serialized_rollback=True)


def script(name: str, file: Path, **more: str) -> subprocess.CompletedProcess[str]:
    tools = {tool.upper(): str(postgres_binary(tool)) for tool in ("pg_dump", "pg_restore", "psql")}
    return subprocess.run(
        [REPOSITORY / "deploy" / name, file],
        env=os.environ | tools | {"DATABASE_URL": environment()["DATABASE_URL"]} | more,
        capture_output=True,
        text=True,
    )


def everything() -> dict[str, tuple[int, str]]:
    """Of every table how many rows it has, and a fingerprint of them all."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        found = {}
        for (table,) in cursor.fetchall():
            cursor.execute(f"SELECT count(*), md5(string_agg(t::text, '|' ORDER BY t::text)) FROM {table} t")
            found[table] = cursor.fetchone()
    return found


def drop_and_create() -> None:
    """The database is gone, with everything in it; an empty one of its name is there."""
    settings = connection.settings_dict
    connection.close()
    server = {"host": settings["HOST"], "port": settings["PORT"], "user": settings["USER"]}
    with psycopg.connect(
        dbname="postgres", password=settings["PASSWORD"], autocommit=True, **server
    ) as admin:
        admin.execute(f'DROP DATABASE "{settings["NAME"]}" WITH (FORCE)')
        admin.execute(f'CREATE DATABASE "{settings["NAME"]}"')


def test_a_restored_database_is_the_one_that_was_lost(own_database, zoho, drain, tmp_path):  # noqa: F811
    owe_packages(10)
    drain()
    assert in_step() == 10 * KINDS
    file = tmp_path / "catalogue.dump"
    before = everything()

    backup = script("backup.sh", file)

    assert backup.returncode == 0, backup.stderr
    assert file.stat().st_mode & 0o077 == 0
    drop_and_create()
    restore = script("restore.sh", file)
    assert restore.returncode == 0, restore.stderr
    assert everything() == before
    assert in_step() == 10 * KINDS
    assert not ProductIntegration.objects.owed().exists()
    asked = len(zoho.requests())
    out = StringIO()
    call_command("reconcile", "all", json="-", stdout=out)
    assert json.loads(out.getvalue())["findings"] == []
    assert [one["method"] for one in zoho.requests()[asked:] if one["system"] == "billing"] == ["GET"] * len(
        [one for one in zoho.requests()[asked:] if one["system"] == "billing"]
    )
    call_command("migrate", verbosity=0)

    # A second restore over it would mix two states up.
    again = script("restore.sh", file)
    assert (again.returncode, "Restore into an empty one" in again.stderr) == (1, True)


def test_a_backup_that_failed_leaves_no_file(tmp_path):
    file = tmp_path / "catalogue.dump"

    failed = script("backup.sh", file, DATABASE_URL="postgres://nobody@127.0.0.1:1/none")

    assert failed.returncode != 0
    assert list(tmp_path.iterdir()) == []
