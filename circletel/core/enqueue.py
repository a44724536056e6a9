"""Sends Celery tasks by name. A message only wakes a worker: what is left to do is in the database.

So a service needs no import of a task module, and a broker that is away is logged and is no error: each kind of
work has a sweep that finds what no message announced.
"""

from functools import partial

import structlog
from celery import current_app
from django.db import transaction
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

log = structlog.get_logger(__name__)


def enqueue(task: str, *args: str | bool, seconds: float = 0) -> None:
    """Send `task` once the transaction is committed, to begin in so many `seconds` at the earliest."""
    transaction.on_commit(partial(send_now, task, *args, seconds=seconds), robust=True)


def send_now(task: str, *args: str | bool, seconds: float = 0) -> bool:
    """Send `task` without waiting for a transaction. Returns False when the broker is away."""
    try:
        current_app.send_task(task, args=args, countdown=seconds or None, ignore_result=True)
    except (OperationalError, RedisError) as error:
        log.warning("task_not_sent", task=task, error=str(error))
        return False
    return True
