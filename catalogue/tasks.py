"""Doors for Celery. A message is only a nudge: what is left to do stands in the database."""

from celery import shared_task

from catalogue import actions, ending  # noqa: F401  (actions: kinds of jobs)
from catalogue.product_import import upload  # noqa: F401  (a kind of job)
from catalogue.storefront import written
from circletel.core import idempotency
from circletel.core.jobs import job


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
