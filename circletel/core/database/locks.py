"""Advisory locks of PostgreSQL, held until the transaction ends. Work that outlives one holds a job's lease."""

from django.db import connection


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
