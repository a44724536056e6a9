"""What is wrong with a record of ours, given what Zoho holds in its place. Pure."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.utils import timezone

from pricing.billed import WronglyBilled
from reconciliation.models import SUBSCRIPTION, Finding, FindingType
from zoho_sync.compare.diff import differences, instant
from zoho_sync.compare.listing import Pair
from zoho_sync.compare.records import Expected, Remote, shelf_of
from zoho_sync.fields import Field

SWITCH = ("Product_Active", "status")
Tables = Mapping[str, Sequence[Field]]


def judge_pair(pair: Pair, tables: Tables) -> list[Finding]:
    """What is wrong with one record, and with its link where another one bears its key."""
    mine, key_holder = pair.expected, pair.key_holder
    if key_holder is None or mine.is_owed:
        return judge(mine, pair.remote, tables)
    key = next((item.name for item in tables[mine.kind] if item.unique), "")
    wrong = _about(mine, key_holder, FindingType.WRONG_LINK, key, mine.remote_id, key_holder.id)
    return [wrong, *judge(mine, pair.remote or key_holder, tables, but=key)]


def judge(mine: Expected, remote: Remote | None, tables: Tables, *, but: str = "") -> list[Finding]:
    """What is wrong with one record. Nothing while it is owed: the sync is about to write it."""
    if mine.is_owed:
        return []
    if remote is None:
        return [_about(mine, None, FindingType.MISSING_IN_ZOHO)] if mine.is_wanted else []
    found = [
        _about(mine, remote, _type_of(mine, remote, each.field.name), each.field.name, each.ours, each.theirs)
        for each in differences(tables[mine.kind], mine.payload, remote.values)
        if each.field.name != but
    ]
    if not found and mine.row and mine.synced_hash != mine.hash:
        found.append(
            _about(mine, remote, FindingType.STALE_ACKNOWLEDGEMENT, "", mine.hash[:12], mine.synced_hash[:12])
        )
    return found


def _type_of(mine: Expected, remote: Remote, name: str) -> FindingType:
    twin_alive = name in SWITCH and not mine.is_wanted and remote.is_active
    return FindingType.ARCHIVED_ACTIVE if twin_alive else FindingType.FIELD_MISMATCH


def _about(
    mine: Expected,
    remote: Remote | None,
    type: FindingType,
    field: str = "",
    ours: Any = None,
    theirs: Any = None,
) -> Finding:
    return finding(
        type,
        mine.kind,
        mine.key,
        remote,
        mine=mine,
        field=field,
        ours=ours,
        theirs=theirs,
        package_id=UUID(mine.package),
    )


def finding(
    type: FindingType,
    kind: str,
    key: str,
    remote: Remote | None,
    *,
    mine: Expected | None = None,
    **more: Any,
) -> Finding:
    """Unsaved. `mine` is the record of ours that it is about; strangers and subscriptions have none."""
    return Finding(
        system=shelf_of(kind).system,
        kind=kind,
        type=type,
        key=key[:200],
        remote_id=remote.id if remote else mine.remote_id if mine else "",
        remote_name=remote.name[:300] if remote else "",
        live=remote.values if remote else {},
        since=when(remote.modified_at) if remote else None,
        changed_by=remote.modified_by[:200] if remote else "",
        **more,
    )


def wrongly_billed(wrong: WronglyBilled) -> Finding:
    """That a subscription is billed another price than the rule says."""
    told = wrong.subscription
    # Who the customer is stays with those who may see subscriptions: reports and mails name the number.
    values = {
        "name": told.number,
        "plan_code": told.plan_code,
        "price": str(told.price),
        "status": told.status,
    }
    changed = str(told.listed.get("updated_time") or "")
    return finding(
        FindingType.OWN_PRICE if wrong.is_its_own else FindingType.BILLED_PRICE,
        SUBSCRIPTION,
        told.subscription_id,
        Remote(told.subscription_id, told.plan_code, values, modified_at=changed),
        field="price",
        ours=str(wrong.ought),
        theirs=str(told.price),
        package_id=told.package_id,
        at_stake=None if wrong.is_its_own else wrong.at_stake,
    )


def when(text: str) -> datetime | None:
    """An instant of Zoho's, to the second; None where it is none."""
    try:
        found = instant(text)
    except ValueError:
        return None
    return found.astimezone(timezone.get_default_timezone()) if found else None
