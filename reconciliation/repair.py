"""Carrying a plan out. What we owe Zoho goes the ordinary way; only what no sync can mend is written here."""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from circletel.core import audit, jobs
from circletel.core.errors import Refused
from circletel.core.jobs import JobKind, RunningJob
from circletel.core.models import AuditEntry, Job
from circletel.core.rights import ensure_system_or_may
from reconciliation.adopting import adopt
from reconciliation.models import Deed, Finding, FindingState, FindingType, Repair, RepairState
from reconciliation.planning import is_key
from zoho_sync.compare.diff import differences
from zoho_sync.compare.expected import expected_for
from zoho_sync.compare.records import Expected, Remote, Shelf, shelf_of
from zoho_sync.compare.remote import Zoho, open_zoho
from zoho_sync.connection.errors import ZohoError
from zoho_sync.corrections import believe
from zoho_sync.crm.mapping import key_field
from zoho_sync.desired import DesiredRecord, current_terms, table_of
from zoho_sync.fields import wire
from zoho_sync.models import Kind

Seen = dict[str, Remote | None]


def apply(repair: Repair, *, actor: User | None, sleep: Callable[[float], None] = time.sleep) -> Repair:
    """Do what the plan says, if nothing has moved since it was made: ours, theirs, or the findings.

    Looks at the records in Zoho once more. Refused, and the plan is void, when something moved; refused, and the
    plan stands, when Zoho could not be asked. Cut off in the middle it may be applied again.
    """
    ensure_system_or_may(actor, "reconciliation.repair_finding", "repair findings")
    _ensure_planned(repair)
    # A person waits for this: a limit that is reached refuses the repair instead of holding it.
    try:
        with open_zoho(sleep) as zoho:
            findings = list(repair.findings.select_related("package"))
            expected = _expected(findings)
            now = {} if repair.deed == Deed.ADOPT else _look(zoho, findings)
            if moved := _moved(repair, findings, expected, now):
                _void(repair, actor, moved)
            else:
                _carry_out(repair, actor, zoho, findings, expected, now)
    except ZohoError as trouble:
        raise Refused(f"Zoho could not be asked, so the repair is not done yet: {trouble}") from None
    if repair.state == RepairState.REFUSED:
        raise Refused(repair.outcome)
    return repair


def _apply_job(job: RunningJob) -> str:
    apply(Repair.objects.get(pk=job.parameters["repair"]), actor=job.actor)
    return "What is owed to Zoho goes out now; the next comparison closes the findings."


# Killed in the middle it may be applied again: what was written by then voids the rest of the plan.
FIX = JobKind(
    "reconciliation.fix",
    "Repair of findings",
    _apply_job,
    permission="reconciliation.repair_finding",
    is_cancellable=False,
)


@transaction.atomic
def request_apply(repair_id: Any, *, actor: User) -> Job:
    """Have a worker do what the plan says. Raises NotAllowed, or Refused where it is not planned any more."""
    repair = Repair.objects.select_for_update(of=("self",)).get(pk=repair_id)
    repair.job = jobs.request(FIX, actor=actor, key=f"repair {repair.pk}", repair=str(repair.pk))
    _ensure_planned(repair)
    repair.save(update_fields=["job"])
    return repair.job


def _ensure_planned(repair: Repair) -> None:
    if repair.state != RepairState.PLANNED:
        raise Refused(f"This repair is {repair.get_state_display().lower()} already")


def _carry_out(
    repair: Repair,
    actor: User | None,
    zoho: Zoho,
    findings: Sequence[Finding],
    expected: Mapping[tuple[str, str], Expected],
    now: Seen,
) -> None:
    # Calls first: each may be repeated, while what the transaction writes stands or falls with all of it.
    for finding in findings:
        if repair.deed == Deed.DEACTIVATE:
            _switch_off(zoho, finding)
        elif repair.deed == Deed.PUSH and is_key(finding):
            _give_key_back(zoho, finding, expected[finding.kind, finding.key])
    with transaction.atomic():
        Repair.objects.select_for_update().get(pk=repair.pk)
        for finding in findings:
            if repair.deed == Deed.ADOPT:
                adopt(finding, actor=actor)
            elif repair.deed in (Deed.PUSH, Deed.LINK):
                _owe(finding, expected[finding.kind, finding.key], now[str(finding.pk)])
            audit.record(
                f"finding repaired: {repair.deed}",
                finding,
                actor=actor,
                changes={finding.field or finding.type: [finding.theirs, finding.ours]},
            )
        repair.state, repair.applied_at, repair.outcome = RepairState.APPLIED, timezone.now(), "Done."
        repair.save()


def _owe(finding: Finding, mine: Expected, remote: Remote | None) -> None:
    """What Zoho holds is written down as what it acknowledged: the sync sends the difference."""
    record = DesiredRecord(Kind(mine.kind), mine.key, mine.payload)
    if remote is None:
        believe(record, remote_id="", says=None)
        return
    table = table_of(Kind(mine.kind), current_terms())
    says = {
        each.field.name: each.theirs
        for each in differences(table, mine.payload, remote.values)
        if not (is_key(finding) and each.field.unique)
    }
    believe(record, remote_id=remote.id, says=says)


def _switch_off(zoho: Zoho, finding: Finding) -> None:
    shelf = shelf_of(finding.kind)
    if shelf.family is None:
        _judged(zoho.crm.update([{"id": finding.remote_id, "Product_Active": False}]))
    else:
        address = str(finding.live.get(shelf.family.address) or finding.remote_id)
        zoho.billing.mark(shelf.family, address, active=False)


def _give_key_back(zoho: Zoho, finding: Finding, mine: Expected) -> None:
    """The record is known by its id; without its key the sync would make a second one."""
    shelf = shelf_of(finding.kind)
    if shelf.family is None:
        key = key_field(zoho.terms.crm_prefix)
        _judged(zoho.crm.update([{"id": finding.remote_id, key: mine.key}]))
        return
    content = {name: value for name, value in mine.payload.items() if name != "status"}
    body = wire(table_of(Kind(mine.kind), zoho.terms), content)
    if product := finding.live.get("product_id"):
        body["product_id"] = product
    zoho.billing.update(shelf.family, str(finding.theirs), body)


def _judged(results: Sequence[Any]) -> None:
    for result in results:
        if result.error is not None:
            raise result.error


def _expected(findings: Sequence[Finding]) -> dict[tuple[str, str], Expected]:
    packages = {str(each.package_id) for each in findings if each.package_id}
    return {(each.kind, each.key): each for each in expected_for(packages, list(Kind))}


def _look(zoho: Zoho, findings: Sequence[Finding]) -> Seen:
    """Each finding's record as it is in Zoho at this moment."""
    seen: Seen = {}
    shelves: dict[str, tuple[Shelf, list[Finding]]] = {}
    for each in findings:
        shelf = shelf_of(each.kind)
        shelves.setdefault(shelf.name, (shelf, []))[1].append(each)
    for shelf, those in shelves.values():
        wanted = {str(each.pk): (each.remote_id if each.live else "", _key(shelf, each)) for each in those}
        seen |= zoho.look(shelf, wanted)
    return seen


def _key(shelf: Shelf, finding: Finding) -> str:
    """The key under which the record stands in Zoho, which may have been edited there."""
    name = shelf.family.key if shelf.family else ""
    return str(finding.live.get(name) or finding.key)


def _moved(
    repair: Repair,
    findings: Sequence[Finding],
    expected: Mapping[tuple[str, str], Expected],
    now: Seen,
) -> list[str]:
    """What is not as it was when the plan was made, in words."""
    reasons = []
    for each in findings:
        mine = expected.get((each.kind, each.key))
        planned = repair.seen["ours"].get(f"{each.kind} {each.key}", "")
        theirs, live = repair.seen["theirs"].get(str(each.pk), (None, None))
        if each.state == FindingState.RESOLVED:
            reasons.append(f"{each} is resolved")
        elif (mine.hash if mine else "") != planned:
            reasons.append(f"{each}: the package changed here")
        elif mine is not None and mine.is_owed and each.type != FindingType.WRONG_LINK:
            reasons.append(f"{each}: it is on its way to Zoho already")
        elif repair.deed != Deed.ADOPT and not _says(now[str(each.pk)], live):
            reasons.append(f"{each}: it changed in Zoho")
        elif each.theirs != theirs:
            reasons.append(f"{each}: another value was found since")
    return reasons


def _says(remote: Remote | None, live: Mapping[str, Any] | None) -> bool:
    """Whether the record still says what it said. A single record is told in more fields than a list tells."""
    if remote is None or not live:
        return remote is None and not live
    return all(remote.values.get(name) == value for name, value in live.items())


def _void(repair: Repair, actor: User | None, moved: Sequence[str]) -> None:
    repair.state = RepairState.REFUSED
    repair.outcome = (
        f"Nothing was written, because something moved meanwhile: {'; '.join(moved)}. Compare again"
    )
    with transaction.atomic():
        repair.save()
        audit.record(
            "repair applied", repair, actor=actor, result=AuditEntry.Result.REFUSED, detail=repair.outcome
        )
