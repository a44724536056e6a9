"""Locking, unlocking and dropping the legacy table, by someone who may, with an audit entry."""

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from django.contrib.auth.models import User
from django.db import connection, transaction
from django.utils import timezone
from psycopg.sql import SQL, Literal

from catalogue.legacy.locking import LOCK_SECONDS, Locked, lock_table, names, unlock_table
from catalogue.legacy.migration import locked_record
from catalogue.legacy.reads import Reads, reads_of
from catalogue.legacy.source import LegacyDatabase, LegacyTrouble, Session, Table, find_table
from catalogue.models import LegacyProduct, LegacyTable
from circletel.core import audit
from circletel.core.errors import Refused
from circletel.core.models import AuditEntry
from circletel.core.rights import ensure_may, name_of

QUIET_DAYS = 30


@dataclass(frozen=True)
class Dropped:
    table: Table
    rows: int
    dump: Path
    sha256: str

    def __str__(self) -> str:
        return f"{self.table} dropped; its {self.rows} rows are in {self.dump} (SHA-256 {self.sha256})"


def lock(database: LegacyDatabase, name: str, *, actor: User) -> Locked:
    """Make the table read-only and count its reads from now on. Locked already, nothing changes."""
    _ensure_may(actor, "lock the legacy table")
    with _deed(database, name) as (session, table, record):
        already = table.is_locked
        locked = lock_table(session, table, by=name_of(actor), at=timezone.now())
        if not already:
            audit.record("legacy locked", record, actor=actor, changes={"locked": [False, True]})
        return locked


def unlock(database: LegacyDatabase, name: str, *, actor: User, reason: str) -> Table:
    """Take the lock back, with its counted reads. Refused without a reason."""
    _ensure_may(actor, "unlock the legacy table")
    if not reason.strip():
        raise Refused("say why the lock is taken back, with --reason")
    with _deed(database, name) as (session, table, record):
        unlock_table(session, table)
        audit.record(
            "legacy unlocked", record, actor=actor, changes={"locked": [True, False]}, detail=reason.strip()
        )
        return table


def drop(
    database: LegacyDatabase, name: str, *, actor: User, dump: Path, force: bool = False, reason: str = ""
) -> Dropped:
    """Write the rows to `dump` as CSV, then drop the table with all that its lock put beside it.

    Refused, unless forced with a reason: while it is not locked, was locked or read within 30 days, or holds
    rows that are not in the catalogue. Refused always: over an existing file, and while other views, tables or
    functions need the table.
    """
    _ensure_may(actor, "drop the legacy table")
    if force and not reason.strip():
        raise Refused("say why it is dropped all the same, with --reason")
    if dump.exists():
        raise LegacyTrouble(f"{dump} exists already: name a new file with --dump.")
    with _deed(database, name) as (session, table, record):
        session.run(SQL("SET LOCAL lock_timeout = {}").format(Literal(f"{LOCK_SECONDS}s")))
        # Nobody can read or write between the look and the drop.
        session.run("LOCK TABLE {schema}.{stored} IN ACCESS EXCLUSIVE MODE", **names(table))
        reasons = objections(session, table, record, now=timezone.now())
        if reasons and not force:
            raise Refused(*reasons, "--force with --reason drops it all the same")
        rows, digest = _write_dump(session, table, dump)
        with _removed_on_failure(dump):
            _drop(session, table)
        dropped = Dropped(table, rows, dump, digest)
        detail = str(dropped) + (
            f"; forced: {reason.strip()}, although {'; '.join(reasons)}" if reasons else ""
        )
        audit.record("legacy dropped", record, actor=actor, detail=detail)
        return dropped


def objections(session: Session, table: Table, record: LegacyTable, *, now: datetime) -> list[str]:
    """What speaks against dropping the table; empty when nothing does."""
    seen = reads_of(session, table, now=now, days=QUIET_DAYS)
    if seen.lock is None:
        reasons = [f"{table} is not locked, so nobody knows who reads it: lock it and wait {QUIET_DAYS} days"]
    else:
        reasons = _too_soon(table, seen, now)
    total = session.all("SELECT count(*) FROM {schema}.{stored}", **names(table))[0][0]
    left = total - LegacyProduct.objects.filter(table=record).count()
    if left > 0:
        reasons.append(f"{left} of its {total} rows not in the catalogue: migrate them first")
    return reasons


def record_refusal(
    database: LegacyDatabase, name: str, action: str, *, actor: User, refusal: Refused
) -> None:
    """Write a refused attempt into the audit trail. Called by the door, after what was undone."""
    with database.session() as session:
        table = find_table(session, name)
    with transaction.atomic():
        record = locked_record(table)
        audit.record(action, record, actor=actor, result=AuditEntry.Result.REFUSED, detail=str(refusal))


def _too_soon(table: Table, seen: Reads, now: datetime) -> list[str]:
    quiet, reasons = timedelta(days=QUIET_DAYS), []
    assert seen.lock is not None
    locked_at = seen.lock.locked_at
    if now - locked_at < quiet:
        days = (now - locked_at).days
        reasons.append(
            f"{table} was locked only {days} days ago, on {locked_at:%-d %b %Y}; wait for {QUIET_DAYS}"
        )
    if seen.last_seen and now - seen.last_seen < quiet:
        reasons.append(
            f"it was last read on {seen.last_seen:%-d %b %Y at %H:%M} UTC, within {QUIET_DAYS} days"
        )
    elif seen.not_in_log and seen.last_trace_at is None:
        reasons.append(
            f"it was read {seen.not_in_log} times in transactions that leave no date (PostgreSQL before 16)"
        )
    return reasons


@contextmanager
def _deed(database: LegacyDatabase, name: str) -> Iterator[tuple[Session, Table, LegacyTable]]:
    """Both transactions. The legacy database's is kept first: what can fail of ours has been written by then."""
    with transaction.atomic(), database.session() as session:
        table = find_table(session, name)
        _ensure_not_ours(session, table)
        yield session, table, locked_record(table)


def _ensure_not_ours(session: Session, table: Table) -> None:
    """A slip of the pen must not lock or drop the catalogue itself."""
    ours = {*connection.introspection.django_table_names(), "django_migrations"}
    migrations = f"{table.schema}.django_migrations"
    in_a_catalogue = session.one(
        SQL("SELECT 1 WHERE to_regclass({}) IS NOT NULL").format(Literal(migrations))
    )
    if table.name in ours and in_a_catalogue:
        raise LegacyTrouble(f"{table} belongs to the catalogue itself; it is not a legacy table.")


def _write_dump(session: Session, table: Table, dump: Path) -> tuple[int, str]:
    """All rows as CSV with a header, on the disk before the table goes. Returns their number and the SHA-256."""
    (rows,) = session.all("SELECT count(*) FROM {schema}.{stored}", **names(table))[0]
    digest = hashlib.sha256()
    try:
        with dump.open("xb") as file, _removed_on_failure(dump):
            for block in session.copy_out(
                "COPY (SELECT * FROM {schema}.{stored}) TO STDOUT (FORMAT csv, HEADER)", **names(table)
            ):
                digest.update(block)
                file.write(block)
            file.flush()
            os.fsync(file.fileno())
    except OSError as trouble:
        raise LegacyTrouble(f"{dump} cannot be written: {trouble.strerror}. Nothing was dropped.") from None
    return rows, digest.hexdigest()


@contextmanager
def _removed_on_failure(dump: Path) -> Iterator[None]:
    try:
        yield
    except BaseException:
        dump.unlink(missing_ok=True)
        raise


def _drop(session: Session, table: Table) -> None:
    if table.is_locked:
        unlock_table(session, table)
    session.run("DROP TABLE {schema}.{name}", **names(table))


def _ensure_may(actor: User, deed: str) -> None:
    ensure_may(actor, "catalogue.retire_legacytable", deed)
