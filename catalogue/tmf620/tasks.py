"""Doors for Celery. What is owed stands in the database; a message that is lost costs a minute."""

from celery import shared_task

from catalogue.tmf620 import events, hub
from circletel.core.enqueue import send_now
from circletel.core.jobs import job


@shared_task
def deliver_events() -> None:
    """Send a batch to listeners, and ask for the next one."""
    if hub.deliver_due():
        send_now("catalogue.tmf620.tasks.deliver_events")


@shared_task
@job
def sweep() -> None:
    """Each minute: what changed by the clock, what a nudge missed, and what is old."""
    events.notice_the_clock()
    hub.forget_old_events()
    deliver_events()
