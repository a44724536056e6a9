"""The deeds of the sync that people and other apps may ask for: owe, nudge, send again."""

import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import structlog
from django.contrib.auth.models import User
from django.core.cache import cache
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone
from redis.exceptions import RedisError

from catalogue.models import ServicePackage
from circletel.core import audit
from circletel.core.enqueue import send_now
from circletel.core.errors import Refused
from circletel.core.origin import current_origin
from circletel.core.rights import ensure_may
from zoho_sync.connection.breaker import Breaker
from zoho_sync.desired import DesiredRecord, current_terms, desired_records, retired_record
from zoho_sync.fields import Terms
from zoho_sync.models import Kind, ProductIntegration, SyncStatus, System
from zoho_sync.results import (
    NOT_WANTED,
    WRITTEN,
    answered,
    mark_in_sync,
    mark_pending,
    record_remote_state,
)

log = structlog.get_logger(__name__)

# Nudges within this time are one: a bulk publish sends a handful of messages.
NUDGE_SECONDS = 1
NUDGE_SLOT = 5  # seconds


def owe(package: ServicePackage, terms: Terms | None = None) -> list[ProductIntegration]:
    """Write down what Zoho must come to hold for `package`, in the caller's transaction, and nudge a worker after it.

    A row whose record Zoho has acknowledged already stays in step and costs nothing. Returns the rows now owed.
    """
    terms = terms or current_terms()
    rows = {Kind(row.kind): row for row in package.integrations.select_for_update().order_by("pk")}
    wanted = desired_records(package, terms)
    owed = [row for record in wanted if (row := _owe_record(package, rows.get(record.kind), record))]
    owed += [row for kind in rows.keys() - {record.kind for record in wanted} if (row := _retire(rows[kind]))]
    if owed:
        nudge_after_commit({Kind(row.kind).system for row in owed})
    return owed


def _owe_record(
    package: ServicePackage, row: ProductIntegration | None, record: DesiredRecord
) -> ProductIntegration | None:
    row = row or ProductIntegration(package=package, kind=record.kind)
    if row.remote_key != record.key:
        row.remote_key = record.key
        if record.kind is Kind.BILLING_PRODUCT:
            join_line(row)
    row.desired_hash = record.hash
    return _settle(row)


def join_line(row: ProductIntegration) -> None:
    """Packages of one product line share its Billing product: take over what is known of it."""
    known = (
        ProductIntegration.objects.filter(kind=row.kind, remote_key=row.remote_key)
        .exclude(remote_id="")
        .first()
    )
    row.remote_id = known.remote_id if known else ""
    row.synced_hash = known.synced_hash if known else ""
    row.acknowledged_payload = known.acknowledged_payload if known else None
    row.last_synced_at = known.last_synced_at if known else None


def _retire(row: ProductIntegration) -> ProductIntegration | None:
    """The package no longer has this: switch it off in Zoho, or forget it if Zoho never heard of it."""
    if not row.remote_id and row.lease_token is None and not row.outcome_unknown:
        if row.resync_id:
            answered(row, NOT_WANTED)
        row.delete()
        return None
    row.desired_hash = retired_record(Kind(row.kind), row.remote_key, row.acknowledged_payload).hash
    return _settle(row)


def _settle(row: ProductIntegration) -> ProductIntegration | None:
    """Save the row as in step or as owed; an owed one starts afresh. Returns it when owed."""
    acknowledged = bool(row.remote_id) and row.synced_hash == row.desired_hash
    # What went out since and was not acknowledged may have changed the record: then it is written once more. And
    # whoever asked for it to be sent again is waiting for it still.
    is_settled = row.lease_token is None and not row.outcome_unknown and row.resync_id is None
    in_step = acknowledged and is_settled
    if in_step:
        mark_in_sync(row)
    else:
        row.owed_since = timezone.now()
        mark_pending(row, row.owed_since)
    row.background = False  # somebody changed the package just now
    row.correlation_id = current_origin().correlation_id
    row.save()
    return None if in_step else row


def believe(record: DesiredRecord, *, remote_id: str, says: Mapping[str, Any] | None) -> None:
    """Write down, in the caller's transaction, that Zoho's record `remote_id` says this; None: that there is none.

    `says` are values in the form of the payload; what it leaves out is believed to be in step. The ordinary sync
    then sends exactly what differs. Refused while a worker holds one of the record's rows.
    """
    now = timezone.now()
    of_record = ProductIntegration.objects.filter(kind=record.kind, remote_key=record.key)
    rows = list(of_record.select_for_update().order_by("pk"))
    if any(row.is_leased(now) for row in rows):
        raise Refused(f"{rows[0]} is being sent at this moment: try again in a minute")
    in_step = [record_remote_state(row, record, remote_id=remote_id, says=says, now=now) for row in rows]
    for row in rows:
        row.lease_token, row.leased_until, row.outcome_unknown, row.changed_at = None, None, False, now
    ProductIntegration.objects.bulk_update(rows, WRITTEN)
    if not all(in_step):
        nudge_after_commit({Kind(record.kind).system})


def resync(integrations: QuerySet[ProductIntegration], *, actor: User) -> int:
    """Try again now what is failed, dead or owed among `integrations`. Returns how many will be sent.

    What is in step stays so. The breaker gives the systems concerned another chance at once.
    """
    ensure_may(actor, "zoho_sync.resync_productintegration", "send records to Zoho again")
    with transaction.atomic():
        rows = list(integrations.exclude(status=SyncStatus.OK).select_for_update(of=("self",)).order_by("pk"))
        for row in rows:
            audit.record(
                "resync", row, actor=actor, changes={"status": [row.status, SyncStatus.PENDING.value]}
            )
        ProductIntegration.objects.filter(pk__in=[row.pk for row in rows]).send_again(
            priority=1, correlation_id=current_origin().correlation_id, background=False
        )
        systems = {Kind(row.kind).system for row in rows}
        transaction.on_commit(lambda: give_another_chance(systems))
    return len(rows)


def give_another_chance(systems: Iterable[System]) -> None:
    """Somebody waits for `systems`: end the rest of their breakers and wake a worker for each, now."""
    for system in systems:
        quietly(Breaker(system).reset)
        # A person is waiting: the ordinary nudge of a moment ago may gather company first.
        nudge(system, seconds=0, urgent=True)


def hurry(package: ServicePackage) -> None:
    """Somebody looks on while `package` goes to Zoho: what it owes goes first and waits for no company."""
    rows = package.integrations.owed()
    if not rows.update(priority=1):
        return
    for system in {Kind(kind).system for kind in rows.values_list("kind", flat=True)}:
        nudge(system, seconds=0, urgent=True)


def nudge_after_commit(systems: Iterable[System]) -> None:
    """Wake a worker for each system once this transaction is through. A lost nudge costs a minute, not a record."""
    for system in sorted(set(systems)):
        transaction.on_commit(lambda system=system: nudge(system), robust=True)  # type: ignore[misc]


def nudge(system: System, *, seconds: float = NUDGE_SECONDS, urgent: bool = False) -> bool:
    """Ask a worker to drain `system` shortly, or in so many `seconds`.

    False when the broker is away, or when somebody just asked for about the same time, unless `urgent`.
    """
    # A drain that is put off must not hold the turn of those that are not.
    when = "soon" if seconds <= NUDGE_SLOT else str(int((time.time() + seconds) // NUDGE_SLOT))

    first = quietly(lambda: cache.add(f"zoho:nudged:{system}:{when}", 1, timeout=max(int(seconds), 1)))
    if not (first or urgent):
        return False
    return send_now("zoho_sync.tasks.drain_system", str(system), urgent, seconds=seconds)


def quietly(ask: Callable[[], Any]) -> Any:
    """What `ask` gets from Redis; None when Redis is away. What is to be done is in the database."""
    try:
        return ask()
    except RedisError as error:
        log.warning("redis_away", error=str(error))
        return None
