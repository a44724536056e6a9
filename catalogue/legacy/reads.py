"""Who still reads the legacy table: counted reads once it is locked, and PostgreSQL's own statistics."""

import json
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from psycopg.sql import Literal

from catalogue.legacy.locking import LockFacts, lock_facts, names
from catalogue.legacy.source import Session, Table


@dataclass(frozen=True)
class DayOfReads:
    """How often one login, in a role and a program, read on one civil day (Africa/Johannesburg)."""

    day: date
    login: str
    role: str | None
    program: str | None
    reads: int
    last_at: datetime


@dataclass(frozen=True)
class Reads:
    """`total` reads are in the log, by `days`. `traces` counts every read since PostgreSQL's statistics began, with
    those in READ ONLY transactions and in transactions undone; the last is known from PostgreSQL 16 on.

    `statistics` is what pg_stat_user_tables says of the rows, whoever touched them: backups and this command
    are among the scans.
    """

    lock: LockFacts | None
    statistics: dict[str, Any]
    days: list[DayOfReads] = field(default_factory=list)
    total: int = 0
    last_at: datetime | None = None
    traces: int = 0
    last_trace_at: datetime | None = None

    @property
    def not_in_log(self) -> int:
        return max(0, self.traces - self.total)

    @property
    def last_seen(self) -> datetime | None:
        return max((at for at in (self.last_at, self.last_trace_at) if at), default=None)


def reads_of(session: Session, table: Table, *, now: datetime, days: int = 30) -> Reads:
    """`days` is how far back the list goes; totals and the last read are since the lock."""
    lock = lock_facts(session, table)
    statistics = _statistics(session, table)
    if lock is None:
        return Reads(None, statistics)
    parts = names(table)
    listed = session.all(
        """SELECT (at AT TIME ZONE 'Africa/Johannesburg')::date, login, role, program, count(*), max(at)
           FROM {schema}.{reads} WHERE at >= {since} GROUP BY 1, 2, 3, 4 ORDER BY 1 DESC, 5 DESC, 2, 3, 4""",
        since=Literal(now - timedelta(days=days)),
        **parts,
    )
    # Of a column that no index has: counting in the key would look like a read.
    total, last_at = session.all("SELECT count(login), max(at) FROM {schema}.{reads}", **parts)[0]
    listed_days = [DayOfReads(*row) for row in listed]
    return Reads(lock, statistics, listed_days, total, last_at, *_traces(session, table))


def _traces(session: Session, table: Table) -> tuple[int, datetime | None]:
    row = session.one(
        """SELECT to_jsonb(s) ->> 'idx_scan', (to_jsonb(s) ->> 'last_idx_scan')::timestamptz
           FROM pg_stat_user_indexes s WHERE schemaname = {schema} AND indexrelname = {index}""",
        schema=Literal(table.schema),
        index=Literal(f"{table.name}_reads_key"),
    )
    number, last_at = row or (0, None)
    return int(number or 0), last_at


def _statistics(session: Session, table: Table) -> dict[str, Any]:
    """{} for what is no table, as a view."""
    row = session.one(
        """SELECT to_jsonb(s), d.stats_reset::text
           FROM pg_stat_user_tables s JOIN pg_stat_database d ON d.datname = current_database()
           WHERE schemaname = {schema} AND relname = {table}""",
        schema=Literal(table.schema),
        table=Literal(table.stored_as),
    )
    if row is None:
        return {}
    found = json.loads(row[0]) if isinstance(row[0], str) else row[0]
    wanted = ("seq_scan", "idx_scan", "last_seq_scan", "last_idx_scan", "n_tup_ins", "n_tup_upd", "n_tup_del")
    return {name: found.get(name) for name in wanted} | {"counted_since": row[1]}
