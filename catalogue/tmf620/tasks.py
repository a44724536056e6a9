"""Doors for Celery. What is owed stands in the database; a message that is lost costs a minute."""

from typing import Any

import structlog
from celery import shared_task
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

from catalogue.tmf620 import events, hub, jobs, written
from circletel.jobs import job

log = structlog.get_logger(__name__)


@shared_task
def deliver_events() -> None:
    """Send a batch to listeners, and ask for the next one."""
    if hub.deliver_due():
        nudge_delivery()


@shared_task
def run_job(id: str) -> None:
    jobs.run(id)


@shared_task
@job
def sweep() -> None:
    """Each minute: what changed by the clock, what a nudge missed, and what is old."""
    events.notice_the_clock()
    written.catch_up()
    hub.forget_old_events()
    jobs.forget_old_content()
    for id in jobs.waiting():
        jobs.run(id)
    deliver_events()


def nudge_delivery() -> bool:
    """Ask a worker to deliver; False when the broker is away, which the sweep makes good."""
    return _nudge(deliver_events)


def nudge_job(id: object) -> bool:
    return _nudge(run_job, str(id))


def _nudge(task: Any, *args: str) -> bool:
    try:
        task.apply_async(args=list(args))
    except (OperationalError, RedisError) as trouble:
        log.warning("nudge_lost", trouble=str(trouble))
        return False
    return True
