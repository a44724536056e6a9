"""What is wrong with a record of ours, given what Zoho holds in its place. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from reconciliation.models import FindingType
from zoho_sync.compare.diff import differences
from zoho_sync.compare.matching import Pair
from zoho_sync.compare.records import Expected, Remote
from zoho_sync.fields import Field

SWITCH = ("Product_Active", "status")
Tables = Mapping[str, Sequence[Field]]


@dataclass(slots=True)
class Deviation:
    """One thing that is not as it ought to be. `field` is empty where the whole record is meant.

    `package` and `at_stake` are for what has no `expected`: subscriptions are not records of ours.
    """

    type: FindingType
    kind: str
    key: str
    field: str = ""
    ours: Any = None
    theirs: Any = None
    expected: Expected | None = None
    remote: Remote | None = None
    package: str | None = None
    at_stake: Decimal | None = None


def judge_pair(pair: Pair, tables: Tables) -> list[Deviation]:
    """What is wrong with one record, and with its link where another one bears its key."""
    mine, key_holder = pair.expected, pair.key_holder
    if key_holder is None or mine.is_owed:
        return judge(mine, pair.remote, tables)
    key = next((item.name for item in tables[mine.kind] if item.unique), "")
    wrong = _about(mine, key_holder, FindingType.WRONG_LINK, key, mine.remote_id, key_holder.id)
    return [wrong, *judge(mine, pair.remote or key_holder, tables, but=key)]


def judge(mine: Expected, remote: Remote | None, tables: Tables, *, but: str = "") -> list[Deviation]:
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
) -> Deviation:
    return Deviation(type, mine.kind, mine.key, field, ours, theirs, mine, remote)
