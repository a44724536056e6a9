"""Doors for Celery."""

from celery import shared_task

from catalogue import batches, ending
from circletel.jobs import job


@shared_task
def run_batch(batch_id: str) -> None:
    batches.run(batch_id)


@shared_task
@job
def resume_batches() -> None:
    """Each minute: go on with what a lost message or a lost worker left."""
    batches.resume()


@shared_task
@job
def archive_ended() -> None:
    """Each hour: archive packages whose life has ended."""
    ending.archive_ended()
