"""Looking into the database while it is being broken."""

import threading
from collections.abc import Callable
from typing import TypeVar

from django.db import DatabaseError, InterfaceError, connection

T = TypeVar("T")


def patiently(look: Callable[[], T], stop: threading.Event) -> T | None:
    """What `look` finds, as soon as the database answers; None when the run ends first."""
    while True:
        try:
            return look()
        except (DatabaseError, InterfaceError):
            connection.close()
            if stop.wait(0.5):
                return None
