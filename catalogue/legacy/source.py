"""The legacy table where it is: in our own database or in another one. Only SQL here, no knowledge of products."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, LiteralString

import psycopg
from django.db import DatabaseError, connection, transaction
from psycopg.sql import SQL, Composable, Identifier, Literal

from circletel.core.errors import Refused

CONNECT_SECONDS = 10
_NAMES_SHOWN = 10


class LegacyTrouble(Refused):
    """The legacy database or table cannot be reached, found or used; the text says what to do."""


@dataclass(frozen=True)
class Column:
    name: str
    type: str


@dataclass(frozen=True)
class Table:
    """`name` is what its readers call it; `stored_as` is where its rows are, another name once it is locked."""

    database: str
    schema: str
    name: str
    stored_as: str
    kind: str
    key: str
    columns: tuple[Column, ...]

    @property
    def is_locked(self) -> bool:
        return self.stored_as != self.name

    def __str__(self) -> str:
        return f"{self.database}.{self.schema}.{self.name}"


@dataclass(frozen=True)
class Row:
    id: str
    values: dict[str, Any]


class Session:
    """Statements in one transaction of the legacy database. Values and names are composed, never pasted."""

    def __init__(self, cursor: Any) -> None:
        self._cursor = cursor

    def run(self, statement: LiteralString | Composable, **parts: Composable) -> None:
        composed = SQL(statement).format(**parts) if isinstance(statement, str) else statement
        # Without parameters, so that a per cent sign in a name stays what it is.
        self._cursor.execute(composed.as_string(None))

    def all(self, statement: LiteralString | Composable, **parts: Composable) -> list[tuple[Any, ...]]:
        self.run(statement, **parts)
        return list(self._cursor.fetchall())

    def one(self, statement: LiteralString | Composable, **parts: Composable) -> tuple[Any, ...] | None:
        rows = self.all(statement, **parts)
        return rows[0] if rows else None

    def copy_out(self, statement: LiteralString, **parts: Composable) -> Iterator[bytes]:
        with self._cursor.copy(SQL(statement).format(**parts).as_string(None)) as copy:
            for block in copy:
                yield bytes(block)


@dataclass(frozen=True)
class LegacyDatabase:
    """`url` as in DATABASE_URL; None is our own database."""

    url: str | None = None

    @contextmanager
    def session(self) -> Iterator[Session]:
        """One transaction there: kept when the block ends, undone when it raises. Raises LegacyTrouble."""
        try:
            if self.url is None:
                with transaction.atomic(), connection.cursor() as cursor:
                    yield Session(cursor)
            else:
                with self._connected() as other, other.cursor() as cursor:
                    yield Session(cursor)
        except (psycopg.Error, DatabaseError) as error:
            cause = error if isinstance(error, psycopg.Error) else error.__cause__
            raise LegacyTrouble(
                f"PostgreSQL refused it, and nothing was changed: {_said(cause) or error}"
            ) from error

    def _connected(self) -> psycopg.Connection[Any]:
        try:
            return psycopg.connect(
                self.url or "", connect_timeout=CONNECT_SECONDS, application_name="circletel legacy_products"
            )
        except psycopg.Error as error:
            # What psycopg says names host and database, never the password.
            said = str(error).strip().split("\n")[0]
            raise LegacyTrouble(f"The legacy database cannot be reached: {said}") from error


def find_table(session: Session, wanted: str, *, key: str = "") -> Table:
    """The table `wanted`, as `table` or `schema.table`; `key` names its key where it has no primary key."""
    schema, _, name = wanted.rpartition(".")
    found = session.one(
        """SELECT current_database(), n.nspname, c.relkind::text, to_regclass(
                  quote_ident(n.nspname) || '.' || quote_ident(c.relname || '_lock')) IS NOT NULL
           FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
           WHERE c.relname = {name} AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
             AND n.nspname = ANY (CASE WHEN {schema} = '' THEN current_schemas(false)::text[] ELSE ARRAY[{schema}] END)
           ORDER BY array_position(current_schemas(false)::text[], n.nspname::text) LIMIT 1""",
        name=Literal(name),
        schema=Literal(schema),
    )
    if found is None:
        raise LegacyTrouble(_not_found(session, schema, name))
    database, schema, kind, has_lock = found
    stored_as = f"{name}_locked" if has_lock and kind == "v" else name
    columns = tuple(
        Column(*row)
        for row in session.all(
            """SELECT column_name, CASE data_type WHEN 'ARRAY' THEN ltrim(udt_name, '_') || '[]' ELSE data_type END
               FROM information_schema.columns WHERE table_schema = {schema} AND table_name = {table}
               ORDER BY ordinal_position""",
            schema=Literal(schema),
            table=Literal(stored_as),
        )
    )
    if not columns:
        raise LegacyTrouble(f"This login may not read {database}.{schema}.{name}: grant it SELECT.")
    table = Table(database, schema, name, stored_as, kind, "", columns)
    return Table(**{**vars(table), "key": _key(session, table, key)})


def rows_of(session: Session, table: Table) -> Iterator[Row]:
    """Every row in the order of the key. Numbers are Decimal; dates, ids and the like are text, as in JSON."""
    statement = "SELECT ({key})::text, to_jsonb(t)::text FROM {schema}.{table} t ORDER BY t.{key}"
    for id, text in session.all(
        statement,
        key=Identifier(table.key),
        schema=Identifier(table.schema),
        table=Identifier(table.stored_as),
    ):
        yield Row(id or "", json.loads(text, parse_float=Decimal))


def _said(error: object) -> str:
    if not isinstance(error, psycopg.Error):
        return ""
    if isinstance(error, psycopg.errors.LockNotAvailable):
        return "others are using the table; try again when their transactions have ended"
    parts = (error.diag.message_primary, error.diag.message_detail)
    return "; ".join(" ".join(part.split()) for part in parts if part)


def _key(session: Session, table: Table, wanted: str) -> str:
    names = [column.name for column in table.columns]
    if wanted:
        if wanted not in names:
            raise LegacyTrouble(f"{table} has no column {wanted}; it has {', '.join(names)}.")
        return wanted
    primary = session.all(
        """SELECT a.attname::text FROM pg_index i
           JOIN pg_class c ON c.oid = i.indrelid JOIN pg_namespace n ON n.oid = c.relnamespace
           JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = ANY (i.indkey)
           WHERE i.indisprimary AND n.nspname = {schema} AND c.relname = {table}""",
        schema=Literal(table.schema),
        table=Literal(table.stored_as),
    )
    if len(primary) == 1:
        return str(primary[0][0])
    if not primary and "id" in names:
        return "id"
    raise LegacyTrouble(
        f"{table} has no primary key of one column: say which column tells its rows apart, with --key COLUMN."
    )


def _not_found(session: Session, schema: str, name: str) -> str:
    (database,) = session.all("SELECT current_database()")[0]
    there = session.all(
        """SELECT schemaname || '.' || tablename FROM pg_tables
           WHERE schemaname NOT IN ('pg_catalog', 'information_schema')
           ORDER BY (tablename ILIKE '%' || {name} || '%') DESC, 1""",
        name=Literal(name),
    )
    names = ", ".join(row[0] for row in there[:_NAMES_SHOWN]) or "none"
    more = len(there) - _NAMES_SHOWN
    wanted = f"{schema}.{name}" if schema else name
    return (
        f"There is no table {wanted} in the database {database}. Tables there: {names}"
        + (f" and {more} more" if more > 0 else "")
        + ". Name it with --table SCHEMA.TABLE, and its database with --database-url."
    )
