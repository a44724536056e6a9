"""Several small lists from the database in one round trip, for a page that must not take many."""

import json
from typing import Any

from django.db import connection
from django.db.models import QuerySet


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
