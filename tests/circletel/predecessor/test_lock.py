"""`manage.py legacy_products lock`: read-only in the database itself."""

import re
from contextlib import contextmanager

import psycopg
import pytest
from django.core.management import CommandError, call_command
from psycopg.rows import tuple_row

from catalogue.models import Product
from circletel.core.models import AuditEntry
from tests.factories import ms_naidoo, person


@pytest.fixture(autouse=True)
def people(db):
    ms_naidoo()
    person("sam.dube", "Sync operator")


@pytest.fixture
def reader(legacy):
    """A login that may read the table and nothing else."""
    login = f"{legacy.database}_reader"  # roles belong to the server, which workers share
    legacy.execute(f"DROP ROLE IF EXISTS {login}")
    legacy.execute(f"CREATE ROLE {login} LOGIN PASSWORD 'x'")
    legacy.execute(f"GRANT SELECT ON products TO {login}")

    @contextmanager
    def connected(program="the shop"):
        url = psycopg.conninfo.make_conninfo(legacy.url, user=login, password="x", application_name=program)
        with psycopg.connect(url, autocommit=True, row_factory=tuple_row) as connection:
            yield connection

    connected.login = login
    yield connected
    legacy.execute(f"DROP OWNED BY {login}")
    legacy.execute(f"DROP ROLE {login}")


def lock(legacy, *arguments):
    return legacy.run("lock", "--actor", "sam.dube", *arguments)


def objects_beside(legacy):
    relations = legacy.execute("SELECT relname::text FROM pg_class WHERE relname LIKE 'products%'")
    functions = legacy.execute("SELECT proname::text FROM pg_proc WHERE proname LIKE 'products%'")
    return sorted(row[0] for row in relations + functions)


@pytest.mark.parametrize(
    "write",
    [
        "INSERT INTO products (name) VALUES ('New')",
        "UPDATE products SET name = 'Other'",
        "UPDATE products SET name = 'Other' WHERE false",
        "DELETE FROM products",
        "TRUNCATE products",
    ],
)
def test_every_write_is_refused(legacy, write):
    legacy.add()
    assert re.fullmatch(r"products: locked since \S+ \S+ UTC by Sam Dube\.\n", lock(legacy))

    operation = write.split()[0]
    with pytest.raises(
        psycopg.errors.RestrictViolation,
        match=rf"public\.products is read-only since .*: products live in the catalogue now, {operation} refused",
    ):
        legacy.execute(write)

    assert legacy.execute("SELECT name FROM products") == [("Home Fibre 100",)]


def test_replication_is_refused_too(legacy):
    legacy.add()
    lock(legacy)

    legacy.execute("SET session_replication_role = replica")
    with pytest.raises(psycopg.errors.RestrictViolation, match="DELETE refused"):
        legacy.execute("DELETE FROM products")

    assert legacy.execute("SELECT count(*) FROM products") == [(1,)]


def test_readers_notice_nothing(legacy, reader):
    legacy.add()
    legacy.execute("CREATE VIEW cheap AS SELECT name FROM products")
    with reader() as shop:
        before = shop.execute("SELECT * FROM products").fetchall()
        lock(legacy)

        assert shop.execute("SELECT * FROM products").fetchall() == before
    assert legacy.execute("SELECT * FROM cheap") == [("Home Fibre 100",)]


def test_a_locked_table_can_be_migrated(legacy):
    legacy.add()
    lock(legacy)

    legacy.run("migrate", "--actor", "thandi.naidoo")

    assert Product.objects.count() == 1


def test_a_second_lock_changes_nothing(legacy):
    first = lock(legacy)
    before = objects_beside(legacy)

    assert lock(legacy) == first

    assert objects_beside(legacy) == before
    assert [
        (entry.actor_name, entry.changes) for entry in AuditEntry.objects.filter(action="legacy locked")
    ] == [("Sam Dube", {"locked": [False, True]})]


def test_the_lock_can_be_taken_back_with_a_reason(legacy):
    legacy.add()
    before = objects_beside(legacy)
    lock(legacy)
    assert len(objects_beside(legacy)) > len(before)

    refused = legacy.refused("lock", "--undo", "--actor", "sam.dube")
    legacy.run("lock", "--undo", "--reason", "the shop is down", "--actor", "sam.dube")

    assert refused == ("Say why the lock is taken back, with --reason.", 2)
    assert objects_beside(legacy) == before
    legacy.execute("UPDATE products SET name = 'Other'")
    assert AuditEntry.objects.get(action="legacy unlocked", result="done").detail == "the shop is down"
    assert "is not locked" in legacy.refused("lock", "--undo", "--reason", "x", "--actor", "sam.dube")[0]


@pytest.mark.parametrize(
    ("prepare", "table", "message"),
    [
        ("CREATE VIEW v AS SELECT 1 AS id", "v", "There is no plain table v"),
        ("CREATE TABLE pairs (a int, b int, PRIMARY KEY (a, b))", "pairs", "no primary key of one column"),
        ("", "nowhere", "There is no plain table nowhere in that database."),
        ("", "nowhere.products", "There is no plain table nowhere.products"),
    ],
)
def test_what_cannot_be_locked_stays_as_it_is(legacy, prepare, table, message):
    legacy.execute(prepare)
    before = objects_beside(legacy)

    refused, code = legacy.refused("lock", "--table", table, "--actor", "sam.dube")

    assert message in refused
    assert code == 2
    assert objects_beside(legacy) == before
    assert not AuditEntry.objects.exists()


def test_a_table_in_use_is_not_waited_for_for_ever(legacy, monkeypatch):
    monkeypatch.setattr("circletel.predecessor.source.LOCK_SECONDS", 0.001)
    with psycopg.connect(legacy.url) as other:
        other.execute("DELETE FROM products")

        message, code = legacy.refused("lock", "--actor", "sam.dube")

    assert "others are using the table; try again when their transactions have ended" in message
    assert code == 2
    assert objects_beside(legacy) == ["products", "products_id_seq", "products_pkey"]


@pytest.mark.parametrize(
    "table", ["admin_products", "service_packages", "django_migrations", "legacy_products"]
)
def test_the_catalogue_itself_is_never_locked(table):
    """Without an address it is our own database."""
    with pytest.raises(CommandError, match="is this catalogue's own table, not the predecessor's") as refused:
        call_command("legacy_products", "lock", "--table", table, "--actor", "sam.dube")

    assert refused.value.returncode == 2


def test_whoever_may_not_lock_is_refused_and_that_is_written_down(legacy):
    before = objects_beside(legacy)

    refused = legacy.refused("lock", "--actor", "thandi.naidoo")

    assert refused == ("Thandi Naidoo may not lock the legacy table.", 2)
    assert objects_beside(legacy) == before
    entry = AuditEntry.objects.get()
    assert (entry.action, entry.result, entry.target_name) == (
        "legacy locked",
        "refused",
        f"{legacy.database}.public.products",
    )
