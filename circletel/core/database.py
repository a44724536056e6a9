"""PostgreSQL beyond the ORM: advisory locks, bulk copy, batched queries."""

import json
from collections.abc import Iterable
from typing import Any

from django.db import connection, models
from django.db.models import QuerySet


def lock_for_transaction(name: str, key: str = "") -> None:
    """Waits for the lock `name` (and `key` within it) and holds it until the transaction ends."""
    _call("SELECT pg_advisory_xact_lock(hashtext(%s), hashtext(%s))", name, key)


def try_lock_for_transaction(name: str, key: str = "") -> bool:
    """Whether this transaction holds the lock now; False at once when another one does."""
    return bool(_call("SELECT pg_try_advisory_xact_lock(hashtext(%s), hashtext(%s))", name, key))


def _call(statement: str, name: str, key: str) -> object:
    with connection.cursor() as cursor:
        cursor.execute(statement, [name, key])
        return cursor.fetchone()[0]


def copy_in(model: type[models.Model], instances: Iterable[models.Model]) -> None:
    """`bulk_create` without ids handed back, in the caller's transaction; memory does not grow with their number.

    Raises what INSERT would: django.db's IntegrityError, DataError, …
    """
    own: list[Any] = [
        field for field in model._meta.concrete_fields if not isinstance(field, models.AutoField)
    ]
    quote = connection.ops.quote_name
    columns = ", ".join(quote(field.column) for field in own)
    statement = f"COPY {quote(model._meta.db_table)} ({columns}) FROM STDIN"
    with connection.wrap_database_errors, connection.cursor() as cursor, cursor.copy(statement) as copy:
        for instance in instances:
            copy.write_row([_stored(field, instance) for field in own])


def _stored(field: "models.Field[Any, Any]", instance: models.Model) -> Any:
    return field.get_db_prep_save(field.pre_save(instance, add=True), connection)


def together(**lists: QuerySet[Any, dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    """What each `.values()` queryset holds, in its order. As JSON carries it: instants are ISO text, ids are text."""
    if not lists:
        return {}
    parts: list[Any] = []
    parameters: list[Any] = []
    for rows in lists.values():
        sql, values = rows.query.sql_with_params()
        parts.append(f"(SELECT json_agg(row_to_json(part)) FROM ({sql}) part)")  # noqa: S608  (compiled by the ORM)
        parameters += values
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {', '.join(parts)}", parameters)
        found = cursor.fetchone()
    return {name: _read(value) for name, value in zip(lists, found, strict=True)}


def _read(value: Any) -> list[dict[str, Any]]:
    # Django hands JSON over as text, so that each field may have a decoder of its own.
    rows: list[dict[str, Any]] = json.loads(value) if isinstance(value, str) else value
    return rows or []
