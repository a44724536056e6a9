"""Drift that heals by itself: where the mapping or a setting says so, and never a price unless a setting does."""

import time
from collections.abc import Callable

import structlog
from django.conf import settings

from circletel.core.errors import Refused
from reconciliation.models import Deed, Finding, FindingType
from reconciliation.planning import MOST, field_of, plan
from reconciliation.repair import apply
from zoho_sync.fields import Drift, FieldType

log = structlog.get_logger(__name__)


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
                apply(plan(findings, Deed.PUSH, actor=None), actor=None, sleep=sleep)
                healed += len(findings)
            except Refused as refusal:
                log.warning("not_healed", record=str(findings[0]), reason=str(refusal))
    return healed
