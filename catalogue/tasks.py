"""Doors for Celery."""

from celery import shared_task

from catalogue import batches, ending


@shared_task
def run_batch(batch_id: str) -> None:
    batches.run(batch_id)


@shared_task
def resume_batches() -> None:
    """Each minute: go on with what a lost message or a lost worker left."""
    batches.resume()


@shared_task
def archive_ended() -> None:
    """Each hour: archive packages whose life has ended."""
    ending.archive_ended()
