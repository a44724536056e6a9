"""The legacy `products` table: its rows become drafts, each kept as it stood beside its product; then its end.

That is a lock, a trigger on the table which refuses every write, also from replication (readers notice nothing), and
then the dump to a file and the drop.
"""

import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.contrib.auth.models import User
from django.core.serializers.json import DjangoJSONEncoder
from django.db import transaction
from django.utils import timezone
from psycopg.sql import SQL, Composable, Identifier, Literal

from catalogue.models import LegacyProduct, LegacyTable, Product
from circletel.core import audit
from circletel.core.errors import Refused
from circletel.core.models import AuditEntry
from circletel.core.rights import ensure_may, name_of
from circletel.predecessor.packages import create_product, product_with_key
from circletel.predecessor.reading import MADE_UP_SKU, Options, Reader
from circletel.predecessor.run import MigrationRun, Outcome
from circletel.predecessor.source import (
    Connection,
    Row,
    SourceError,
    Table,
    connected,
    ensure_not_ours,
    find_table,
    rows_of,
)

_NOT_ACTIVE = {"inactive", "archived", "discontinued", "deleted", "disabled", "retired", "draft"}
_ACTIONS = {"lock": "legacy locked", "unlock": "legacy unlocked", "drop": "legacy dropped"}
_TRIGGER = "legacy_read_only"

_LOCK = """
CREATE FUNCTION {function}() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RAISE EXCEPTION USING ERRCODE = 'restrict_violation', MESSAGE = format(
        '%s.%s is read-only since %s: products live in the catalogue now, %s refused',
        TG_TABLE_SCHEMA, TG_TABLE_NAME, {since}, TG_OP);
END $$;
CREATE TRIGGER {trigger} BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON {table}
    FOR EACH STATEMENT EXECUTE FUNCTION {function}();
ALTER TABLE {table} ENABLE ALWAYS TRIGGER {trigger};
COMMENT ON TRIGGER {trigger} ON {table} IS {comment};
"""


def migrate(
    url: str | None, name: str, options: Options, *, actor: User, dry_run: bool = False
) -> MigrationRun:
    """Make a draft of every row that can be one; the others are in the report, with reasons.

    A row that is here already, or whose product is, changes nothing. With `dry_run` everything is rolled back at the
    end. Raises NotAllowed or SourceError, having written nothing.
    """
    with connected(url, read_only=True) as opened:
        table = find_table(opened, name)
        rows = rows_of(opened, table)
    with _refusal_recorded("legacy migrated", table, actor):
        ensure_may(actor, "catalogue.import_product", "import products")
    run = MigrationRun(actor, dry_run=dry_run)
    with transaction.atomic():
        _migrate(run, table, rows, options)
        transaction.set_rollback(dry_run)
    return run


def _record_of(table: Table) -> LegacyTable:
    """Our record of the table, locked until the transaction ends: one operation on it at a time."""
    records = LegacyTable.objects.select_for_update()
    return records.get_or_create(database=table.database, schema=table.schema, name=table.name)[0]


@contextmanager
def _refusal_recorded(action: str, table: Table, actor: User) -> Iterator[None]:
    """Write a refused attempt into the audit trail, after the rollback; not that a database cannot do something."""
    try:
        yield
    except SourceError:
        raise
    except Refused as refusal:
        with transaction.atomic():
            result = AuditEntry.Result.REFUSED
            audit.record(action, _record_of(table), actor=actor, result=result, detail=str(refusal))
        raise


def _migrate(run: MigrationRun, table: Table, rows: list[Row], options: Options) -> None:
    reader, record = Reader(table, options, run), _record_of(table)
    links = {link.legacy_id: link for link in LegacyProduct.objects.filter(table=record)}

    def write(row: Row) -> Outcome:
        values = _as_json(row.values)
        if link := links.get(row.id):
            if link.row != values:
                run.remark(table.name, row, "changed there since it came in: the product here is left alone")
            return Outcome.UNCHANGED
        content = reader.read(row)
        product = _product_like(content)
        if product is None:
            product = create_product(content, run.actor)
            if _is_not_active(row):
                run.remark(table.name, row, "is not active there, and a draft here")
        else:
            run.remark(table.name, row, f"is in the catalogue already, as {product}")
        LegacyProduct.objects.create(table=record, legacy_id=row.id, product=product, row=values)
        return Outcome.NEW

    run.each(table.name, rows, write)
    if run.wrote_something:
        counts = run.counts[table.name]
        detail = ", ".join(f"{counts[outcome]} {outcome}" for outcome in Outcome)
        audit.record("legacy migrated", record, actor=run.actor, detail=detail)


def _product_like(content: dict[str, Any]) -> Product | None:
    """The product with the row's SKU; of a row that has none, with its name and price. Archived ones count too."""
    if not content["sku"].startswith(MADE_UP_SKU):
        return product_with_key(content)
    return Product.objects.filter(
        name__iexact=content["name"],
        market_segment=content["market_segment"],
        provider__iexact=content["provider"],
        pricing__regular_price=content["pricing.regular_price"],
    ).first()


def _is_not_active(row: Row) -> bool:
    said = (row.values.get("is_active"), row.values.get("active"))
    return False in said or str(row.values.get("status")).casefold() in _NOT_ACTIVE


def _as_json(values: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(json.dumps(values, cls=DjangoJSONEncoder))
    return found


# --- its end


def lock_state(opened: Connection, table: Table) -> str:
    """Since when and by whom the table is locked, as words; empty when it is not."""
    found = opened.execute(
        "SELECT coalesce(obj_description(oid, 'pg_trigger'), 'locked') FROM pg_trigger"
        " WHERE tgrelid = %s::regclass AND tgname = %s",
        [table.identifier.as_string(), _TRIGGER],
    ).fetchone()
    return str(found[0]) if found else ""


def lock(url: str | None, name: str, *, actor: User) -> str:
    """Make the table read-only. Returns its `lock_state`; locked already, nothing changes."""
    with _operation(url, name, actor, "lock") as (opened, table, record):
        if state := lock_state(opened, table):
            return state
        since = f"{timezone.now():%Y-%m-%d %H:%M} UTC"
        state = f"locked since {since} by {name_of(actor)}"
        opened.execute(SQL(_LOCK).format(since=Literal(since), comment=Literal(state), **_names(table)))
        audit.record(_ACTIONS["lock"], record, actor=actor, changes={"locked": [False, True]})
        return state


def unlock(url: str | None, name: str, *, actor: User, reason: str) -> None:
    """Remove the lock. Refused without a reason."""
    with _operation(url, name, actor, "unlock") as (opened, table, record):
        if not reason.strip():
            raise Refused("say why the lock is taken back, with --reason")
        if not lock_state(opened, table):
            raise SourceError(f"{table} is not locked.")
        opened.execute(
            SQL("DROP TRIGGER {trigger} ON {table}; DROP FUNCTION {function}()").format(**_names(table))
        )
        changes = {"locked": [True, False]}
        audit.record(_ACTIONS["unlock"], record, actor=actor, changes=changes, detail=reason.strip())


def drop(
    url: str | None,
    name: str,
    *,
    actor: User,
    confirmed: str,
    dump: Path,
    force: bool = False,
    reason: str = "",
) -> str:
    """Write the rows to `dump` as CSV, then drop the table. Returns what was done, as a sentence.

    Refused unless forced with a reason: while it is not locked, or holds rows that are not in the catalogue. Refused
    always: unless `confirmed` repeats the name, over an existing file, and while other views or tables need it.
    """
    if confirmed != name:
        raise Refused(f"confirm that {name} is to be dropped, with --confirm {name}")
    if force and not reason.strip():
        raise Refused("say why it is dropped all the same, with --reason")
    with _operation(url, name, actor, "drop") as (opened, table, record):
        opened.execute(SQL("LOCK TABLE {} IN ACCESS EXCLUSIVE MODE").format(table.identifier))
        reasons = _objections(opened, table, record)
        if reasons and not force:
            raise Refused(*reasons, "--force with --reason drops it all the same")
        with _dumped(opened, table, dump) as (rows, digest):
            opened.execute(
                SQL("DROP TABLE {table}; DROP FUNCTION IF EXISTS {function}()").format(**_names(table))
            )
            done = f"{table} dropped; its {rows} rows are in {dump} (SHA-256 {digest})"
            forced = f"; forced: {reason.strip()}, although {'; '.join(reasons)}" if reasons else ""
            audit.record(_ACTIONS["drop"], record, actor=actor, detail=done + forced)
        return done


def _objections(opened: Connection, table: Table, record: LegacyTable) -> list[str]:
    reasons = [] if lock_state(opened, table) else [f"{table} is not locked: its rows may still change"]
    statement = SQL("SELECT ({})::text FROM {}").format(Identifier(table.key), table.identifier)
    there = {id for (id,) in opened.execute(statement)}
    left = there - set(LegacyProduct.objects.filter(table=record).values_list("legacy_id", flat=True))
    if left:
        reasons.append(f"{len(left)} of its {len(there)} rows are not in the catalogue: migrate them first")
    return reasons


@contextmanager
def _operation(
    url: str | None, name: str, actor: User, action: str
) -> Iterator[tuple[Connection, Table, LegacyTable]]:
    """Both transactions. The other database commits first: what can fail of ours has been written by then."""
    with connected(url, read_only=True) as opened:
        table = find_table(opened, name)
        ensure_not_ours(opened, table)
    with _refusal_recorded(_ACTIONS[action], table, actor), transaction.atomic(), connected(url) as opened:
        ensure_may(actor, "catalogue.retire_legacytable", f"{action} the legacy table")
        yield opened, table, _record_of(table)


@contextmanager
def _dumped(opened: Connection, table: Table, dump: Path) -> Iterator[tuple[int, str]]:
    """All rows as CSV with a header, on the disk when the block begins: their number and the SHA-256.

    The file is removed when the block raises; one that was there before is left alone.
    """
    digest = hashlib.sha256()
    try:
        file = dump.open("xb")
    except OSError as error:
        raise SourceError(f"{dump} cannot be written: {error.strerror}. Nothing was dropped.") from None
    try:
        with file, opened.cursor() as cursor:
            statement = SQL("COPY (SELECT * FROM {}) TO STDOUT (FORMAT csv, HEADER)").format(table.identifier)
            with cursor.copy(statement) as copy:
                for block in copy:
                    digest.update(block)
                    file.write(block)
            rows = cursor.rowcount
            file.flush()
            os.fsync(file.fileno())
        yield rows, digest.hexdigest()
    except BaseException:
        dump.unlink(missing_ok=True)
        raise


def _names(table: Table) -> dict[str, Composable]:
    function = Identifier(table.schema, f"{table.name[:40]}_{_TRIGGER}")
    return {"table": table.identifier, "trigger": Identifier(_TRIGGER), "function": function}
