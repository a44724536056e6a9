"""The predecessor's database: its tables and rows as they stand there, side tables joined to the rows they belong to."""

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import psycopg
from django.db import connection
from psycopg.sql import SQL, Identifier

from circletel.core.errors import Refused
from circletel.predecessor.fields import text

CONNECT_SECONDS = 10
# How long a statement waits for others who use the table.
LOCK_SECONDS = 10

PRODUCTS, PACKAGES = "admin_products", "service_packages"
INTEGRATIONS, CHANGES = "product_integrations", "price_changes"
PRICING, FEATURES, HARDWARE = "admin_product_pricing", "admin_product_features", "admin_product_hardware"

Connection = psycopg.Connection[Any]


class SourceError(Refused):
    """The predecessor's database or table cannot be reached, found or used; the text says what to do."""


@dataclass(frozen=True)
class Row:
    """`id` is the primary key as text. Numbers are Decimal; dates, ids and the like are text, as in JSON."""

    id: str
    values: dict[str, Any]


@dataclass(frozen=True)
class Table:
    database: str
    schema: str
    name: str
    key: str
    columns: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.database}.{self.schema}.{self.name}"

    @property
    def identifier(self) -> Identifier:
        return Identifier(self.schema, self.name)


@contextmanager
def connected(url: str | None, *, read_only: bool = False) -> Iterator[Connection]:
    """One transaction there: committed when the block ends, rolled back when it raises. Raises SourceError.

    `url` as in DATABASE_URL; None is our own database, over a connection of its own. Row-level security would hide
    rows silently; turned off, it makes PostgreSQL refuse instead. `read_only` sees every table as of one instant.
    """
    try:
        with _open(url) as opened:
            if read_only:
                opened.read_only = True
                opened.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
            opened.execute("SET LOCAL row_security = off")
            opened.execute(SQL("SET LOCAL lock_timeout = {}").format(f"{LOCK_SECONDS}s"))
            yield opened
    except psycopg.Error as error:
        raise SourceError(f"PostgreSQL refused it, and nothing was changed: {_message(error)}") from error


def find_table(opened: Connection, wanted: str) -> Table:
    """The plain table `wanted`, as `table` or `schema.table`. Raises SourceError."""
    name = Identifier(*wanted.split(".", 1)).as_string()
    found = opened.execute(
        """SELECT current_database()::text, n.nspname::text, c.relname::text, ARRAY(
               SELECT a.attname::text FROM pg_index i JOIN pg_attribute a
               ON a.attrelid = i.indrelid AND a.attnum = ANY (i.indkey)
               WHERE i.indrelid = c.oid AND i.indisprimary)
           FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
           WHERE c.oid = to_regclass(%s) AND c.relkind = 'r'""",
        [name],
    ).fetchone()
    if found is None:
        raise SourceError(f"There is no plain table {wanted} in that database.")
    database, schema, name, keys = found
    if len(keys) != 1:
        raise SourceError(
            f"{database}.{schema}.{name} has no primary key of one column to identify its rows."
        )
    empty = opened.execute(SQL("SELECT * FROM {} LIMIT 0").format(Identifier(schema, name)))
    return Table(database, schema, name, keys[0], tuple(column.name for column in empty.description or ()))


def rows_of(opened: Connection, table: Table) -> list[Row]:
    """Every row in the order of the key."""
    statement = SQL("SELECT ({key})::text, to_jsonb(t)::text FROM {table} t ORDER BY t.{key}").format(
        key=Identifier(table.key), table=table.identifier
    )
    return [Row(id, json.loads(text, parse_float=Decimal)) for id, text in opened.execute(statement)]


def ensure_not_ours(opened: Connection, table: Table) -> None:
    """Raises SourceError for a table of this catalogue: its names are the predecessor's, so mistakes are easy."""
    migrations = Identifier(table.schema, "django_migrations").as_string()
    (found,) = opened.execute("SELECT to_regclass(%s)::text", [migrations]).fetchone() or (None,)
    if found and table.name in {*connection.introspection.django_table_names(), "django_migrations"}:
        raise SourceError(
            f"{table} is this catalogue's own table, not the predecessor's: give another --database-url or schema."
        )


def _open(url: str | None) -> Connection:
    if url is None:
        own: Connection = connection.get_new_connection(connection.get_connection_params())
        return own
    try:
        return psycopg.connect(url, connect_timeout=CONNECT_SECONDS, application_name="circletel predecessor")
    except psycopg.Error as error:
        # The message of psycopg names host and database, never the password.
        reason = str(error).strip().split("\n")[0]
        raise SourceError(f"The predecessor's database cannot be reached: {reason}") from error


def _message(error: psycopg.Error) -> str:
    if isinstance(error, psycopg.errors.LockNotAvailable):
        return "others are using the table; try again when their transactions have ended"
    parts = (error.diag.message_primary, error.diag.message_detail)
    return "; ".join(" ".join(part.split()) for part in parts if part) or str(error)


@dataclass(frozen=True)
class OldTable:
    """One table as it was read."""

    table: Table
    rows: list[Row]

    def by(self, column: str) -> dict[str, list[dict[str, Any]]]:
        """{value of `column`: the rows that have it}"""
        found: dict[str, list[dict[str, Any]]] = {}
        for row in self.rows:
            found.setdefault(text(row.values.get(column)), []).append(row.values)
        return found


def read_tables(url: str) -> dict[str, OldTable]:
    """The predecessor's tables, all as of one instant. Raises SourceError."""
    tables: dict[str, OldTable] = {}
    with connected(url, read_only=True) as opened:
        for name in (PRODUCTS, PACKAGES, INTEGRATIONS, CHANGES, PRICING, FEATURES, HARDWARE):
            table = find_table(opened, f"public.{name}")
            ensure_not_ours(opened, table)
            tables[name] = OldTable(table, rows_of(opened, table))
    _join(tables)
    return tables


def _join(tables: Mapping[str, OldTable]) -> None:
    """Give each product its pricing, hardware, features and first package; what its own columns say wins."""
    packages = tables[PACKAGES].by("source_admin_product_id")
    pricing, features, hardware = (tables[name].by("product_id") for name in (PRICING, FEATURES, HARDWARE))
    for row in tables[PACKAGES].rows:
        # The predecessor's packages need not have a SKU; each has an address.
        row.values["sku"] = row.values.get("sku") or text(row.values.get("slug")).upper()[:64]
    for row in tables[PRODUCTS].rows:
        joined: dict[str, Any] = {}
        for device in hardware.get(row.id, [])[:1]:
            joined |= device
        joined |= _pricing(pricing.get(row.id, []))
        if row.id in features:
            joined["features"] = _features(features[row.id])
        for package in packages.get(row.id, [])[:1]:
            # The predecessor's products had no SKU, segment and provider of their own.
            joined["package"] = package
        row.values.update(joined | row.values)


def _pricing(rows: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """The approved pricing that began last, or the last there is."""
    best = max(
        rows,
        key=lambda row: (row.get("approval_status") == "approved", text(row.get("effective_from"))),
        default={},
    )
    return best if best.get("is_promotional", True) else best | {"price_promo": None}


def _features(rows: list[dict[str, Any]]) -> list[str]:
    ordered = sorted(rows, key=lambda row: (row.get("sort_order") or 0, text(row.get("id"))))
    return [": ".join(filter(None, (row.get("feature_name"), row.get("feature_value")))) for row in ordered]
