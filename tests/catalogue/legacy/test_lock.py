"""`manage.py legacy_products lock`: read-only in the database itself, and every read counted."""

import json
from contextlib import contextmanager

import psycopg
import pytest
from psycopg.rows import tuple_row

from catalogue.models import Product
from circletel.core.models import AuditEntry
from tests.factories import ms_naidoo, person


@pytest.fixture(autouse=True)
def people(db):
    ms_naidoo()
    person("sam.dube", "Sync operator")


@pytest.fixture
def reader(elsewhere):
    """A login that may read the table and nothing else."""
    login = f"{elsewhere.database}_reader"  # roles belong to the server, which workers share
    elsewhere.execute(f"DROP ROLE IF EXISTS {login}")
    elsewhere.execute(f"CREATE ROLE {login} LOGIN PASSWORD 'x'")
    elsewhere.execute(f"GRANT SELECT ON products TO {login}")

    @contextmanager
    def connected(program="the shop"):
        url = psycopg.conninfo.make_conninfo(
            elsewhere.url, user=login, password="x", application_name=program
        )
        with psycopg.connect(url, autocommit=True, row_factory=tuple_row) as connection:
            yield connection

    connected.login = login
    yield connected
    elsewhere.execute(f"DROP OWNED BY {login}")
    elsewhere.execute(f"DROP ROLE {login}")


def lock(old, *arguments):
    return old.run("lock", "--actor", "sam.dube", *arguments)


def reads(old):
    return json.loads(old.run("lock", "--status", "--json")[0])


def objects_beside(old):
    relations = old.execute("SELECT relname::text FROM pg_class WHERE relname LIKE 'products%'")
    functions = old.execute("SELECT proname::text FROM pg_proc WHERE proname LIKE 'products%'")
    return sorted(row[0] for row in relations + functions)


@pytest.mark.parametrize("where", ["old", "elsewhere"])
@pytest.mark.parametrize(
    "write",
    [
        "INSERT INTO {} (name) VALUES ('New')",
        "UPDATE {} SET name = 'Other'",
        "UPDATE {} SET name = 'Other' WHERE false",
        "DELETE FROM {}",
    ],
)
@pytest.mark.parametrize("name", ["products", "products_locked"])
def test_every_write_is_refused_by_the_view_and_by_the_table(request, where, write, name):
    old = request.getfixturevalue(where)
    old.add()
    lock(old)
    before = old.execute("SELECT * FROM products_locked")
    old.execute("SAVEPOINT here") if where == "old" else None

    with pytest.raises(
        Exception, match=r"public.products is read-only since .*: products live in the catalogue now"
    ):
        old.execute(write.format(name))

    old.execute("ROLLBACK TO here") if where == "old" else None
    assert old.execute("SELECT * FROM products_locked") == before


def test_truncate_and_replication_are_refused_too(elsewhere):
    elsewhere.add()
    lock(elsewhere)

    with pytest.raises(psycopg.errors.RestrictViolation, match="TRUNCATE refused"):
        elsewhere.execute("TRUNCATE products_locked")
    elsewhere.execute("SET session_replication_role = replica")
    with pytest.raises(psycopg.errors.RestrictViolation, match="DELETE refused"):
        elsewhere.execute("DELETE FROM products_locked")

    assert elsewhere.execute("SELECT count(*) FROM products_locked") == [(1,)]


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT * FROM products",
        "SELECT name FROM products WHERE id = 1 ORDER BY name LIMIT 1",
        "SELECT name FROM products WHERE id = -1",
        "SELECT count(*) FROM products",
        "SELECT category, max(price_regular) FROM products GROUP BY 1 HAVING count(*) > 0",
        "SELECT p.id FROM generate_series(1, 100) n JOIN products p ON p.id <> n",
        "SELECT 1 WHERE EXISTS (SELECT FROM products WHERE name = 'Home Fibre 100')",
        "WITH p AS (SELECT * FROM products) SELECT * FROM p a, p b",
        "EXPLAIN ANALYZE SELECT * FROM products",
    ],
)
def test_a_read_works_as_before_and_is_counted_once(elsewhere, reader, statement):
    for number in range(5):
        elsewhere.add(sku=f"OLD-{number}")
    with reader() as shop:
        before = shop.execute(statement).fetchall()
        lock(elsewhere)

        after = shop.execute(statement).fetchall()

    seen = reads(elsewhere)
    assert (before == after) or statement.startswith("EXPLAIN")
    assert (seen["total"], seen["traces"], seen["not_in_log"]) == (1, 1, 0)
    (day,) = seen["days"]
    assert (day["login"], day["role"], day["program"], day["reads"]) == (reader.login, None, "the shop", 1)


def test_what_only_plans_a_read_is_not_counted(elsewhere, reader):
    lock(elsewhere)

    with reader() as shop:
        shop.execute("EXPLAIN SELECT * FROM products")

    assert (reads(elsewhere)["total"], reads(elsewhere)["last_seen"]) == (0, None)


def test_reads_are_told_apart_by_day_login_and_program(elsewhere, reader):
    lock(elsewhere)
    for program, times in (("the shop", 3), ("a report", 2)):
        with reader(program) as shop:
            for _ in range(times):
                shop.execute("SELECT * FROM products")
    elsewhere.execute("UPDATE products_reads SET at = '2026-11-01 22:30+00' WHERE id = 1")

    seen = reads(elsewhere)
    text, _err = elsewhere.run("lock", "--status")

    assert [(day["program"], day["reads"]) for day in seen["days"][:2]] == [("a report", 2), ("the shop", 2)]
    assert (seen["total"], [day["reads"] for day in seen["days"][2:]]) == (5, [1])
    assert seen["days"][2]["day"] == "2026-11-02"
    assert "5 reads counted since; last seen: " in text
    assert ["2026-11-02", reader.login, "-", "the", "shop", "1"] in [
        line.split() for line in text.splitlines()
    ]


def test_a_read_that_cannot_be_written_down_works_and_leaves_a_trace(elsewhere, reader):
    elsewhere.add()
    lock(elsewhere)

    with reader() as shop:
        shop.execute("BEGIN READ ONLY")
        assert shop.execute("SELECT name FROM products").fetchall() == [("Home Fibre 100",)]
        shop.execute("COMMIT")
        shop.execute("BEGIN")
        shop.execute("SELECT name FROM products")
        shop.execute("ROLLBACK")

    seen = reads(elsewhere)
    assert (seen["total"], seen["traces"], seen["not_in_log"]) == (0, 2, 2)
    assert seen["last_seen"] is not None
    assert "2 more reads left a trace only" in elsewhere.run("lock", "--status")[0]


def test_a_read_never_fails_because_the_log_is_broken(elsewhere, reader):
    elsewhere.add()
    lock(elsewhere)
    elsewhere.execute("ALTER TABLE products_reads RENAME TO elsewhere")

    with reader() as shop:
        assert len(shop.execute("SELECT * FROM products").fetchall()) == 1


def test_two_readers_do_not_wait_for_one_another(elsewhere, reader):
    lock(elsewhere)

    with reader() as first, reader() as second:
        first.execute("BEGIN")
        first.execute("SELECT * FROM products")
        second.execute("SET lock_timeout = '1ms'")
        second.execute("SELECT * FROM products")
        first.execute("COMMIT")

    assert reads(elsewhere)["total"] == 2


def test_readers_neither_gain_nor_lose_rights(elsewhere, reader):
    elsewhere.execute("ALTER TABLE products ENABLE ROW LEVEL SECURITY")
    elsewhere.execute(f"CREATE POLICY of_shop ON products FOR SELECT TO {reader.login} USING (is_active)")
    elsewhere.add()
    elsewhere.add(sku="OLD-2", is_active=False)
    stranger = f"{elsewhere.database}_stranger"
    elsewhere.execute(f"CREATE ROLE {stranger}")
    lock(elsewhere)

    with reader() as shop:
        seen = shop.execute("SELECT sku FROM products").fetchall()
        for refused in ("DELETE FROM products", "SELECT * FROM products_reads", "DELETE FROM products_reads"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                shop.execute(refused)
    elsewhere.execute(f"SET ROLE {stranger}")
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        elsewhere.execute("SELECT * FROM products")
    elsewhere.execute(f"RESET ROLE; DROP ROLE {stranger}")

    assert seen == [("OLD-1",)]


def test_audit_and_migrate_read_a_locked_table_and_are_not_counted(elsewhere):
    elsewhere.add()
    lock(elsewhere)

    text, _err = elsewhere.run("audit")
    elsewhere.run("migrate", "--actor", "thandi.naidoo")

    assert f"{elsewhere.database}.public.products: 1 rows" in text
    assert "Locked on " in text
    assert "by Sam Dube." in text
    assert Product.objects.count() == 1
    assert (reads(elsewhere)["total"], reads(elsewhere)["traces"]) == (0, 0)


def test_a_second_lock_changes_nothing(elsewhere):
    lock(elsewhere)
    elsewhere.execute("SELECT * FROM products")
    before = (
        elsewhere.execute("SELECT * FROM products_lock"),
        objects_beside(elsewhere),
        reads(elsewhere)["lock"],
    )

    lock(elsewhere)

    after = (
        elsewhere.execute("SELECT * FROM products_lock"),
        objects_beside(elsewhere),
        reads(elsewhere)["lock"],
    )
    assert after == before
    assert reads(elsewhere)["total"] == 1
    assert [
        (entry.actor_name, entry.changes) for entry in AuditEntry.objects.filter(action="legacy locked")
    ] == [("Sam Dube", {"locked": [False, True]})]


def test_the_lock_can_be_taken_back_with_a_reason(elsewhere):
    elsewhere.add()
    before = objects_beside(elsewhere)
    lock(elsewhere)
    assert len(objects_beside(elsewhere)) > len(before)

    refused = elsewhere.refused("lock", "--undo", "--actor", "sam.dube")
    elsewhere.run("lock", "--undo", "--reason", "the shop is down", "--actor", "sam.dube")

    assert refused == ("Say why the lock is taken back, with --reason.", 2)
    assert objects_beside(elsewhere) == before
    elsewhere.execute("UPDATE products SET name = 'Other'")
    assert AuditEntry.objects.get(action="legacy unlocked", result="done").detail == "the shop is down"
    assert "is not locked" in elsewhere.refused("lock", "--undo", "--reason", "x", "--actor", "sam.dube")[0]


def test_views_that_read_the_rows_directly_are_named(elsewhere):
    elsewhere.execute("CREATE VIEW cheap AS SELECT * FROM products WHERE price_regular < 500")

    _out, err = lock(elsewhere)

    assert err == "The view cheap reads the rows directly: reads through it are not counted.\n"


@pytest.mark.parametrize(
    ("prepare", "table", "said"),
    [
        ("CREATE VIEW v AS SELECT 1 AS id", "v", "only a plain table is locked"),
        (
            "CREATE TABLE products_reads (id int)",
            "products",
            "public.products_reads exists already and is not ours",
        ),
        ("CREATE TABLE child () INHERITS (products)", "products", "has tables that inherit from it"),
        (f"CREATE TABLE {'x' * 60} (id int)", "x" * 60, "is too long: at most 50 characters"),
    ],
)
def test_what_cannot_be_locked_stays_as_it_is(elsewhere, prepare, table, said):
    elsewhere.execute(prepare)
    before = objects_beside(elsewhere)

    message, code = elsewhere.refused("lock", "--table", table, "--actor", "sam.dube")

    assert said in message
    assert code == 2
    assert objects_beside(elsewhere) == before
    assert not AuditEntry.objects.filter(result="done").exists()


def test_a_table_in_use_is_not_waited_for_for_ever(elsewhere, monkeypatch):
    monkeypatch.setattr("catalogue.legacy.locking.LOCK_SECONDS", 0.001)
    with psycopg.connect(elsewhere.url) as other:
        other.execute("SELECT * FROM products")

        message, code = elsewhere.refused("lock", "--actor", "sam.dube")

    assert "others are using the table; try again when their transactions have ended" in message
    assert code == 2
    assert objects_beside(elsewhere) == ["products", "products_id_seq", "products_pkey"]


@pytest.mark.parametrize(
    "table", ["admin_products", "service_packages", "django_migrations", "legacy_products"]
)
def test_the_catalogue_itself_is_never_locked(old, table):
    message, code = old.refused("lock", "--table", table, "--actor", "sam.dube")

    assert "belongs to the catalogue itself; it is not a legacy table." in message
    assert code == 2


def test_whoever_may_not_lock_is_refused_and_that_is_written_down(elsewhere):
    before = objects_beside(elsewhere)

    refused = elsewhere.refused("lock", "--actor", "thandi.naidoo")

    assert refused == ("Thandi Naidoo may not lock the legacy table.", 2)
    assert objects_beside(elsewhere) == before
    entry = AuditEntry.objects.get()
    assert (entry.action, entry.result, entry.target_name) == (
        "legacy locked",
        "refused",
        f"{elsewhere.database}.public.products",
    )
