"""Bulk jobs: one deed for many products, planned at once, done one by one, each in a transaction of its own."""

from collections import Counter
from collections.abc import Iterable
from typing import Any

import structlog
from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Count
from django.utils import timezone

from catalogue import services
from catalogue.models import BatchItem, BatchStatus, ItemState, Product
from circletel.core import jobs
from circletel.core.actions import Action, perform
from circletel.core.errors import Refused
from circletel.core.models import Job, JobState

log = structlog.get_logger(__name__)

LARGEST = 10_000
# Both by the deed, which is the action's name in the audit trail. `catalogue.actions` says which these are.
ACTIONS: dict[str, Action] = {}
KINDS: dict[str, jobs.JobKind] = {}


def offer(action: Action) -> None:
    """Let this action on a product be done for many in one job."""
    assert isinstance(action.permission, str)
    label = action.bulk_label.replace("selected ", "")
    ACTIONS[action.audit_name] = action
    KINDS[action.audit_name] = jobs.JobKind(f"catalogue.{action.audit_name}", label, _run, action.permission)


def plan(deed: str, product_ids: Iterable[Any], *, actor: User) -> Job:
    """A bulk job that does nothing yet: its items say what speaks against each product today. Raises Refused."""
    kind = KINDS[deed]
    ids = list(dict.fromkeys(product_ids))
    kind.ensure_allowed(actor)
    if not ids:
        raise Refused("There is no product to work on: choose at least one")
    if len(ids) > LARGEST:
        raise Refused(f"{len(ids)} products are too many for one job: choose at most {LARGEST}")
    products = {product.pk: product for product in Product.objects.with_content().filter(pk__in=ids)}
    if missing := [str(key) for key in ids if key not in products]:
        raise Refused(f"There are no products with these ids: {', '.join(missing[:20])}")
    foreseen = ["; ".join(services.objections(deed, products[key], actor=actor)) for key in ids]
    with transaction.atomic():
        text = f"nothing is done yet, and {sum(map(bool, foreseen))} would be refused today"
        job = jobs.plan(kind, actor=actor, total=len(ids), text=text)
        BatchItem.objects.bulk_create(
            (
                BatchItem(job=job, position=position, product_id=key, foreseen=words)
                for position, (key, words) in enumerate(zip(ids, foreseen, strict=True), 1)
            ),
            batch_size=1000,
        )
    return job


def find(job_id: Any) -> Job:
    """Raises Job.DoesNotExist."""
    return Job.objects.filter(kind__in=[kind.name for kind in KINDS.values()]).get(pk=job_id)


def deed_of(job: Job) -> str:
    return job.kind.removeprefix("catalogue.")


def status_of(job: Job) -> BatchStatus:
    if job.cancel_requested and not job.has_ended:
        return BatchStatus.CANCELLED
    return BatchStatus.RUNNING if job.state == JobState.WAITING else BatchStatus(job.state)


def progress(job: Job) -> dict[str, int]:
    """How many items are in each state, and `total`. One query."""
    number = _counted(job)
    if status_of(job) == BatchStatus.CANCELLED:
        number[ItemState.CANCELLED] = number.pop(ItemState.WAITING, 0)
    return {"total": number.total(), **{state.value: number[state] for state in ItemState}}


def _run(running: jobs.RunningJob) -> str:
    """Work the items off that wait: all of them, or those that a lost worker left."""
    number = _counted(running.job)
    while state := _do_next(running, number):
        number[state] += 1
        number[ItemState.WAITING] -= 1
    running.progress(_over(number))
    return _told(number)


def _do_next(running: jobs.RunningJob, number: Counter[str]) -> ItemState | None:
    """Finish the next item that waits, whatever becomes of it; None when none does."""
    action = ACTIONS[deed_of(running.job)]
    with transaction.atomic():
        running.progress(_over(number), text=_told(number))
        items = BatchItem.objects.filter(job=running.job, state=ItemState.WAITING)
        item = items.order_by("position").first()
        if item is None:
            return None
        actor: Any = running.actor
        try:
            outcome = perform(action, item.product_id, actor=actor)
            state, message = ItemState.DONE, " ".join(action.messages(outcome))
        except Refused as refusal:
            state, message = ItemState.REFUSED, str(refusal)
        except Exception as error:
            # One product that breaks our own code must not stop the others. The log has the traceback.
            log.exception("batch_item_failed", job=str(running.job.pk), product=str(item.product_id))
            state = ItemState.FAILED
            message = f"An error of ours, {type(error).__name__}: tell an engineer"
        item.state, item.message, item.finished_at = state, message, timezone.now()
        item.save(update_fields=["state", "message", "finished_at"])
    return state


def _counted(job: Job) -> Counter[str]:
    """How many items are in each state that is in a row."""
    states = BatchItem.objects.filter(job=job).order_by().values_list("state")
    return Counter(dict(states.annotate(Count("pk"))))


def _over(number: Counter[str]) -> int:
    return number.total() - number[ItemState.WAITING]


def _told(number: Counter[str]) -> str:
    states = (ItemState.DONE, ItemState.REFUSED, ItemState.FAILED)
    return ", ".join(f"{number[state]} {state.label.lower()}" for state in states)
