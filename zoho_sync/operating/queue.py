"""The retry queue: what failed, grouped by what it fails of; trying it again, or giving it up."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.db.models import Count, Min, Q, QuerySet
from django.utils import timezone

from circletel.core import audit
from circletel.core.enqueue import enqueue
from circletel.core.errors import NotReady, WrongStatus
from circletel.core.origin import current_origin
from zoho_sync import services
from zoho_sync.models import TROUBLE, Kind, ProductIntegration, SyncStatus, System
from zoho_sync.operating.causes import Advice, advice_on, parts
from zoho_sync.operating.models import GroupRetry, GroupRetryState
from zoho_sync.operating.resync import URGENT, may_resync

AGES = {"hour": timedelta(hours=1), "day": timedelta(days=1), "week": timedelta(days=7)}
# Ahead of background work, behind the one record that somebody looks at.
SOON = 5
GOING_ON = (GroupRetryState.PROBING, GroupRetryState.SENDING)


@dataclass(frozen=True)
class Group:
    """Records that fail of one cause. `sample` is the one that has failed for longest."""

    cause: str
    count: int
    dead: int
    first_seen: datetime | None
    sample: ProductIntegration

    @property
    def system(self) -> System:
        return Kind(self.sample.kind).system

    @property
    def error_class(self) -> str:
        return parts(self.cause)[1]

    @property
    def field(self) -> str:
        return parts(self.cause)[2]

    @property
    def advice(self) -> Advice:
        return advice_on(self.cause)


def in_trouble(
    *, system: str = "", kind: str = "", error_class: str = "", age: str = "", cause: str = ""
) -> QuerySet[ProductIntegration]:
    """Everything failed and dead, narrowed; `age` is a key of AGES: failing for longer than that."""
    rows = ProductIntegration.objects.filter(status__in=TROUBLE)
    if cause:
        rows = rows.filter(cause=cause)
    if system in System.values:
        rows = rows.of_system(System(system))
    if kind:
        rows = rows.filter(kind=kind)
    if error_class:
        rows = rows.filter(sync_error_details__class=error_class)
    if age in AGES:
        rows = rows.filter(failing_since__lte=timezone.now() - AGES[age])
    return rows


def groups(rows: QuerySet[ProductIntegration]) -> list[Group]:
    """`rows` by cause, the largest group first. Two queries, however many records there are."""
    counted = (
        rows.order_by()
        .values("cause")
        .annotate(
            count=Count("pk"), dead=Count("pk", filter=Q(status=SyncStatus.DEAD)), first=Min("failing_since")
        )
    )
    samples = rows.order_by("cause", "failing_since", "pk").distinct("cause").select_related("package")
    by_cause = {row.cause: row for row in samples}
    found = [
        Group(one["cause"], one["count"], one["dead"], one["first"], by_cause[one["cause"]])
        for one in counted
        if one["cause"] in by_cause
    ]
    return sorted(found, key=lambda group: (-group.count, group.cause))


def retry(ids: Iterable[Any], *, actor: User) -> int:
    """Try these now. Returns how many will be sent; each is audited. Raises NotAllowed."""
    return services.resync(
        ProductIntegration.objects.filter(pk__in=list(ids), status__in=TROUBLE), actor=actor
    )


def give_up(rows: QuerySet[ProductIntegration], *, actor: User, reason: str) -> int:
    """Nobody is to try these again until their package changes or somebody sends them. Returns how many.

    Raises NotAllowed, or NotReady without a reason.
    """
    may_resync(actor)
    if not reason.strip():
        raise NotReady("reason: say why these records are given up")
    with transaction.atomic():
        chosen = list(rows.filter(status__in=TROUBLE).select_for_update(of=("self",)).order_by("pk"))
        audit.record_many(
            f"give up: {reason.strip()}"[:60],
            [(row, {"status": [row.status, "given_up"], "reason": ["", reason.strip()]}) for row in chosen],
            actor=actor,
        )
        ProductIntegration.objects.filter(pk__in=[row.pk for row in chosen]).update(
            status=SyncStatus.GIVEN_UP, next_retry_at=None, lease_token=None, leased_until=None
        )
    return len(chosen)


def retry_group(cause: str, *, actor: User) -> GroupRetry:
    """Try one record of the group; the rest follow when it goes through. Returns at once: workers do it.

    Asked again while it is going on, it answers with what is going on. Raises NotAllowed, or WrongStatus when
    nothing fails of that cause any more.
    """
    may_resync(actor)
    if going_on := GroupRetry.objects.filter(cause=cause, state__in=GOING_ON).first():
        return going_on
    try:
        with transaction.atomic():
            return _begun(cause, actor)
    except IntegrityError:  # somebody else pressed it at the same instant
        return GroupRetry.objects.get(cause=cause, state__in=GOING_ON)


def _begun(cause: str, actor: User) -> GroupRetry:
    rows = in_trouble(cause=cause)
    probe = rows.order_by("failing_since", "pk").select_for_update(of=("self",)).first()
    if probe is None:
        raise WrongStatus("Nothing fails of this cause any more.")
    going = GroupRetry.objects.create(
        cause=cause,
        probe=probe,
        total=rows.count(),
        sent=1,
        requested_by=actor,
        correlation_id=current_origin().correlation_id,
    )
    _put_back(ProductIntegration.objects.filter(pk=probe.pk), going, priority=URGENT)
    audit.record("retry group", going, actor=actor, detail=f"{going.total} records, one of them first")
    system = Kind(probe.kind).system
    transaction.on_commit(lambda: services.give_another_chance([system]), robust=True)
    enqueue("zoho_sync.tasks.follow_group_retry", str(going.pk), seconds=1)
    return going


def _put_back(rows: QuerySet[ProductIntegration], going: GroupRetry, *, priority: int) -> int:
    return rows.update(
        status=SyncStatus.PENDING,
        next_retry_at=timezone.now(),
        retry_count=0,
        priority=priority,
        correlation_id=going.correlation_id,
    )


def advance(going_id: Any) -> bool:
    """Look how far a group retry is and take its next step. Returns whether there is more to come.

    Level-triggered: may be run by anyone at any time, twice or not at all.
    """
    with transaction.atomic():
        going = GroupRetry.objects.select_for_update(of=("self",)).select_related("probe").get(pk=going_id)
        if going.state == GroupRetryState.PROBING:
            _look_at_probe(going)
        elif going.state == GroupRetryState.SENDING:
            _look_at_rest(going)
        return going.state in GOING_ON


def advance_all() -> None:
    """Each minute: go on with what a lost message left."""
    for going_id in GroupRetry.objects.filter(state__in=GOING_ON).values_list("pk", flat=True):
        advance(going_id)


def _look_at_probe(going: GroupRetry) -> None:
    probe = going.probe
    if probe is not None and probe.status == SyncStatus.PENDING:
        return
    if probe is not None and probe.status != SyncStatus.OK:
        _finish(going, GroupRetryState.STOPPED, probe.last_sync_error)
        return
    rest = in_trouble(cause=going.cause)
    systems = {Kind(kind).system for kind in rest.order_by().values_list("kind", flat=True).distinct()}
    going.sent += _put_back(rest, going, priority=SOON)
    going.state = GroupRetryState.SENDING
    going.save(update_fields=["sent", "state"])
    transaction.on_commit(lambda: services.give_another_chance(systems), robust=True)


def _look_at_rest(going: GroupRetry) -> None:
    numbers = progress(going)
    if not numbers["waiting"]:
        _finish(going, GroupRetryState.DONE, f"{numbers['done']} went through, {numbers['failed']} failed")


def _finish(going: GroupRetry, state: GroupRetryState, detail: str) -> None:
    going.state, going.detail, going.finished_at = state, detail, timezone.now()
    going.save(update_fields=["state", "detail", "finished_at"])
    audit.record("retry group result", going, actor=going.requested_by, detail=f"{state.label}. {detail}")


def progress(going: GroupRetry) -> dict[str, int]:
    """How many of the records that were put back wait, went through and failed. One query."""
    rows = ProductIntegration.objects.filter(correlation_id=going.correlation_id)
    return rows.aggregate(
        waiting=Count("pk", filter=Q(status=SyncStatus.PENDING)),
        done=Count("pk", filter=Q(status=SyncStatus.OK)),
        failed=Count("pk", filter=Q(status__in=TROUBLE)),
    )
