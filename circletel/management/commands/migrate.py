from typing import Any

from django.core.management.commands import migrate
from django.db import connections

# A change of a table that has to wait makes every reader wait behind it: rather give up, and be run again.
LOCK_TIMEOUT = "10s"


class Command(migrate.Command):
    """Django's, one at a time: a second one waits and then finds nothing to do. Gives up on a table in use."""

    def handle(self, *args: Any, **options: Any) -> None:
        with connections[options["database"]].cursor() as cursor:
            cursor.execute("SELECT pg_try_advisory_lock(hashtext('circletel.migrate'))")
            if not cursor.fetchone()[0]:
                self.stderr.write("Another migrate is at work; waiting for it.")
                cursor.execute("SELECT pg_advisory_lock(hashtext('circletel.migrate'))")
            cursor.execute(f"SET lock_timeout = '{LOCK_TIMEOUT}'")
        try:
            super().handle(*args, **options)
        finally:
            # After a broken transaction nothing can be asked any more; then the session ends, and its lock with it.
            connection = connections[options["database"]]
            if connection.in_atomic_block and connection.needs_rollback:
                connection.close()
            else:
                with connection.cursor() as cursor:
                    cursor.execute("RESET lock_timeout")
                    cursor.execute("SELECT pg_advisory_unlock(hashtext('circletel.migrate'))")
