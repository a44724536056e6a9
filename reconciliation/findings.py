"""Findings across runs: what is new, what is still there, what is over, and what nobody wants to hear of."""

from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from typing import Any

from django.utils import timezone

from reconciliation.matching import Deviation
from reconciliation.models import Finding, FindingState, ReconciliationReport
from zoho_sync.compare.diff import instant
from zoho_sync.compare.records import shelf_of

REFRESHED = (
    "ours",
    "theirs",
    "live",
    "since",
    "changed_by",
    "at_stake",
    "remote_name",
    "package_id",
    "last_seen_at",
    "last_report_id",
    "times_seen",
    "state",
)


def told(deviation: Deviation) -> Finding:
    """The finding, unsaved, that a deviation amounts to."""
    mine, remote = deviation.expected, deviation.remote
    return Finding(
        system=shelf_of(deviation.kind).system,
        kind=deviation.kind,
        type=deviation.type,
        key=deviation.key[:200],
        field=deviation.field,
        remote_id=remote.id if remote else mine.remote_id if mine else "",
        remote_name=remote.name[:300] if remote else "",
        package_id=mine.package if mine else deviation.package,
        ours=deviation.ours,
        theirs=deviation.theirs,
        live=remote.values if remote else {},
        since=when(remote.modified_at) if remote else None,
        changed_by=remote.modified_by[:200] if remote else "",
        at_stake=deviation.at_stake,
    )


def record(
    seen: Sequence[Finding],
    *,
    report: ReconciliationReport,
    at: datetime,
    closes: Callable[[Finding], bool],
) -> tuple[list[Finding], dict[str, int]]:
    """Write down what was seen, in the caller's transaction. `closes` says what is over when it was not seen.

    Returns the findings that are not ignored, and how many are new, still, resolved and ignored.
    """
    known = {each.identity: each for each in Finding.objects.unresolved().select_for_update()}
    tally = {"new": 0, "still": 0, "resolved": 0, "ignored": 0}
    lively, fresh, changed = list[Finding](), list[Finding](), list[Finding]()
    for each in seen:
        former = known.pop(each.identity, None)
        if former is None:
            each.first_report = each.last_report = report
            each.first_seen_at = each.last_seen_at = at
            each.state = FindingState.NEW
            fresh.append(each)
        else:
            each = _seen_again(former, each, report, at)
            changed.append(each)
        tally[each.state] += 1
        if each.state != FindingState.IGNORED:
            lively.append(each)
    Finding.objects.bulk_create(fresh, batch_size=500)
    Finding.objects.bulk_update(changed, REFRESHED, batch_size=500)
    over = [each for each in known.values() if closes(each)]
    Finding.objects.filter(pk__in=[each.pk for each in over]).update(
        state=FindingState.RESOLVED, resolved_at=at, last_report=report
    )
    return lively, tally | {"resolved": len(over)}


def covered_by(parts: Collection[Any]) -> Callable[[Finding], bool]:
    """Whether a run that read `parts` would have seen a finding: kinds as a whole, or (kind, package id)."""
    return lambda finding: finding.kind in parts or (finding.kind, str(finding.package_id)) in parts


def _seen_again(former: Finding, now: Finding, report: ReconciliationReport, at: datetime) -> Finding:
    """Ignored stays ignored until its day, or until Zoho says something else than what was ignored."""
    ignored = former.is_ignored_at(at) and former.theirs == now.theirs
    was_ignored = former.state == FindingState.IGNORED
    former.state = (
        FindingState.IGNORED
        if ignored
        else FindingState.NEW
        if was_ignored and former.theirs != now.theirs
        else FindingState.STILL
    )
    for name in ("ours", "live", "at_stake", "remote_name", "package_id"):
        setattr(former, name, getattr(now, name))
    # While Zoho says the same, whoever touched the record since did not do this.
    if former.theirs != now.theirs or former.since is None:
        former.theirs, former.since, former.changed_by = now.theirs, now.since, now.changed_by
    former.last_seen_at, former.last_report = at, report
    former.times_seen += 1
    return former


def as_json(finding: Finding) -> dict[str, Any]:
    """A finding as files, the API and the command tell of it. Instants in UTC; amounts as text."""
    package = finding.package if finding.package_id else None
    return {
        "system": str(finding.system),
        "kind": str(finding.kind),
        "type": str(finding.type),
        "key": finding.key,
        "field": finding.field or None,
        "ours": finding.ours,
        "theirs": finding.theirs,
        "since": finding.since.isoformat() if finding.since else None,
        "changed_by": finding.changed_by or None,
        "at_stake": None if finding.at_stake is None else f"{finding.at_stake:.2f}",
        "remote_id": finding.remote_id or None,
        "remote_name": finding.remote_name or None,
        "package": str(package.pk) if package else None,
        "sku": package.sku if package else None,
        "state": str(finding.state),
        "first_seen": finding.first_seen_at.isoformat(),
        "times_seen": finding.times_seen,
    }


def when(text: str) -> datetime | None:
    """An instant of Zoho's, to the second; None where it is none."""
    try:
        found = instant(text)
    except ValueError:
        return None
    return found.astimezone(timezone.get_default_timezone()) if found else None
