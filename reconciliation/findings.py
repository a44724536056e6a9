"""Findings across runs: what is new, still there or over, what nobody wants to hear of, and what it all comes to."""

import json
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from django.db import transaction
from django.db.models import Q

from pricing.billed import standing_units
from pricing.models import Subscription
from reconciliation.models import SUBSCRIPTION, Finding, FindingState, FindingType, ReconciliationReport
from zoho_sync.compare.diff import CENT, cents
from zoho_sync.desired import table_of
from zoho_sync.fields import Terms
from zoho_sync.models import Kind, ProductIntegration, SyncStatus

NOTHING = Decimal("0.00")
LONGEST = 80
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


def said(value: Any, longest: int = LONGEST) -> str:
    """A value of ours or of Zoho's in one line, cut where it is long; an empty one is “nothing”."""
    if value is None or value == "":
        return "nothing"
    plain = isinstance(value, str | int | float) and not isinstance(value, bool)
    text = str(value) if plain else json.dumps(value, ensure_ascii=False)
    line = " ".join(text.split())
    return line if len(line) <= longest else f"{line[: longest - 1]}…"


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


# --- rand a month at stake: what a wrong price comes to, over all who subscribe to the package


def weigh(findings: Sequence[Finding], terms: Terms) -> None:
    """Write `at_stake` on every finding about a package's monthly price: the difference, times what is subscribed to.

    Findings about subscriptions bring theirs along. It stays empty where nothing was ever mirrored: unknown is
    not nothing. Two queries at most.
    """
    names = {
        (kind.value, each.name) for kind in Kind for each in table_of(kind, terms) if each.adopts == "price"
    }
    about = [
        each
        for each in findings
        if each.type == FindingType.FIELD_MISMATCH and (each.kind, each.field) in names and each.package_id
    ]
    if not about or not Subscription.objects.exists():
        return
    units: Mapping[Any, int] = standing_units([each.package_id for each in about if each.package_id])
    for each in about:
        if (difference := _difference(each, terms)) is not None:
            each.at_stake = difference * units.get(each.package_id, 0)


def total_at_stake(findings: Iterable[Finding]) -> Decimal:
    """Rand a month. A package that is wrong in CRM and in Billing counts once, with the larger difference."""
    packages: dict[Any, Decimal] = defaultdict(lambda: NOTHING)
    total = NOTHING
    for each in findings:
        if each.at_stake is None:
            continue
        if each.kind == SUBSCRIPTION:
            total += each.at_stake
        else:
            packages[each.package_id] = max(packages[each.package_id], each.at_stake)
    return total + sum(packages.values(), NOTHING)


def _difference(finding: Finding, terms: Terms) -> Decimal | None:
    """VAT included, to the cent; None where Zoho holds no amount at all."""
    try:
        ours, theirs = cents(finding.ours), cents(finding.theirs)
    except ArithmeticError:
        return None
    if ours is None or theirs is None:
        return None
    factor = Decimal(1) if terms.prices_include_vat else 1 + terms.vat_rate
    return (abs(theirs - ours) * factor).quantize(CENT, ROUND_HALF_UP)


# --- what was found to agree


def write_verified(covered: Iterable[Any], seen: Iterable[Finding], *, at: datetime) -> int:
    """Mark every record that was compared and does not differ; one statement. Returns how many.

    `covered` is what was read: kinds as a whole, or (kind, package id). `seen` is everything that differs, ignored
    findings too. A record sent after `at`, when the run began, was not seen as it is now and stays as it was.
    """
    scope = Q(pk__in=[])
    packages: dict[str, list[Any]] = defaultdict(list)
    for part in covered:
        if isinstance(part, tuple):
            packages[part[0]].append(part[1])
        elif part in Kind.values:
            scope |= Q(kind=part)
    for kind, ids in packages.items():
        scope |= Q(kind=kind, package__in=ids)
    differing: dict[str, set[str]] = defaultdict(set)
    for finding in seen:
        if finding.kind in Kind.values:
            differing[finding.kind].add(finding.key)
    records = ProductIntegration.objects.filter(scope, status=SyncStatus.OK, last_synced_at__lte=at)
    for kind, keys in differing.items():
        records = records.exclude(kind=kind, remote_key__in=keys)
    # Never waits for a row: publishing locks the rows of its package one by one, and both would wait for each other.
    # What somebody holds at this moment is being changed; the next run looks at it again.
    with transaction.atomic():
        free = records.select_for_update(skip_locked=True).values("pk")
        return ProductIntegration.objects.filter(pk__in=free).update(verified_at=at)
