"""Many new rows by PostgreSQL's COPY: several times faster than INSERT, where nothing is needed of them afterwards."""

from collections.abc import Iterable
from typing import Any

from django.db import connection, models


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
