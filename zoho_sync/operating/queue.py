"""The retry queue: what failed, grouped by what it fails of; trying it again, or giving it up."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Count, Min, Q, QuerySet
from django.utils import timezone

from circletel.core import audit, jobs
from circletel.core.errors import NotReady, WrongStatus
from circletel.core.models import Job
from circletel.core.models.job import ENDED
from zoho_sync import services
from zoho_sync.desired import current_terms, desired_records
from zoho_sync.models import TROUBLE, Kind, ProductIntegration, ProductIntegrationQuerySet, SyncStatus, System
from zoho_sync.operating.causes import Advice, advice_on, parts
from zoho_sync.operating.resync import URGENT, may_resync

AGES = {"hour": timedelta(hours=1), "day": timedelta(days=1), "week": timedelta(days=7)}
# Ahead of background work, behind the one record that somebody looks at.
SOON = 5
# Until somebody looks again how far a group retry is.
LOOK_SECONDS = 2


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
) -> ProductIntegrationQuerySet:
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


def groups(rows: ProductIntegrationQuerySet) -> list[Group]:
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


def give_up(rows: ProductIntegrationQuerySet, *, actor: User, reason: str) -> int:
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


def retry_group(cause: str, *, actor: User) -> Job:
    """Try one record of the group; the rest follow when it goes through. Returns at once: workers do it.

    Asked again while it is going on, it answers with what is going on. Raises NotAllowed, or WrongStatus when
    nothing fails of that cause any more.
    """
    may_resync(actor)
    if opened := retries(cause).exclude(state__in=ENDED).first():
        return opened
    try:
        with transaction.atomic():
            return _begun(cause, actor)
    except jobs.AlreadyOpen as other:  # somebody else pressed it at the same instant
        return other.job


def retries(cause: str = "") -> QuerySet[Job]:
    """The group retries, or those of one group, the last first."""
    found = Job.objects.filter(kind=RETRY_GROUP.name)
    return found.filter(key=_key(cause)) if cause else found


def _key(cause: str) -> str:
    return f"retry group {cause}"


def _begun(cause: str, actor: User) -> Job:
    rows = in_trouble(cause=cause)
    probe = rows.order_by("failing_since", "pk").select_for_update(of=("self",)).first()
    if probe is None:
        raise WrongStatus("Nothing fails of this cause any more.")
    total = rows.count()
    job = jobs.request(
        RETRY_GROUP, actor=actor, key=_key(cause), total=total, cause=cause, first=str(probe.pk)
    )
    probes = ProductIntegration.objects.filter(pk=probe.pk)
    probes.send_again(priority=URGENT, correlation_id=job.correlation_id)
    system = Kind(probe.kind).system
    transaction.on_commit(lambda: services.give_another_chance([system]), robust=True)
    return job


def _advance(job: jobs.RunningJob) -> str | jobs.Again:
    """Look how far a group retry is and take its next step."""
    if not job.parameters.get("rest_follows"):
        first = ProductIntegration.objects.filter(pk=job.parameters["first"]).first()
        if first is not None and first.status == SyncStatus.PENDING:
            return jobs.Again(LOOK_SECONDS, "the first one is tried")
        if first is not None and first.status != SyncStatus.OK:
            raise jobs.Failed(
                f"The first one failed again, so the rest is left alone. {first.last_sync_error}".strip()
            )
        _send_rest(job)
    number = _numbers(job.job)
    said = f"{number['done']} went through, {number['failed']} failed"
    job.progress(number["done"] + number["failed"], text=said)
    if number["waiting"]:
        return jobs.Again(LOOK_SECONDS)
    audit.record("retry group result", job.job, actor=job.actor, detail=said)
    return said


@transaction.atomic
def _send_rest(job: jobs.RunningJob) -> None:
    job.remember(rest_follows=True)
    rest = in_trouble(cause=job.parameters["cause"])
    systems = {Kind(kind).system for kind in rest.order_by().values_list("kind", flat=True).distinct()}
    rest.send_again(priority=SOON, correlation_id=job.job.correlation_id)
    transaction.on_commit(lambda: services.give_another_chance(systems), robust=True)


def _numbers(job: Job) -> dict[str, int]:
    """How many of the records that were put back wait, went through and failed. One query."""
    rows = ProductIntegration.objects.filter(correlation_id=job.correlation_id)
    return rows.aggregate(
        waiting=Count("pk", filter=Q(status=SyncStatus.PENDING)),
        done=Count("pk", filter=Q(status=SyncStatus.OK)),
        failed=Count("pk", filter=Q(status__in=TROUBLE)),
    )


RETRY_GROUP = jobs.JobKind(
    "zoho_sync.retry_group",
    "Retry a group of failed records",
    _advance,
    permission="zoho_sync.resync_productintegration",
)


@dataclass(frozen=True)
class ComparedField:
    name: str
    wanted: Any
    accepted: Any

    @property
    def differs(self) -> bool:
        return self.wanted != self.accepted


def compare(record: ProductIntegration) -> tuple[list[ComparedField], str]:
    """Field by field what the record ought to say beside what Zoho took, and in words whose payload that is.

    Where Zoho never took this record, beside the last one of its kind that it took.
    """
    desired = desired_records(record.package, current_terms(), [Kind(record.kind)])
    accepted, beside = record.acknowledged_payload, "this record, when Zoho last took it"
    if accepted is None:
        taken = ProductIntegration.objects.filter(kind=record.kind, status=SyncStatus.OK)
        other = taken.exclude(acknowledged_payload=None).order_by("-last_synced_at").first()
        accepted = other.acknowledged_payload if other else None
        beside = f"{other.remote_key}, the last of its kind that Zoho took" if other else ""
    wanted = desired[0].payload if desired else record.acknowledged_payload or {}
    accepted = accepted or {}
    names = dict.fromkeys([*wanted, *accepted])
    return [ComparedField(name, wanted.get(name), accepted.get(name)) for name in names], beside
