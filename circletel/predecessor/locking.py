"""The end of the legacy table: read-only in PostgreSQL, then dumped to a file and dropped.

The lock is a trigger on the table, which refuses every write, also from replication. Readers notice nothing.
"""

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone
from psycopg.sql import SQL, Composable, Identifier, Literal

from catalogue.models import LegacyProduct, LegacyTable
from circletel.core import audit
from circletel.core.errors import Refused
from circletel.core.rights import ensure_may, name_of
from circletel.predecessor.legacy_table import record_of, refusal_recorded
from circletel.predecessor.source import (
    Connection,
    SourceError,
    Table,
    connected,
    ensure_not_ours,
    find_table,
)

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
    with refusal_recorded(_ACTIONS[action], table, actor), transaction.atomic(), connected(url) as opened:
        ensure_may(actor, "catalogue.retire_legacytable", f"{action} the legacy table")
        yield opened, table, record_of(table)


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
