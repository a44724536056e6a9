"""Doors for Celery. A message is only a nudge: what is left to do stands in the database."""

from uuid import UUID

from celery import shared_task

from catalogue.pricelists import services


@shared_task
def work_on_price_list(price_list_id: str) -> None:
    """Read a list that was uploaded, or go on applying one, whichever it waits for."""
    services.read(UUID(price_list_id))
    services.apply(UUID(price_list_id))


@shared_task
def sweep_price_lists() -> None:
    """Each minute: take up price lists whose worker was lost."""
    services.sweep()
