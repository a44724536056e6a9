"""Claiming what is owed, so that two workers never send the same record, and writing down what came of it."""

import random
import uuid
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.db.models import DateTimeField, Exists, F, Min, OuterRef, Q, QuerySet, Value
from django.db.models.functions import Coalesce, Greatest
from django.utils import timezone

from circletel.core.database import lock_for_transaction
from zoho_sync import results, timing
from zoho_sync.connection.errors import ZohoError
from zoho_sync.models import Kind, ProductIntegration, ProductIntegrationQuerySet, SyncStatus, System
from zoho_sync.operating.causes import cause_of

# Minutes until the next try after the first, second, … failure; after the last one the record needs a person.
RETRY_MINUTES = (1, 5, 15, 60, 240, 720, 1440)


@dataclass(frozen=True)
class Claim:
    """Rows held by this worker until `leased_until`. Rows of one key travel together: they are one Zoho record."""

    token: uuid.UUID
    row: ProductIntegration
    """The row that stands for the record."""
    was_lost: bool
    """Another worker held it and never reported: whether its call arrived is not known."""


def due() -> ProductIntegrationQuerySet:
    """Owed, its time has come, nobody holds it, and what must exist before it does exist."""
    now = timezone.now()
    free = Q(leased_until=None) | Q(leased_until__lte=now)
    return (
        ProductIntegration.objects.owed()
        .filter(free, Q(doubtful_until=None) | Q(doubtful_until__lte=now), next_retry_at__lte=now)
        .filter(_prerequisite_exists())
    )


def is_due(system: System) -> bool:
    """Whether a record of this system could be claimed now."""
    return due().of_system(system).exists()


def seconds_until_due(system: System) -> float | None:
    """When the next of this system's records comes due that must wait for its time; None when none does."""
    now = timezone.now()
    rows = ProductIntegration.objects.owed().of_system(system)
    waiting = rows.annotate(due_at=Greatest("next_retry_at", "doubtful_until")).filter(due_at__gt=now)
    soonest = waiting.aggregate(Min("due_at"))["due_at__min"]
    return (soonest - now).total_seconds() if soonest else None


def _prerequisite_exists() -> Q:
    met = Q(kind__in=[kind for kind in Kind if kind.needs is None])
    for kind in Kind:
        if kind.needs is not None:
            needed = ProductIntegration.objects.filter(package=OuterRef("package"), kind=kind.needs).exclude(
                remote_id=""
            )
            met |= Q(Q(kind=kind), Exists(needed))
    return met


def one_at_a_time() -> None:
    """Until the end of this transaction nobody else claims rows: those that share a Zoho record stay together."""
    lock_for_transaction("zoho_sync.claim")


@transaction.atomic
def claim(
    kinds: Iterable[Kind],
    limit: int,
    *,
    packages: Collection[uuid.UUID] | None = None,
    background: bool = True,
) -> list[Claim]:
    """Up to `limit` records: those people wait for, then those of a backfill, each the longest untried first.

    They are this worker's until it reports or the lease ends. `packages` narrows the choice to their records;
    without `background` what a backfill owes stays where it is.
    """
    one_at_a_time()
    now = timezone.now()
    held = ProductIntegration.objects.filter(
        kind=OuterRef("kind"), remote_key=OuterRef("remote_key"), leased_until__gt=now
    )
    candidates = (
        due()
        .filter(kind__in=list(kinds))
        .exclude(Exists(held))
        .order_by(
            "-priority", "background", F("last_retry_at").asc(nulls_first=True), "next_retry_at", "kind"
        )
    )
    if packages is not None:
        candidates = candidates.filter(package__in=packages)
    if not background:
        candidates = candidates.filter(background=False)
    first: dict[tuple[str, str], uuid.UUID] = {}
    for pk, kind, key in candidates.values_list("pk", "kind", "remote_key")[: limit * 20]:
        if len(first) < limit:
            first.setdefault((kind, key), pk)
    found = ProductIntegration.objects.select_related("package", "resync").in_bulk(first.values())
    chosen = {record: found[pk] for record, pk in first.items()}
    token = uuid.uuid4()
    claims = [Claim(token, row, was_lost=row.lease_token is not None) for row in chosen.values()]
    lease = {"lease_token": token, "leased_until": now + timedelta(seconds=timing.LEASE_SECONDS)}
    for kind in {row.kind for row in chosen.values()}:
        keys = [key for row_kind, key in chosen if row_kind == kind]
        ProductIntegration.objects.filter(kind=kind, remote_key__in=keys).owed().update(**lease)
    return claims


def still_held(claims: Sequence[Claim]) -> bool:
    """Prolong the lease just before a call; False when it was lost to another worker meanwhile."""
    until = timezone.now() + timedelta(seconds=timing.LEASE_SECONDS)
    rows = [item.row.pk for item in claims]
    return ProductIntegration.objects.filter(pk__in=rows, lease_token=claims[0].token).update(
        leased_until=until
    ) == len(rows)


def hold_off(items: Sequence[Claim]) -> None:
    """A write of these went out and was never answered: send nothing more until Zoho must be done with it.

    Otherwise an older price could land after a newer one that was acknowledged, and nobody would know before the night.
    """
    until = timezone.now() + timedelta(seconds=timing.LATE_CALL_SECONDS)
    for item in items:
        _rows_of(item).update(doubtful_until=until)


def _rows_of(item: Claim) -> QuerySet[ProductIntegration]:
    return ProductIntegration.objects.filter(kind=item.row.kind, remote_key=item.row.remote_key)


def remember_remote(item: Claim, remote_id: str) -> None:
    """Write down Zoho's id as soon as it is known: what follows may still fail."""
    item.row.remote_id = remote_id
    _rows_of(item).update(remote_id=remote_id, outcome_unknown=False)


Done = tuple[Claim, Mapping[str, Any], str]


def report_done(item: Claim, payload: Mapping[str, Any], remote_id: str) -> None:
    """Zoho has accepted `payload`. Rows that were made to ask for something else meanwhile stay owed."""
    report_all_done([(item, payload, remote_id)])


@transaction.atomic
def report_all_done(done: Sequence[Done]) -> None:
    """`report_done` for several records of one kind."""
    now = timezone.now()
    by_pk = {each[0].row.pk: each for each in done}
    by_key = {each[0].row.remote_key: each for each in done}
    mine = Q(pk__in=by_pk) | Q(kind__in={each[0].row.kind for each in done}, remote_key__in=by_key)
    rows = list(ProductIntegration.objects.select_for_update().filter(mine).order_by("pk"))
    for row in rows:
        item, payload, remote_id = by_pk.get(row.pk) or by_key[row.remote_key]
        results.acknowledge(row, payload, remote_id)
        # A hash that still is what it was at the claim is an older idea of the same package: a mapping or a setting
        # changed since it was written, and what was sent is the newer one.
        satisfied = row.desired_hash in (row.synced_hash, item.row.desired_hash)
        # Somebody asked for it to be sent while this was under way: that wish is still to be done.
        if satisfied and row.resync_id in (None, item.row.resync_id):
            results.mark_in_sync(row)
        else:
            results.mark_pending(row, now)
        row.last_synced_at, row.background = now, False
        row.lease_token = row.leased_until = None
    ProductIntegration.objects.bulk_update(rows, results.WRITTEN)


@transaction.atomic
def report_failure(
    item: Claim, error: ZohoError, *, retryable: bool, counts: bool, outcome_unknown: bool
) -> None:
    """The record was not sent, or not known to be. `counts` says whether the failure is the record's own."""
    now = timezone.now()
    row = item.row
    tries = row.retry_count + (1 if counts else 0)
    exhausted = tries > len(RETRY_MINUTES)
    dead = not retryable or exhausted
    minutes = RETRY_MINUTES[min(max(tries, 1), len(RETRY_MINUTES)) - 1]
    # Spread a little, so that what failed together does not come back together.
    later = now + timedelta(minutes=minutes * random.uniform(1.0, 1.1))
    values: dict[str, Any] = {
        "status": SyncStatus.DEAD if dead else SyncStatus.FAILED,
        "retry_count": tries,
        "next_retry_at": None if dead else later,
        "last_retry_at": now,
        "last_sync_error": str(error),
        "sync_error_details": error.as_details(),
        "cause": cause_of(Kind(row.kind).system, error.as_details() | {"words": str(error)}),
        "failing_since": Coalesce("failing_since", Value(now), output_field=DateTimeField()),
        "priority": 0,
        "lease_token": None,
        "leased_until": None,
    }
    if outcome_unknown:
        values["outcome_unknown"] = True
    _rows_of(item).filter(lease_token=item.token).update(**values)
    if row.resync_id:
        results.answered(row, f"{SyncStatus(values['status']).label}: {error}")


def give_back(items: Sequence[Claim], *, doubtful: bool = False) -> None:
    """Put records back, to be taken again at once. Costs them nothing.

    `doubtful` when Zoho may have changed them, though it did not say so.
    """
    now = timezone.now()
    for item in items:
        values: dict[str, Any] = {"lease_token": None, "leased_until": None, "next_retry_at": now}
        if item.was_lost or (doubtful and item.row.remote_id):
            values["outcome_unknown"] = True
        _rows_of(item).filter(lease_token=item.token).update(**values)
