"""The deeds of reconciliation that people and schedules ask for: compare, ignore, tidy up."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from catalogue.models import ServicePackage
from circletel.core import audit
from circletel.core.enqueue import send_now
from circletel.core.errors import Refused
from circletel.core.origin import Origin, acting_from, current_origin, new_correlation_id
from circletel.core.rights import ensure_system_or_may
from reconciliation.comparison import Comparison
from reconciliation.findings import as_json, covered_by, record, told
from reconciliation.healing import heal
from reconciliation.locking import only_one
from reconciliation.models import Finding, FindingState, ReconciliationReport, ReportState, Scope
from reconciliation.stake import total_at_stake, weigh
from reconciliation.verified import write_verified
from reconciliation.whose import ask_who, can_be_asked
from zoho_sync.models import ZohoSyncLog

OURS = ("crm", "billing")
# How long reports and resolved findings are kept.
KEEP_DAYS = 400
WAITING = "waiting for a worker"


@dataclass
class Outcome:
    """What a run found. `findings` has one entry for each thing that differs, ignored ones left out."""

    complete: bool
    counts: dict[str, Any]
    calls: int
    findings: list[dict[str, Any]]
    trouble: str = ""
    report: ReconciliationReport | None = None
    coverage: list[dict[str, Any]] = field(default_factory=list)
    lists_complete: bool = False
    """Zoho's lists could all be read; the mirror of subscriptions may still be out of date."""

    @property
    def exit_code(self) -> int:
        """0 all agrees, 1 something differs, 2 not everything could be read."""
        return 2 if not self.complete else 1 if self.findings else 0

    def as_json(self) -> dict[str, Any]:
        return {
            "complete": self.complete,
            "counts": self.counts,
            "calls": self.calls,
            "findings": self.findings,
        }


def run(
    scope: Scope = Scope.ALL,
    *,
    actor: User | None,
    only: Sequence[str] = (),
    dry_run: bool = False,
    report: ReconciliationReport | None = None,
    who_calls: int = 0,
    sleep: Callable[[float], None] = time.sleep,
) -> Outcome:
    """Compare the catalogue, or the packages with these SKUs, with what Zoho holds.

    Writes a report and its findings, nothing with `dry_run`. `actor` None is the schedule. Zoho's troubles do not
    raise: the outcome says that it is not complete, and why. Refused while another run is going on. Up to
    `who_calls` calls more are spent on who did what is new.
    """
    ensure_system_or_may(actor, "reconciliation.run_reconciliation", "compare the catalogue with Zoho")
    _ensure_known(only)
    if report is not None:
        _take(report)
    with only_one("reconciliation") as is_mine:
        if not is_mine:
            words = "A comparison is going on already: wait until it has ended"
            if report is not None:
                _finish(report, Outcome(False, {}, 0, [], f"{words}."), ReportState.INCOMPLETE)
            raise Refused(words)
        origin = Origin(correlation_id=new_correlation_id(), address=current_origin().address)
        with acting_from(origin):
            if not dry_run:
                report = report or start(scope, actor=actor, only=only)
                _bury_interrupted(report)
            outcome = _compare(scope, only, report if not dry_run else None, sleep, who_calls)
            if outcome.lists_complete and not dry_run:
                heal(sleep=sleep)
            return outcome


def start(scope: Scope = Scope.ALL, *, actor: User | None, only: Sequence[str] = ()) -> ReconciliationReport:
    """A report for a run that is about to begin."""
    ensure_system_or_may(actor, "reconciliation.run_reconciliation", "compare the catalogue with Zoho")
    report = ReconciliationReport.objects.create(
        scope=scope, only=list(only), requested_by=actor, progress=WAITING
    )
    audit.record("reconciliation started", report, actor=actor)
    return report


@transaction.atomic
def request_run(
    scope: Scope = Scope.ALL, *, actor: User | None, only: Sequence[str] = ()
) -> ReconciliationReport:
    """Have a worker compare, and return the report that it will fill. Refused for an unknown SKU."""
    _ensure_known(only)
    report = start(scope, actor=actor, only=only)

    def send() -> None:
        if not send_now("reconciliation.tasks.run_report", str(report.pk)):
            words = "No worker could be asked: the broker does not answer."
            _finish(report, Outcome(False, {}, 0, [], words), ReportState.INCOMPLETE)

    transaction.on_commit(send)
    return report


def _take(report: ReconciliationReport) -> None:
    """A message may come twice; the second one finds that the run has begun."""
    waiting = ReconciliationReport.objects.filter(pk=report.pk, state=ReportState.RUNNING, progress=WAITING)
    if not waiting.update(progress="starting"):
        raise Refused("This comparison has begun already")


def _compare(
    scope: Scope,
    only: Sequence[str],
    report: ReconciliationReport | None,
    sleep: Callable[[float], None],
    who_calls: int,
) -> Outcome:
    begun = timezone.now()

    def progress(words: str) -> None:
        if report is not None:
            ReconciliationReport.objects.filter(pk=report.pk).update(progress=words[:200])

    comparison = Comparison(scope.systems, only=only, begun=begun, progress=progress, sleep=sleep)
    comparison.run()
    seen = [told(each) for each in comparison.deviations]
    weigh(seen, comparison.terms)
    if report is None:
        ignored = {
            each.identity
            for each in Finding.objects.filter(state=FindingState.IGNORED)
            if each.is_ignored_at(begun)
        }
        lively = [each for each in seen if each.identity not in ignored]
        tally = {"ignored": len(seen) - len(lively)}
    else:
        with transaction.atomic():
            listed = comparison.lists_are_complete
            closes = covered_by(comparison.covered if listed else ())
            lively, tally = record(seen, report=report, at=begun, closes=closes)
            if listed:
                write_verified(comparison.covered, seen, at=begun)
        new = [each for each in lively if each.state == FindingState.NEW]
        ask_who([each for each in new if can_be_asked(each)], calls=who_calls, sleep=sleep)
    outcome = Outcome(
        complete=comparison.is_complete,
        counts=_counts(comparison, lively, tally),
        calls=ZohoSyncLog.objects.filter(
            correlation_id=current_origin().correlation_id, system__in=OURS
        ).count(),
        findings=[as_json(each) for each in lively],
        trouble=f"{comparison.trouble} {comparison.mirror_trouble}".strip(),
        report=report,
        coverage=comparison.coverage,
        lists_complete=comparison.lists_are_complete,
    )
    if report is not None:
        alarm = ReportState.ALARM if comparison.alarmed else ReportState.INCOMPLETE
        _finish(report, outcome, ReportState.COMPLETE if outcome.complete else alarm)
    return outcome


def _counts(comparison: Comparison, seen: Sequence[Finding], tally: dict[str, int]) -> dict[str, Any]:
    def by(name: str) -> dict[str, int]:
        values = [str(getattr(each, name)) for each in seen]
        return {value: values.count(value) for value in sorted(set(values))}

    return {
        "findings": len(seen),
        "compared": comparison.compared,
        "owed": comparison.owed,
        "by_type": by("type"),
        "by_system": by("system"),
        "by_kind": by("kind"),
        "at_stake": str(total_at_stake(seen)),
        **tally,
    }


def _finish(report: ReconciliationReport, outcome: Outcome, state: ReportState) -> None:
    report.state, report.finished_at, report.progress = state, timezone.now(), ""
    report.counts, report.calls, report.findings = outcome.counts, outcome.calls, outcome.findings
    report.trouble, report.coverage = outcome.trouble, outcome.coverage
    report.save()


def _bury_interrupted(report: ReconciliationReport) -> None:
    """Whoever holds the lock runs; every other report that still says so was killed."""
    longest_wait = report.started_at - timedelta(hours=1)
    begun = ~Q(progress=WAITING) | Q(started_at__lt=longest_wait)
    ReconciliationReport.objects.exclude(pk=report.pk).filter(begun, state=ReportState.RUNNING).update(
        state=ReportState.INCOMPLETE,
        finished_at=timezone.now(),
        progress="",
        trouble="It was interrupted before it had read everything.",
    )


@transaction.atomic
def ignore(
    findings: Sequence[Finding],
    *,
    actor: User,
    reason: str,
    until: datetime,
    at: datetime | None = None,
) -> int:
    """Say nothing more of these findings until then, or until Zoho says something else. Returns how many."""
    ensure_system_or_may(actor, "reconciliation.repair_finding", "ignore findings")
    at = at or timezone.now()
    if not reason.strip():
        raise Refused("Say why it may stay as it is")
    if until <= at:
        raise Refused("The day until which it is ignored must lie ahead")
    ids = [each.pk for each in findings]
    chosen = list(Finding.objects.unresolved().select_for_update().filter(pk__in=ids))
    for each in chosen:
        audit.record(
            "finding ignored",
            each,
            actor=actor,
            changes={"state": [each.state, FindingState.IGNORED.value]},
            detail=f"until {timezone.localtime(until):%-d %b %Y}: {reason.strip()}",
        )
        each.state, each.ignore_reason, each.ignored_until = FindingState.IGNORED, reason.strip(), until
        each.ignored_by = actor
        each.save()
    return len(chosen)


def forget_old(*, at: datetime | None = None) -> int:
    """Remove reports, and findings resolved, longer ago than KEEP_DAYS. Returns how many reports."""
    before = (at or timezone.now()) - timedelta(days=KEEP_DAYS)
    Finding.objects.filter(state=FindingState.RESOLVED, resolved_at__lt=before).delete()
    old = ReconciliationReport.objects.filter(started_at__lt=before).exclude(state=ReportState.RUNNING)
    number = old.count()
    old.delete()
    return number


def _ensure_known(skus: Sequence[str]) -> None:
    known = set(ServicePackage.objects.filter(sku__in=skus).values_list("sku", flat=True))
    if unknown := [sku for sku in skus if sku not in known]:
        raise Refused(f"No package was ever published with the SKU {', '.join(unknown)}")
