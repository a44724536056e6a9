"""Migrations as a step of their own: twice, at the same time, and beside others who use the tables."""

from collections.abc import Iterator

import psycopg
import pytest
from django.core.management import call_command
from django.db import OperationalError, connection

from circletel.management.commands import migrate
from tests.deployment.compose import manage
from tests.processes import environment


@pytest.fixture
def fresh_database(django_db_setup: None) -> Iterator[str]:
    """The address of an empty database."""
    url = environment()["DATABASE_URL"]
    name = f"{connection.settings_dict['NAME']}_fresh"
    with psycopg.connect(url, autocommit=True) as admin:
        admin.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
        admin.execute(f'CREATE DATABASE "{name}"')
        yield f"{url.rpartition('/')[0]}/{name}"
        admin.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


def test_two_at_once_and_once_more(db, fresh_database):
    both = [manage("migrate", "--noinput", DATABASE_URL=fresh_database) for _ in range(2)]
    said = [one.communicate()[0] for one in both]

    assert [one.returncode for one in both] == [0, 0], said
    # One did it all, the other found it done.
    assert sorted("No migrations to apply" in words for words in said) == [False, True]
    again = manage("migrate", "--noinput", DATABASE_URL=fresh_database)
    assert "No migrations to apply" in again.communicate()[0]
    assert again.returncode == 0


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_it_gives_up_on_a_table_in_use_and_can_be_run_again(monkeypatch):
    monkeypatch.setattr(migrate, "LOCK_TIMEOUT", "100ms")
    with psycopg.connect(environment()["DATABASE_URL"]) as other:
        other.execute("LOCK TABLE django_content_type IN ACCESS EXCLUSIVE MODE")
        with pytest.raises(OperationalError, match="lock timeout"):
            call_command("migrate", verbosity=0)
        other.rollback()

    call_command("migrate", verbosity=0)

    with connection.cursor() as cursor:
        cursor.execute("SHOW lock_timeout")
        assert cursor.fetchone() == ("0",)
        # Of this database: the other tests that run meanwhile have one of their own on the same server.
        cursor.execute(
            "SELECT count(*) FROM pg_locks JOIN pg_database ON database = pg_database.oid"
            " WHERE locktype = 'advisory' AND datname = current_database()"
        )
        assert cursor.fetchone() == (0,)
