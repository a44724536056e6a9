"""Beat's scheduler: of several beats one leads and sends, the others wait until it is gone."""

import os
from pathlib import Path
from typing import Any

import structlog
from django.db import DatabaseError, InterfaceError, connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django_celery_beat.schedulers import DatabaseScheduler

log = structlog.get_logger(__name__)

# How soon another beat takes over.
PATIENCE_SECONDS = 5.0
# Touched with every turn, for a health check of the process.
HEARTBEAT = "BEAT_HEARTBEAT_FILE"


class LeadingScheduler(DatabaseScheduler):
    """The schedule in the database, followed by one beat at a time.

    The lead is a lock of a database session of its own: a beat that is killed lets go of it.
    """

    _session: BaseDatabaseWrapper | None = None

    def tick(self, *args: Any, **options: Any) -> float:
        if file := os.environ.get(HEARTBEAT):
            Path(file).touch()
        try:
            leads = self._leads()
        except (DatabaseError, InterfaceError) as trouble:
            log.warning("beat_lost_the_database", trouble=str(trouble))
            self._let_go()
            leads = False
        if not leads:
            return min(self.max_interval, PATIENCE_SECONDS)
        seconds: float = super().tick(*args, **options)
        return seconds

    def _leads(self) -> bool:
        if self._session is not None:
            _ask(self._session, "SELECT true")
            return True
        session = connections.create_connection("default")
        try:
            leads = _ask(session, "SELECT pg_try_advisory_lock(hashtext('circletel.beat'))")
        except BaseException:
            session.close()
            raise
        if not leads:
            session.close()
            return False
        self._session = session
        # What the one before sent stands in the database, not in our memory.
        self._initial_read = True
        log.info("beat_leads")
        return True

    def _let_go(self) -> None:
        if self._session is not None:
            self._session.close()
            self._session = None

    def close(self) -> None:
        super().close()
        self._let_go()


def _ask(session: BaseDatabaseWrapper, question: str) -> bool:
    with session.cursor() as cursor:
        cursor.execute(question)
        return bool(cursor.fetchone()[0])
