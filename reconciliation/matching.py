"""Who belongs to whom, and where they differ. Pure: two streams in the order of keys go in, deviations come out.

Who a record is, its stored id says first and its key second. So two records whose keys somebody swapped are
two wrong links, not fifty differing fields; a record whose key was edited is one differing field, not one
missing and one strange record.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import groupby
from operator import attrgetter
from typing import Any

from reconciliation.compare import differences
from reconciliation.models import FindingType
from reconciliation.records import Expected, Remote
from zoho_sync.fields import Field

SWITCH = ("Product_Active", "status")
KEY_FIELDS = ("plan_code", "addon_code", "sku")
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


class TooManyVanished(Exception):
    """So many records are gone that Zoho, or the way there, must be at fault."""


@dataclass
class Match:
    """What came of matching one list."""

    compared: int = 0
    owed: int = 0
    theirs: int = 0
    deviations: list[Deviation] = field(default_factory=list)
    strangers: list[Remote] = field(default_factory=list)


@dataclass
class _Odd:
    """An expected record whose key did not lead to the record that its stored id names."""

    expected: Expected
    by_key: Remote | None


def match(
    expected: Iterable[Expected], remotes: Iterable[Remote], tables: Tables, *, most_missing: int
) -> Match:
    """Compare two streams in the order of keys. Memory grows with what differs, not with what is there.

    Raises TooManyVanished as soon as more than `most_missing` records that Zoho once had are not there.
    """
    found, odd = Match(), list[_Odd]()
    missing = 0
    for mine, candidates in _side_by_side(expected, remotes):
        found.theirs += len(candidates)
        if mine is None:
            found.strangers += candidates
            continue
        own = next((each for each in candidates if each.id == mine.remote_id), None)
        picked = own or (candidates[0] if candidates else None)
        found.strangers += [each for each in candidates if each is not picked]
        if picked is not None and (own is not None or not mine.remote_id):
            _count(found, mine)
            found.deviations += judge(mine, picked, tables)
            continue
        odd.append(_Odd(mine, picked))
        missing += picked is None and bool(mine.remote_id) and mine.is_wanted
        if missing > most_missing:
            raise TooManyVanished
    _resolve(odd, found, tables)
    return found


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


def _resolve(odd: list[_Odd], found: Match, tables: Tables) -> None:
    """Those who did not meet by key meet by id; then what is left over is missing, wrongly linked or strange."""
    by_id = {remote.id: remote for remote in found.strangers}
    by_id |= {each.by_key.id: each.by_key for each in odd if each.by_key is not None}
    taken: set[str] = set()
    for each in odd:
        mine, known = each.expected, by_id.get(each.expected.remote_id)
        _count(found, mine)
        if each.by_key is None:
            found.deviations += judge(mine, known, tables)
        elif not mine.is_owed:
            key = next((item.name for item in tables[mine.kind] if item.unique), "")
            found.deviations.append(
                _about(mine, each.by_key, FindingType.WRONG_LINK, key, mine.remote_id, each.by_key.id)
            )
            found.deviations += judge(mine, known or each.by_key, tables, but=key)
        taken.add(known.id if known else each.by_key.id if each.by_key else "")
    left = {id: remote for id, remote in by_id.items() if id not in taken}
    found.strangers = [remote for remote in left.values() if remote.is_active]


def _count(found: Match, mine: Expected) -> None:
    found.compared += 1
    found.owed += mine.is_owed


def _side_by_side(
    expected: Iterable[Expected], remotes: Iterable[Remote]
) -> Iterator[tuple[Expected | None, list[Remote]]]:
    """Each key of either side once, in order: what we want under it, and all that Zoho has under it."""
    ours = (_one_of(list(group)) for _key, group in groupby(expected, attrgetter("key")))
    theirs = (
        (key, list({each.id: each for each in group}.values()))
        for key, group in groupby(remotes, attrgetter("key"))
    )
    mine, yours = next(ours, None), next(theirs, None)
    while mine is not None or yours is not None:
        if yours is None or (mine is not None and mine.key < yours[0]):
            yield mine, []
            mine = next(ours, None)
        elif mine is None or yours[0] < mine.key:
            yield None, yours[1]
            yours = next(theirs, None)
        else:
            yield mine, yours[1]
            mine, yours = next(ours, None), next(theirs, None)


def _one_of(sharing: list[Expected]) -> Expected:
    """Packages of one line share a Billing product: one of them stands for all, best one that knows it."""
    best = max(sharing, key=lambda each: (bool(each.remote_id), not each.is_owed))
    best.retired = all(each.retired for each in sharing)
    return best
