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


def lock(legacy):
    legacy.run("lock", "--actor", "sam.dube")


def migrate(legacy):
    legacy.run("migrate", "--actor", "thandi.naidoo")


def refused(legacy, dump, *arguments):
    message, code = legacy.refused(
        "drop", "--actor", "sam.dube", "--confirm", "products", "--dump", dump, *arguments
    )
    assert code == 2
    assert not dump.exists()
    return message


def drop(legacy, dump, *arguments):
    return legacy.run("drop", "--actor", "sam.dube", "--confirm", "products", "--dump", dump, *arguments)


def tables(legacy):
    found = legacy.execute(
        "SELECT relname::text FROM pg_class WHERE relname LIKE 'products%' AND relkind IN ('r', 'v')"
    )
    return sorted(row[0] for row in found)


def test_a_locked_table_whose_rows_are_all_here_is_dumped_and_dropped(legacy, dump):
    row = legacy.add(description='Fast,\n"very" fast')
    migrate(legacy)
    lock(legacy)

    out = drop(legacy, dump)

    digest = hashlib.sha256(dump.read_bytes()).hexdigest()
    with dump.open(newline="") as file:
        (dumped,) = csv.DictReader(file)
    assert (dumped["id"], dumped["sku"], dumped["description"]) == (str(row), "OLD-1", 'Fast,\n"very" fast')
    assert out.endswith(f"public.products dropped; its 1 rows are in {dump} (SHA-256 {digest}).\n")
    assert tables(legacy) == []
    assert legacy.execute("SELECT count(*) FROM pg_proc WHERE proname LIKE 'products%'") == [(0,)]
    entry = AuditEntry.objects.get(action="legacy dropped")
    assert (entry.actor_name, entry.result) == ("Sam Dube", "done")
    assert digest in entry.detail
    assert LegacyProduct.objects.get().row["sku"] == "OLD-1"


def test_a_table_that_is_not_locked_is_not_dropped(legacy, dump):
    message = refused(legacy, dump)

    assert "public.products is not locked: its rows may still change." in message
    assert tables(legacy) == ["products"]


def test_it_is_not_dropped_unless_its_name_is_confirmed(legacy, dump):
    migrate(legacy)
    lock(legacy)

    message, code = legacy.refused("drop", "--actor", "sam.dube", "--dump", dump, "--confirm", "packages")

    assert (message, code) == ("Confirm that products is to be dropped, with --confirm products.", 2)
    assert tables(legacy) == ["products"]


def test_rows_that_are_not_in_the_catalogue_keep_it(legacy, dump):
    legacy.add()
    migrate(legacy)
    lock(legacy)
    legacy.execute("ALTER TABLE products DISABLE TRIGGER ALL")
    legacy.add(sku="OLD-2")

    assert "1 of its 2 rows are not in the catalogue: migrate them first." in refused(legacy, dump)


def test_force_needs_a_reason_and_writes_it_down_with_what_spoke_against_it(legacy, dump):
    legacy.add()

    assert refused(legacy, dump, "--force") == "Say why it is dropped all the same, with --reason."
    drop(legacy, dump, "--force", "--reason", "the shop is gone")

    assert tables(legacy) == []
    detail = AuditEntry.objects.get(action="legacy dropped", result="done").detail
    assert f"forced: the shop is gone, although {legacy.database}.public.products is not locked" in detail


def test_a_refused_drop_is_in_the_audit_trail(legacy, dump):
    refused(legacy, dump)

    entry = AuditEntry.objects.get(action="legacy dropped")
    assert (entry.actor_name, entry.result) == ("Sam Dube", "refused")
    assert "is not locked" in entry.detail


def test_a_file_that_is_there_is_not_overwritten(legacy, dump):
    dump.write_text("precious")

    message, code = legacy.refused(
        "drop",
        "--actor",
        "sam.dube",
        "--confirm",
        "products",
        "--dump",
        dump,
        "--force",
        "--reason",
        "x",
    )

    assert (message, code) == (f"{dump} cannot be written: File exists. Nothing was dropped.", 2)
    assert dump.read_text() == "precious"
    assert tables(legacy) == ["products"]


def test_without_a_dump_nothing_is_dropped(legacy, tmp_path):
    nowhere = tmp_path / "missing" / "products.csv"

    message, code = legacy.refused(
        "drop",
        "--actor",
        "sam.dube",
        "--confirm",
        "products",
        "--dump",
        nowhere,
        "--force",
        "--reason",
        "x",
    )

    assert (message, code) == (
        f"{nowhere} cannot be written: No such file or directory. Nothing was dropped.",
        2,
    )
    assert tables(legacy) == ["products"]


@pytest.mark.parametrize("is_locked", [True, False])
def test_what_others_need_is_not_dropped_even_by_force(legacy, dump, is_locked):
    legacy.execute("CREATE VIEW cheap AS SELECT * FROM products")
    if is_locked:
        lock(legacy)
    before = tables(legacy)

    message = refused(legacy, dump, "--force", "--reason", "x")

    assert "view cheap depends on table products" in message
    assert tables(legacy) == before


def test_whoever_may_not_drop_is_refused(legacy, dump):
    message, code = legacy.refused(
        "drop", "--actor", "thandi.naidoo", "--confirm", "products", "--dump", dump
    )

    assert (message, code) == ("Thandi Naidoo may not drop the legacy table.", 2)
    assert tables(legacy) == ["products"]
