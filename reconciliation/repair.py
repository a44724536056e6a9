"""Carrying a plan out. What we owe Zoho goes the ordinary way; only what no sync can mend is written here."""

import time
from collections.abc import Callable, Mapping, Sequence
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import structlog
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone

from catalogue import services as catalogue
from catalogue.content import pricing_of, product_content
from catalogue.models import Product
from circletel.core import audit, jobs
from circletel.core.errors import Refused
from circletel.core.jobs import JobKind, RunningJob
from circletel.core.models import AuditEntry, Job
from circletel.core.rights import ensure_may, ensure_system_or_may
from pricing.services import draft_price_change
from reconciliation.findings import said
from reconciliation.models import Deed, Finding, FindingState, FindingType, Repair, RepairState
from reconciliation.planning import MOST, expected_about, field_of, is_key, plan, policy_of
from zoho_sync.compare.diff import CENT, differences
from zoho_sync.compare.records import Expected, Remote, Shelf, shelf_of
from zoho_sync.compare.remote import Zoho, open_zoho
from zoho_sync.connection.errors import ZohoError
from zoho_sync.crm.mapping import key_field
from zoho_sync.desired import DesiredRecord, current_terms, table_of
from zoho_sync.fields import Drift, FieldType, wire
from zoho_sync.models import Kind
from zoho_sync.services import believe

log = structlog.get_logger(__name__)

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
            expected = expected_about(findings)
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


def heal(*, sleep: Callable[[float], None] = time.sleep) -> int:
    """Push ours for every record about which nothing is open but what heals by itself. Returns how many findings."""
    records: dict[tuple[str, str], list[Finding]] = {}
    for finding in Finding.objects.open().select_related("package").iterator():
        records.setdefault((finding.kind, finding.key), []).append(finding)
    healed = 0
    for findings in records.values():
        # A repair writes the whole record, so one field that needs a person keeps it waiting.
        if all(policy_of(each) is Drift.HEAL for each in findings) and len(findings) <= MOST:
            try:
                apply(plan([each.pk for each in findings], Deed.PUSH, actor=None), actor=None, sleep=sleep)
                healed += len(findings)
            except Refused as refusal:
                log.warning("not_healed", record=str(findings[0]), reason=str(refusal))
    return healed


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


# --- taking over what somebody typed in Zoho: as a draft, which goes through approval like any other


def adopt(finding: Finding, *, actor: User | None) -> None:
    """Make Zoho's value a draft of ours, in the caller's transaction: a price change, or an edit of the product.

    Refused when the value does not do for us, each reason naming the field.
    """
    field, package = field_of(finding), finding.package
    if actor is None or field is None or package is None:
        raise Refused(f"{finding}: only a person may take over what Zoho says")
    value = _value(finding, field.type)
    if field.adopts == "price":
        reason = f"Found in {finding.get_system_display()} on {finding.first_seen_at:%-d %b %Y}"
        if value is None or value <= 0:
            raise Refused(f"{finding}: {said(finding.theirs)} is no price")
        if draft_price_change(package=package, new_price=value, actor=actor, reason=reason) is None:
            raise Refused(
                f"{finding}: the package has this price already, or a published price change is open"
            )
        return
    ensure_may(actor, "catalogue.change_product", "change products")
    _edit(finding, field.adopts, value, actor)


def _edit(finding: Finding, path: str, value: Any, actor: User) -> None:
    assert finding.package is not None  # adopt saw it
    product = Product.objects.with_content().get(pk=finding.package.source_admin_product_id)
    before = product_content(product)
    part, _, name = path.rpartition(".")
    target: Any = pricing_of(product) if part == "pricing" else product
    setattr(target, name, value)
    try:
        target.full_clean()
    except ValidationError as error:
        raise Refused(*(f"{finding}: {words}" for words in error.messages)) from None
    target.save()
    catalogue.record_edit(product, actor=actor, before=before)


def _value(finding: Finding, type: FieldType) -> Any:
    theirs = finding.theirs
    if type is FieldType.STRUCTURE:
        theirs = theirs[0].get("price") if isinstance(theirs, list) and theirs else None
    if type in (FieldType.STRUCTURE, FieldType.AMOUNT):
        return _including_vat(theirs)
    if type is FieldType.INTEGER:
        return int(theirs) if theirs not in (None, "") else None
    return str(theirs or "")


def _including_vat(theirs: Any) -> Decimal | None:
    if theirs in (None, ""):
        return None
    terms, amount = current_terms(), Decimal(str(theirs))
    factor = Decimal(1) if terms.prices_include_vat else 1 + terms.vat_rate
    return (amount * factor).quantize(CENT, ROUND_HALF_UP)
