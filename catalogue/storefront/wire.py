"""Questions to PostgreSQL by its own library, without the cursors above it: answers as bytes, as they come.

Most of what a cursor does for a row is to make Python values of it, which for JSON that is passed on would be undone
again. A question asked here costs a sixth of one asked by a cursor. Only the storefront's hot reads belong here.
"""

import re
from collections.abc import Sequence
from datetime import date, datetime
from functools import lru_cache
from typing import Any

import psycopg
from django.db import InterfaceError, OperationalError, connections, router
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created
from django.dispatch import receiver
from psycopg.pq import ConnStatus, ExecStatus

from catalogue.models import PackageDocument

Row = Sequence[bytes | None]

# Statements that one connection remembers, so that planning is not done again for the questions asked most.
MOST_PREPARED = 50
_PREPARED = "_storefront_prepared"
# How alike a searched word must be: one letter left out of eight is found, as skyfbre for SkyFibre.
LIKENESS = "SET pg_trgm.word_similarity_threshold = 0.5"


@receiver(connection_created, dispatch_uid="catalogue.storefront.likeness")
def say_how_alike(connection: BaseDatabaseWrapper, **_: Any) -> None:
    """The index of the search knows its threshold from the session alone."""
    with connection.cursor() as cursor:
        cursor.execute(LIKENESS)


def reading_from() -> BaseDatabaseWrapper:
    """The connection that the storefront's reads go over: one answer must not come from two databases."""
    return connections[router.db_for_read(PackageDocument)]


def ask(sql: str, values: Sequence[Any] = ()) -> list[Row]:
    """The rows of a SELECT with %s for each value. Raises Django's database errors."""
    connection = reading_from()
    if connection.in_atomic_block:
        return _ask(connection, sql, values)
    # The first question of a request is also the health check of its connection, which would cost one more.
    connection.health_check_done = True  # type: ignore[attr-defined]
    try:
        return _ask(connection, sql, values)
    except (OperationalError, InterfaceError):
        connection.close()
        return _ask(connection, sql, values)


def _ask(connection: BaseDatabaseWrapper, sql: str, values: Sequence[Any]) -> list[Row]:
    connection.ensure_connection()
    if connection.queries_logged:
        connection.queries_log.append({"sql": sql, "time": "0"})
    with connection.wrap_database_errors:
        result = _sent(connection.connection, sql, [_plain(value) for value in values])
        if result.status != ExecStatus.TUPLES_OK:
            raise _error(connection.connection.pgconn, result)
    columns = range(result.nfields)
    return [[result.get_value(row, column) for column in columns] for row in range(result.ntuples)]


def _sent(connection: Any, sql: str, values: list[bytes | None]) -> Any:
    pgconn = connection.pgconn
    prepared: dict[str, bytes] = connection.__dict__.setdefault(_PREPARED, {})
    name = prepared.get(sql)
    if name is None and len(prepared) < MOST_PREPARED:
        name = b"storefront_%d" % len(prepared)
        result = pgconn.prepare(name, _numbered(sql))
        if result.status != ExecStatus.COMMAND_OK:
            return result
        prepared[sql] = name
    if name is None:
        return pgconn.exec_params(_numbered(sql), values)
    return pgconn.exec_prepared(name, values)


@lru_cache(maxsize=500)
def _numbered(sql: str) -> bytes:
    """%s as the server wants it: $1, $2, …"""
    number = 0

    def place(found: re.Match[str]) -> str:
        nonlocal number
        if found[0] == "%%":
            return "%"
        number += 1
        return f"${number}"

    return re.sub(r"%s|%%", place, sql).encode()


def _plain(value: Any) -> bytes | None:
    if value is None:
        return None
    return (value.isoformat() if isinstance(value, datetime | date) else str(value)).encode()


def _error(pgconn: Any, result: Any) -> psycopg.Error:
    if pgconn.status != ConnStatus.OK:
        return psycopg.OperationalError(result.get_error_message())
    return psycopg.errors.error_from_result(result)
