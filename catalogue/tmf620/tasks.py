"""Doors for Celery. What is owed stands in the database; a message that is lost costs a minute."""

import structlog
from celery import shared_task
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

from catalogue.tmf620 import events, hub

log = structlog.get_logger(__name__)


@shared_task
def deliver_events() -> None:
    """Send a batch to listeners, and ask for the next one."""
    if hub.deliver_due():
        nudge_delivery()


@shared_task
def sweep() -> None:
    """Each minute: what changed by the clock, what a nudge missed, and what is old."""
    events.notice_the_clock()
    hub.forget_old_events()
    deliver_events()


def nudge_delivery() -> bool:
    """Ask a worker to deliver; False when the broker is away, which the sweep makes good."""
    try:
        deliver_events.apply_async()
    except (OperationalError, RedisError) as trouble:
        log.warning("nudge_lost", trouble=str(trouble))
        return False
    return True
