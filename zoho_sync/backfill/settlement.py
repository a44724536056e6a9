"""Writing decisions into the rows: who is who in Zoho, and what is owed. A few packages at a time, all or none."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.db.models import Exists, OuterRef, Prefetch, Q, QuerySet
from django.utils import timezone

from catalogue.models import PackageStatus, ServicePackage
from circletel.core import audit
from circletel.core.origin import current_origin
from zoho_sync import claims, services
from zoho_sync.backfill.decision import AMBIGUOUS_CODE, Ambiguous, Decision, Judge, Verdict
from zoho_sync.connection.errors import InvalidField
from zoho_sync.desired import current_terms, desired_records, retired_record
from zoho_sync.models import OWED, Kind, ProductIntegration, SyncStatus, System
from zoho_sync.results import WRITTEN, mark, mark_dead, record_remote_state
from zoho_sync.standing import waits_for_another

PACKAGES_AT_ONCE = 250
# The records of Billing that another's plan concerns.
_OF_A_PLAN = (Kind.BILLING_PLAN, Kind.BILLING_INSTALLATION, Kind.BILLING_HARDWARE)
_COMPARE = (
    "the system before this one made its plan: run backfill_zoho billing, which compares before it sends"
)


def packages_in_scope(system: System, skus: Sequence[str] | None) -> QuerySet[ServicePackage]:
    """What is on offer, and what Zoho was already told of. A package nobody sells is not brought there anew."""
    told = ProductIntegration.objects.of_system(system).filter(package=OuterRef("pk"))
    packages = ServicePackage.objects.filter(Q(status=PackageStatus.ACTIVE) | Exists(told))
    return packages.filter(sku__in=skus) if skus is not None else packages


def batches(packages: QuerySet[ServicePackage]) -> Iterator[list[UUID]]:
    """The ids of `packages`, some at a time, however many there are."""
    last: UUID | None = None
    ordered = packages.order_by("pk").values_list("pk", flat=True)
    while ids := list((ordered.filter(pk__gt=last) if last else ordered)[:PACKAGES_AT_ONCE]):
        yield ids
        last = ids[-1]


def decide(ids: Sequence[UUID], system: System, judge: Judge) -> list[Decision]:
    """What ought to become of the records of these packages. Writes nothing."""
    return [decision for *_, decision in _decided(ids, system, judge)]


@transaction.atomic
def settle(ids: Sequence[UUID], system: System, judge: Judge) -> list[Decision]:
    """`decide`, and write it down: adopted records as known, what differs as owed, doubts as needing a person.

    What a worker holds at this moment is left to it.
    """
    claims.one_at_a_time()
    rows = ProductIntegration.objects.filter(package__in=ids)
    free = set(rows.select_for_update(skip_locked=True).values_list("pk", flat=True))
    now, read_at = timezone.now(), judge.listing.read_at
    made, changed, adopted, decisions = [], [], [], []
    for package, row, decision in _decided(ids, system, judge):
        decisions.append(decision)
        if row is None:
            row = _new_row(package, decision, read_at)
            made.append(row)
        elif row.pk not in free or row.is_leased(now) or _says_so_already(row, decision, read_at):
            continue
        else:
            changed.append(row)
        if decision.verdict is Verdict.ADOPT:
            adopted.append((row, {"remote_id": [row.remote_id, decision.remote_id]}))
        _write(row, decision, now, read_at)
    ProductIntegration.objects.bulk_create(made)
    ProductIntegration.objects.bulk_update(changed, WRITTEN, batch_size=100)
    audit.record_many("adopted", adopted, actor=None)
    return decisions


Decided = tuple[ServicePackage, ProductIntegration | None, Decision]


def _decided(ids: Sequence[UUID], system: System, judge: Judge) -> Iterator[Decided]:
    ours = ProductIntegration.objects.of_system(system)
    packages = ServicePackage.objects.filter(pk__in=ids).order_by("pk")
    for package in packages.prefetch_related(Prefetch("integrations", ours, to_attr="rows")):
        rows: dict[Kind, ProductIntegration] = {Kind(row.kind): row for row in package.rows}
        wanted = [record for record in desired_records(package, judge.terms) if record.kind.system is system]
        forgotten = rows.keys() - {record.kind for record in wanted}
        wanted += [
            retired_record(kind, rows[kind].remote_key, rows[kind].acknowledged_payload)
            for kind in sorted(forgotten)
            if rows[kind].remote_id
        ]
        for record in wanted:
            row = rows.get(record.kind)
            yield package, row, judge.decide(package, row, record)


def _new_row(package: ServicePackage, decision: Decision, read_at: datetime) -> ProductIntegration:
    row = ProductIntegration(package=package, kind=decision.record.kind, remote_key=decision.record.key)
    # The line's product may have been made by a worker since Zoho was read.
    if row.kind == Kind.BILLING_PRODUCT:
        line = ProductIntegration.objects.filter(kind=row.kind, remote_key=row.remote_key)
        if line.filter(last_synced_at__gte=read_at).exists():
            services.join_line(row)
    return row


def _says_so_already(row: ProductIntegration, decision: Decision, read_at: datetime) -> bool:
    if row.last_synced_at and row.last_synced_at >= read_at:
        return True
    if decision.verdict is Verdict.REFUSED:
        return row.status == SyncStatus.DEAD and decision.reasons == (row.last_sync_error,)
    return decision.verdict is Verdict.IN_STEP and row.status == SyncStatus.OK


def _write(row: ProductIntegration, decision: Decision, now: datetime, read_at: datetime) -> None:
    record, was_owed = decision.record, row.status in OWED
    background = row.background or row._state.adding or not was_owed
    row.remote_key, row.desired_hash, row.listed_at = record.key, record.hash, read_at
    row.correlation_id = current_origin().correlation_id
    words = "; ".join(decision.reasons)
    if decision.verdict is Verdict.AMBIGUOUS:
        mark_dead(row, Ambiguous(words, code=AMBIGUOUS_CODE), now)
        return
    if decision.verdict is Verdict.REFUSED:
        mark_dead(
            row, InvalidField(words, code="NOT_SENT", details={"problems": list(decision.reasons)}), now
        )
        return
    if decision.verdict is Verdict.CREATE and row._state.adding:
        in_sync = mark(row, now)  # the line's product may be known already
    elif decision.verdict is Verdict.CREATE:
        in_sync = record_remote_state(row, record, remote_id="", says=None, now=now)
    else:
        says = decision.theirs if decision.differs else {}
        in_sync = record_remote_state(row, record, remote_id=decision.remote_id, says=says, now=now)
        row.last_synced_at = now
    row.background = background and not in_sync


def owed(system: System, packages: Iterable[UUID] | None) -> QuerySet[ProductIntegration]:
    """What is still to be sent, without what waits for a record that needs a person."""
    rows = ProductIntegration.objects.of_system(system).owed().exclude(waits_for_another())
    return rows if packages is None else rows.filter(package__in=packages)


def inherit(package: ServicePackage, kind: Kind, remote_id: str, *, row_id: UUID | None = None) -> bool:
    """Note that Zoho holds `remote_id` for the package, in the caller's transaction. What it says there is not known.

    A CRM record is owed and goes by its id, so that there are not two of it. Nothing of the package goes to Billing
    before a backfill has compared: a plan is reached by its code, and another system's code is not ours.
    Returns False when the row has an id already, or when the package has no record of that kind.
    """
    row = _known_row(package, kind)
    if row is None or row.remote_id:
        return False
    values = {
        "remote_id": remote_id,
        # Known to exist, and nothing of what it says has been acknowledged to us.
        "acknowledged_payload": {},
        **({"id": row_id} if row_id else {}),
    }
    ProductIntegration.objects.filter(pk=row.pk).update(**values)
    if kind.system is System.BILLING:
        _hold(package)
    else:
        services.nudge_after_commit({kind.system})
    return True


def _known_row(package: ServicePackage, kind: Kind) -> ProductIntegration | None:
    row = package.integrations.select_for_update().filter(kind=kind).first()
    if row is not None:
        return row
    now = timezone.now()
    for record in desired_records(package, current_terms(), [kind]):
        return ProductIntegration.objects.create(
            package=package,
            kind=kind,
            remote_key=record.key,
            desired_hash=record.hash,
            next_retry_at=now,
            owed_since=now,
        )
    return None


def _hold(package: ServicePackage) -> None:
    doubt, now = Ambiguous(_COMPARE, code=AMBIGUOUS_CODE), timezone.now()
    rows = list(package.integrations.filter(kind__in=_OF_A_PLAN).select_for_update().order_by("pk"))
    for row in rows:
        mark_dead(row, doubt, now)
        row.changed_at = now
    ProductIntegration.objects.bulk_update(rows, WRITTEN)
