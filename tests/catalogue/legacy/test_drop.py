"""`manage.py legacy_products drop`: refused while anybody needs the table, and never without a dump."""

import csv
import hashlib

import pytest

from catalogue.models import LegacyProduct
from circletel.core.models import AuditEntry
from tests.factories import ms_naidoo, person


@pytest.fixture(autouse=True)
def people(db):
    ms_naidoo()
    person("sam.dube", "Sync operator")


@pytest.fixture
def dump(tmp_path):
    return tmp_path / "products.csv"


def lock(old, days_ago=31):
    old.run("lock", "--actor", "sam.dube")
    old.execute(f"UPDATE products_lock SET locked_at = now() - interval '{days_ago} days'")


def read(old, days_ago):
    """A read so long ago. Its trace would be of today, so the statistics forget it."""
    old.execute("SELECT * FROM products")
    old.execute(
        f"UPDATE products_reads SET at = now() - interval '{days_ago} days' WHERE at > now() - interval '1 hour'"
    )
    old.execute("SELECT pg_stat_force_next_flush()")
    old.execute("SELECT pg_stat_reset_single_table_counters('products_reads_key'::regclass)")


def migrate(old):
    old.run("migrate", "--actor", "thandi.naidoo")


def refused(old, dump, *arguments):
    message, code = old.refused("drop", "--actor", "sam.dube", "--dump", dump, *arguments)
    assert code == 2
    assert not dump.exists()
    return message


def drop(old, dump, *arguments):
    return old.run("drop", "--actor", "sam.dube", "--dump", dump, *arguments)


def tables(old):
    found = old.execute(
        "SELECT relname::text FROM pg_class WHERE relname LIKE 'products%' AND relkind IN ('r', 'v')"
    )
    return sorted(row[0] for row in found)


@pytest.mark.parametrize("where", ["old", "elsewhere"])
def test_a_table_locked_and_unread_for_30_days_is_dumped_and_dropped(request, where, dump):
    old = request.getfixturevalue(where)
    row = old.add(description='Fast,\n"very" fast')
    migrate(old)
    lock(old)

    out, _err = drop(old, dump)

    digest = hashlib.sha256(dump.read_bytes()).hexdigest()
    with dump.open(newline="") as file:
        (dumped,) = csv.DictReader(file)
    assert (dumped["id"], dumped["sku"], dumped["description"]) == (str(row), "OLD-1", 'Fast,\n"very" fast')
    assert out.endswith(f"public.products dropped; its 1 rows are in {dump} (SHA-256 {digest}).\n")
    assert tables(old) == []
    assert old.execute("SELECT count(*) FROM pg_proc WHERE proname LIKE 'products%'") == [(0,)]
    entry = AuditEntry.objects.get(action="legacy dropped")
    assert (entry.actor_name, entry.result) == ("Sam Dube", "done")
    assert digest in entry.detail
    assert LegacyProduct.objects.get().row["sku"] == "OLD-1"


@pytest.mark.parametrize("where", ["old", "elsewhere"])
def test_a_table_that_is_not_locked_is_not_dropped(request, where, dump):
    old = request.getfixturevalue(where)

    message = refused(old, dump)

    assert "public.products is not locked, so nobody knows who reads it: lock it and wait 30 days." in message
    assert tables(old) == ["products"]


def test_it_is_not_dropped_before_30_days_of_lock(elsewhere, dump):
    lock(elsewhere, days_ago=29)

    assert "was locked only 29 days ago, on " in refused(elsewhere, dump)


@pytest.mark.parametrize(("days_ago", "is_dropped"), [(29, False), (31, True)])
def test_it_is_not_dropped_within_30_days_of_a_read(elsewhere, dump, days_ago, is_dropped):
    lock(elsewhere, days_ago=90)
    read(elsewhere, days_ago)

    if is_dropped:
        drop(elsewhere, dump)
    else:
        assert "It was last read on " in refused(elsewhere, dump)

    assert (tables(elsewhere) == []) is is_dropped


def test_reads_that_left_a_trace_only_keep_it_too(elsewhere, dump):
    lock(elsewhere)
    for statement in (
        "BEGIN READ ONLY",
        "SELECT * FROM products",
        "COMMIT",
        "SELECT pg_stat_force_next_flush()",
    ):
        elsewhere.execute(statement)

    assert "It was last read on " in refused(elsewhere, dump)


def test_rows_that_are_not_in_the_catalogue_keep_it(elsewhere, dump):
    elsewhere.add()
    migrate(elsewhere)
    lock(elsewhere)
    elsewhere.execute("ALTER TABLE products_locked DISABLE TRIGGER ALL")
    elsewhere.add(sku="OLD-2")
    elsewhere.execute("SELECT pg_stat_force_next_flush()")

    assert "1 of its 2 rows not in the catalogue: migrate them first." in refused(elsewhere, dump)


def test_force_needs_a_reason_and_writes_it_down_with_what_spoke_against_it(elsewhere, dump):
    elsewhere.add()

    assert refused(elsewhere, dump, "--force") == "Say why it is dropped all the same, with --reason."
    drop(elsewhere, dump, "--force", "--reason", "the shop is gone")

    assert tables(elsewhere) == []
    detail = AuditEntry.objects.get(action="legacy dropped", result="done").detail
    assert f"forced: the shop is gone, although {elsewhere.database}.public.products is not locked" in detail


def test_a_refused_drop_is_in_the_audit_trail(elsewhere, dump):
    refused(elsewhere, dump)

    entry = AuditEntry.objects.get(action="legacy dropped")
    assert (entry.actor_name, entry.result) == ("Sam Dube", "refused")
    assert "is not locked" in entry.detail


def test_a_file_that_is_there_is_not_overwritten(elsewhere, dump):
    dump.write_text("precious")

    message, code = elsewhere.refused(
        "drop", "--actor", "sam.dube", "--dump", dump, "--force", "--reason", "x"
    )

    assert (message, code) == (f"{dump} exists already: name a new file with --dump.", 2)
    assert dump.read_text() == "precious"
    assert tables(elsewhere) == ["products"]


def test_without_a_dump_nothing_is_dropped(elsewhere, tmp_path):
    nowhere = tmp_path / "missing" / "products.csv"

    message, code = elsewhere.refused(
        "drop", "--actor", "sam.dube", "--dump", nowhere, "--force", "--reason", "x"
    )

    assert (message, code) == (
        f"{nowhere} cannot be written: No such file or directory. Nothing was dropped.",
        2,
    )
    assert tables(elsewhere) == ["products"]


@pytest.mark.parametrize("is_locked", [True, False])
def test_what_others_need_is_not_dropped_even_by_force(elsewhere, dump, is_locked):
    elsewhere.execute("CREATE VIEW cheap AS SELECT * FROM products")
    if is_locked:
        lock(elsewhere)
    before = tables(elsewhere)

    message = refused(elsewhere, dump, "--force", "--reason", "x")

    assert "view cheap depends on table products" in message
    assert tables(elsewhere) == before


def test_whoever_may_not_drop_is_refused(elsewhere, dump):
    message, code = elsewhere.refused("drop", "--actor", "thandi.naidoo", "--dump", dump)

    assert (message, code) == ("Thandi Naidoo may not drop the legacy table.", 2)
    assert tables(elsewhere) == ["products"]
