"""What a repair would do, said before it is done: which records, which fields, how many calls."""

import math
from collections.abc import Collection, Iterable, Sequence
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.db import transaction

from circletel.core import audit
from circletel.core.errors import Refused
from circletel.core.rights import ensure_system_or_may
from reconciliation.findings import said
from reconciliation.models import Deed, Finding, FindingState, FindingType, Repair
from zoho_sync.compare.records import Expected, expected_for, shelf_of
from zoho_sync.crm.client import PER_UPSERT
from zoho_sync.desired import current_terms, table_of
from zoho_sync.fields import Drift, Field, FieldType
from zoho_sync.models import Kind, System

MOST = 100
FITS = {
    Deed.PUSH: {
        FindingType.MISSING_IN_ZOHO,
        FindingType.FIELD_MISMATCH,
        FindingType.STALE_ACKNOWLEDGEMENT,
        FindingType.ARCHIVED_ACTIVE,
    },
    Deed.ADOPT: {FindingType.FIELD_MISMATCH},
    Deed.LINK: {FindingType.WRONG_LINK},
    Deed.DEACTIVATE: {FindingType.MISSING_HERE, FindingType.DUPLICATE},
}


@transaction.atomic
def plan(keys: Collection[Any], deed: Deed, *, actor: User | None) -> Repair:
    """Write down what `deed` would do about the findings with these ids. Nothing else happens until it is applied.

    Refused, with every reason, when the deed does not fit one of them. A repair writes whole records: what else is
    open about a record is part of its plan.
    """
    ensure_system_or_may(actor, "reconciliation.repair_finding", "repair findings")
    chosen = list(Finding.objects.unresolved().filter(pk__in=keys).select_related("package"))
    if not chosen:
        raise Refused("None of these findings is open any more")
    if len(chosen) > MOST:
        raise Refused(f"Repair up to {MOST} findings at a time; these are {len(chosen)}")
    if reasons := [reason for each in chosen if (reason := _why_not(each, deed))]:
        raise Refused(*reasons)
    steps = [_step(each, deed) for each in chosen] + _besides(chosen, deed)
    repair = Repair.objects.create(
        deed=deed, steps=steps, seen=_seen(chosen), calls=_calls(chosen, deed), requested_by=actor
    )
    repair.findings.set(chosen)
    audit.record("repair planned", repair, actor=actor, detail="; ".join(steps)[:2000])
    return repair


def deeds_for(finding: Finding) -> list[Deed]:
    """What can be done about one finding, the usual one first."""
    if finding.state == FindingState.RESOLVED:
        return []
    return [deed for deed in Deed if _why_not(finding, deed) is None]


def field_of(finding: Finding) -> Field | None:
    """The row of the mapping table that a finding is about."""
    if finding.kind not in Kind.values:
        return None
    table = table_of(Kind(finding.kind), current_terms())
    return next((field for field in table if field.name == finding.field), None)


def policy_of(finding: Finding) -> Drift:
    """What becomes of this finding when nobody decides. Only differing fields may heal by themselves."""
    field = field_of(finding)
    if finding.type != FindingType.FIELD_MISMATCH or field is None or field.unique:
        return Drift.ASK
    policy = Drift(settings.RECONCILIATION_POLICIES.get(field.name, field.drift.value))
    money = field.type in (FieldType.AMOUNT, FieldType.STRUCTURE)
    if policy is Drift.HEAL and money and not settings.RECONCILIATION_HEAL_PRICES:
        return Drift.ASK
    return policy


def expected_about(findings: Iterable[Finding]) -> dict[tuple[str, str], Expected]:
    """What Zoho ought to hold now for the packages of these findings, by kind and key."""
    packages = {str(each.package_id) for each in findings if each.package_id}
    return {(each.kind, each.key): each for each in expected_for(packages, list(Kind))}


def is_key(finding: Finding) -> bool:
    """Somebody edited the very key by which Zoho finds the record."""
    field = field_of(finding)
    return field is not None and field.unique and finding.kind != Kind.BILLING_PRODUCT


def _why_not(finding: Finding, deed: Deed) -> str | None:
    if finding.type not in FITS[deed]:
        return f"{finding}: “{deed.label}” does not fit, it is {finding.get_type_display().lower()}"
    if deed is Deed.ADOPT:
        field = field_of(finding)
        if field is None or not field.adopts:
            return f"{finding}: it is put together from several things of ours, so it cannot be taken over; edit the product"
    return None


def _step(finding: Finding, deed: Deed) -> str:
    record = f"{finding.get_kind_display()} {finding.key}"
    match deed:
        case Deed.ADOPT:
            return f"{record}: ask for {said(finding.theirs)} instead of {said(finding.ours)}, as a draft to be approved"
        case Deed.LINK:
            return (
                f"{record}: link it to Zoho's record {finding.remote_id}, and write everything of ours there"
            )
        case Deed.DEACTIVATE:
            return f"{record}: switch Zoho's record {finding.remote_id} ({finding.remote_name}) off"
    if finding.type == FindingType.MISSING_IN_ZOHO:
        return f"{record}: make it again"
    if finding.type == FindingType.STALE_ACKNOWLEDGEMENT:
        return f"{record}: note that Zoho is right; nothing is sent"
    return f"{record}: {finding.field} becomes {said(finding.ours)}, instead of {said(finding.theirs)}"


def _besides(chosen: Sequence[Finding], deed: Deed) -> list[str]:
    """Other open findings about the same records, which go along."""
    if deed not in (Deed.PUSH, Deed.LINK):
        return []
    keys = {(each.kind, each.key) for each in chosen}
    others = (
        Finding.objects.unresolved()
        .filter(key__in=[key for _kind, key in keys], type__in=FITS[Deed.PUSH])
        .exclude(pk__in=[each.pk for each in chosen])
    )
    return [f"{_step(each, Deed.PUSH)} (goes along)" for each in others if (each.kind, each.key) in keys]


def _calls(chosen: Sequence[Finding], deed: Deed) -> int:
    """At most: looking at each record once more, then writing."""
    if deed is Deed.ADOPT:
        return 0
    records = {(each.kind, each.key, each.remote_id) for each in chosen}
    crm = sum(1 for kind, _key, _id in records if shelf_of(kind).system is System.CRM)
    billing = len(records) - crm
    keys = sum(1 for each in chosen if is_key(each))
    # A write to Billing may need a second call for the status; CRM takes a hundred records at once.
    return 2 * math.ceil(crm / PER_UPSERT) + keys + billing * (2 if deed is Deed.DEACTIVATE else 3)


def _seen(chosen: Sequence[Finding]) -> dict[str, Any]:
    """What the plan rests upon: if any of it moves, the plan is void."""
    ours = expected_about(chosen)
    records = {(each.kind, each.key) for each in chosen} & ours.keys()
    return {
        "ours": {f"{kind} {key}": ours[kind, key].hash for kind, key in records},
        "theirs": {str(each.pk): [each.theirs, each.live] for each in chosen},
    }
