"""One deed for many products: planned at once, done one by one by a worker, each in a transaction of its own."""

from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import Any

import structlog
from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Count, Q
from django.utils import timezone

from catalogue import services
from catalogue.models import Batch, BatchDeed, BatchItem, BatchStatus, ItemState, Product
from circletel.core import audit
from circletel.core.enqueue import enqueue, send_now
from circletel.core.errors import Refused
from circletel.core.origin import Origin, acting_from, current_origin
from circletel.core.rights import ensure_may

log = structlog.get_logger(__name__)

LEASE = timedelta(seconds=30)
LARGEST = 10_000
RUN = "catalogue.tasks.run_batch"
DEEDS: dict[BatchDeed, tuple[str, Callable[..., Any], str]] = {
    BatchDeed.SUBMIT: ("catalogue.submit_product", services.submit, "waits for approval"),
    BatchDeed.APPROVE: ("catalogue.approve_product", services.approve, "approved"),
    BatchDeed.APPROVE_PRICING: ("catalogue.approve_pricing", services.approve_pricing, "pricing approved"),
    BatchDeed.PUBLISH: ("catalogue.publish_product", services.publish, ""),
}


def may(actor: User, deed: str) -> bool:
    """Whether that person may start or cancel batches of that deed."""
    return actor.has_perm(DEEDS[BatchDeed(deed)][0])


def plan(deed: str, product_ids: Iterable[Any], *, actor: User) -> Batch:
    """A batch that does nothing yet: its items say what speaks against each product today. Raises Refused."""
    ids = list(dict.fromkeys(product_ids))
    _ensure_may(actor, deed)
    if not ids:
        raise Refused("There is no product to work on: choose at least one")
    if len(ids) > LARGEST:
        raise Refused(f"{len(ids)} products are too many for one batch: choose at most {LARGEST}")
    products = {product.pk: product for product in Product.objects.with_content().filter(pk__in=ids)}
    if missing := [str(key) for key in ids if key not in products]:
        raise Refused(f"There are no products with these ids: {', '.join(missing[:20])}")
    origin = current_origin()
    with transaction.atomic():
        batch = Batch.objects.create(
            deed=deed,
            created_by=actor,
            address=origin.address,
            user_agent=origin.user_agent,
            correlation_id=origin.correlation_id,
        )
        BatchItem.objects.bulk_create(
            (
                BatchItem(
                    batch=batch,
                    position=position,
                    product_id=key,
                    foreseen="; ".join(services.objections(deed, products[key], actor=actor)),
                )
                for position, key in enumerate(ids, 1)
            ),
            batch_size=1000,
        )
    return batch


def start(batch_id: Any, *, actor: User) -> Batch:
    """planned → running; a worker begins at once. Starting twice is starting once."""
    with transaction.atomic():
        batch = Batch.objects.select_for_update().get(pk=batch_id)
        _ensure_may(actor, batch.deed)
        if batch.status == BatchStatus.RUNNING:
            return batch
        if batch.status != BatchStatus.PLANNED:
            raise Refused(f"This batch is {batch.get_status_display().lower()} already: plan a new one")
        batch.status, batch.started_at = BatchStatus.RUNNING, timezone.now()
        batch.save(update_fields=["status", "started_at"])
        audit.record("batch started", batch, actor=actor, detail=f"{batch.items.count()} products")
        enqueue(RUN, str(batch.pk))
    return batch


def cancel(batch_id: Any, *, actor: User) -> Batch:
    """What is done stays done; what waits is left alone. Raises Refused when nothing is left to cancel."""
    with transaction.atomic():
        batch = Batch.objects.select_for_update().get(pk=batch_id)
        _ensure_may(actor, batch.deed)
        if batch.status not in (BatchStatus.PLANNED, BatchStatus.RUNNING):
            raise Refused(f"This batch is {batch.get_status_display().lower()} already")
        now = timezone.now()
        batch.status, batch.finished_at, batch.leased_until = BatchStatus.CANCELLED, now, None
        batch.save(update_fields=["status", "finished_at", "leased_until"])
        # The item in hand is locked by its worker, which finishes it.
        waiting = batch.items.filter(state=ItemState.WAITING).select_for_update(skip_locked=True)
        number = batch.items.filter(pk__in=list(waiting.values_list("pk", flat=True))).update(
            state=ItemState.CANCELLED, finished_at=now
        )
        audit.record("batch cancelled", batch, actor=actor, detail=f"{number} products left alone")
    return batch


def progress(batch: Batch) -> dict[str, int]:
    """How many items are in each state, and `total`. One query."""
    return batch.items.aggregate(
        total=Count("pk"), **{state.value: Count("pk", filter=Q(state=state)) for state in ItemState}
    )


def run(batch_id: Any) -> int:
    """Work a running batch off; returns how many items this call finished. 0 when another worker has it."""
    batch = _taken(batch_id)
    if batch is None:
        return 0
    number = 0
    actor = User.objects.get(pk=batch.created_by_id)
    with acting_from(Origin(batch.correlation_id, batch.address, batch.user_agent)):
        while _renewed(batch):
            if not _do_next(batch, actor):
                _finish(batch)
                break
            number += 1
    return number


def resume() -> int:
    """Wake a worker for every running batch that none holds: its message was lost, or its worker was. Returns how many."""
    now = timezone.now()
    lost = Batch.objects.filter(status=BatchStatus.RUNNING).filter(
        Q(leased_until=None) | Q(leased_until__lt=now)
    )
    return sum(send_now(RUN, str(key)) for key in lost.values_list("pk", flat=True))


def _taken(batch_id: Any) -> Batch | None:
    now = timezone.now()
    free = Batch.objects.filter(pk=batch_id, status=BatchStatus.RUNNING).filter(
        Q(leased_until=None) | Q(leased_until__lt=now)
    )
    return Batch.objects.get(pk=batch_id) if free.update(leased_until=now + LEASE) else None


def _renewed(batch: Batch) -> bool:
    """Still running, and ours for another while."""
    running = Batch.objects.filter(pk=batch.pk, status=BatchStatus.RUNNING)
    return bool(running.update(leased_until=timezone.now() + LEASE))


def _do_next(batch: Batch, actor: User) -> bool:
    """Finish the next waiting item, whatever becomes of it; False when none waits."""
    with transaction.atomic():
        item = (
            batch.items.filter(state=ItemState.WAITING)
            .select_for_update(skip_locked=True)
            .order_by("position")
            .first()
        )
        if item is None:
            return False
        _permission, deed, words = DEEDS[BatchDeed(batch.deed)]
        try:
            with transaction.atomic():
                outcome = deed(item.product_id, actor=actor)
            item.state, item.message = ItemState.DONE, words or str(outcome)
        except Refused as refusal:
            services.record_refusal(batch.deed, item.product_id, actor=actor, refusal=refusal)
            item.state, item.message = ItemState.REFUSED, str(refusal)
        except Exception as trouble:
            # One product that breaks our own code must not stop the others. The log has the traceback.
            log.exception("batch_item_failed", batch=str(batch.pk), product=str(item.product_id))
            item.state, item.message = (
                ItemState.FAILED,
                f"An error of ours, {type(trouble).__name__}: tell an engineer",
            )
        item.finished_at = timezone.now()
        item.save(update_fields=["state", "message", "finished_at"])
    return True


@transaction.atomic
def _finish(batch: Batch) -> None:
    left = batch.items.filter(state=ItemState.WAITING).exists()
    status = BatchStatus.RUNNING if left else BatchStatus.DONE
    Batch.objects.filter(pk=batch.pk, status=BatchStatus.RUNNING).update(
        status=status, finished_at=None if left else timezone.now(), leased_until=None
    )


def _ensure_may(actor: User, deed: str) -> None:
    of = " of" if deed == BatchDeed.APPROVE_PRICING else ""
    ensure_may(actor, DEEDS[BatchDeed(deed)][0], f"{BatchDeed(deed).label.lower()}{of} products")
