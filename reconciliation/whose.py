"""Whose hand it was: CRM's timeline tells who changed which field, and its list of deleted records who deleted one.

The lists tell only who touched a record last, which may have been for something else. Billing tells neither.
"""

import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import structlog
from django.contrib.auth.models import User
from django.db import transaction

from circletel.core import audit
from circletel.core.errors import Refused
from circletel.core.rights import ensure_system_or_may
from reconciliation.matching import when
from reconciliation.models import Finding, FindingState, FindingType
from zoho_sync.compare.remote import Zoho, open_zoho
from zoho_sync.connection.errors import ZohoError
from zoho_sync.models import System

log = structlog.get_logger(__name__)

OF_A_FIELD = (FindingType.FIELD_MISMATCH, FindingType.ARCHIVED_ACTIVE, FindingType.WRONG_LINK)


def can_be_asked(finding: Finding) -> bool:
    """Whether CRM keeps who did this: it is about a field, or about a record that was there."""
    if finding.system != System.CRM or not finding.remote_id or finding.state == FindingState.RESOLVED:
        return False
    of_a_field = finding.type in OF_A_FIELD and finding.field != ""
    return of_a_field or finding.type == FindingType.MISSING_IN_ZOHO


def ask_who(findings: Sequence[Finding], *, calls: int, sleep: Callable[[float], None] = time.sleep) -> None:
    """Write on these findings who did it and when, as CRM's history has it, with no more than so many calls.

    One call for each record, one for all that were deleted. What CRM does not tell stays as it was; so does
    everything else when it cannot be asked, which is no trouble of the comparison.
    """
    if not findings or calls < 1:
        return
    try:
        with open_zoho(sleep) as zoho:
            told = _read(zoho, findings, calls)
    except ZohoError as trouble:
        log.warning("who_did_it_not_told", trouble=str(trouble))
        return
    Finding.objects.bulk_update(told, ["since", "changed_by"])


def look_up(key: Any, *, actor: User) -> Finding:
    """Ask CRM who did one thing, because a person wants to know. Refused where CRM does not know or answer."""
    ensure_system_or_may(actor, "reconciliation.repair_finding", "ask Zoho who changed a record")
    finding = Finding.objects.get(pk=key)
    if not can_be_asked(finding):
        raise Refused(f"{finding}: Zoho does not tell who did this")
    try:
        with open_zoho() as zoho:
            told = _read(zoho, [finding], 1)
    except ZohoError as trouble:
        raise Refused(f"Zoho could not be asked: {trouble}") from None
    if not told:
        raise Refused(f"{finding}: Zoho's history does not say who did this")
    with transaction.atomic():
        finding.save(update_fields=["since", "changed_by"])
        audit.record("finding looked up", finding, actor=actor, detail=f"changed by {finding.changed_by}")
    return finding


def _read(zoho: Zoho, findings: Iterable[Finding], calls: int) -> list[Finding]:
    """Those of the findings that CRM's history explains, with who and when written on them, unsaved."""
    timelines: dict[str, list[dict[str, Any]]] = {}
    deleted: dict[str, dict[str, Any]] | None = None
    told = []
    for each in findings:
        if each.type == FindingType.MISSING_IN_ZOHO:
            if deleted is None:
                if calls < 1:
                    continue
                calls -= 1
                deleted = {str(row.get("id")): row for row in zoho.crm.deleted_products()}
            row = deleted.get(each.remote_id, {})
            found = _write(each, row.get("deleted_by"), row.get("deleted_time"))
        else:
            if each.remote_id not in timelines:
                if calls < 1:
                    continue
                calls -= 1
                timelines[each.remote_id] = zoho.crm.timeline(each.remote_id)
            entry = _latest(timelines[each.remote_id], each.field)
            found = _write(each, entry.get("done_by"), entry.get("audited_time"))
        if found:
            told.append(each)
    return told


def _latest(entries: Iterable[dict[str, Any]], field: str) -> dict[str, Any]:
    """The latest entry that changed this field; nothing when none did."""
    changed = [
        each
        for each in entries
        if any(item.get("api_name") == field for item in each.get("field_history") or [])
    ]
    # As Zoho orders them, which is the latest first; the time decides where it tells one.
    return max(changed, key=lambda each: str(when(str(each.get("audited_time") or "")) or ""), default={})


def _write(finding: Finding, person: Any, at: Any) -> bool:
    name = str(person.get("name") or person.get("id") or "") if isinstance(person, dict) else ""
    if not name:
        return False
    finding.changed_by = name[:200]
    finding.since = when(str(at or "")) or finding.since
    return True
