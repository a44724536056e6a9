"""Doors for Celery. A message is only a nudge: what is left to do stands in the database."""

from celery import shared_task

from catalogue import batches, ending
from catalogue.pricelists import services  # noqa: F401  (kinds of jobs)
from catalogue.storefront import written
from circletel.core import idempotency
from circletel.core.jobs import job


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


@shared_task
@job
def forget_idempotent_answers() -> int:
    """Each hour: answers to POSTs with an Idempotency-Key are kept for a day."""
    return idempotency.forget()


@shared_task
@job
def write_documents() -> None:
    """Each minute: write down the storefront's documents that are missing, as after an upgrade."""
    written.write_missing()
