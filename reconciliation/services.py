"""The deeds of reconciliation that people and schedules ask for: compare, ignore, tidy up."""

import time
from collections.abc import Callable, Collection, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from catalogue.models import ServicePackage
from circletel.core import audit, jobs
from circletel.core.database import lock_for_transaction
from circletel.core.errors import Refused
from circletel.core.jobs import JobKind, RunningJob
from circletel.core.models import Job
from circletel.core.origin import Origin, acting_from, current_origin, new_correlation_id
from circletel.core.rights import ensure_system_or_may
from reconciliation.comparison import Comparison
from reconciliation.findings import as_json, covered_by, record, total_at_stake, weigh, write_verified
from reconciliation.models import Finding, FindingState, ReconciliationReport, ReportState, Scope
from reconciliation.repair import heal
from reconciliation.whose import ask_who, can_be_asked
from zoho_sync.models import ZohoSyncLog

OURS = ("crm", "billing")
# How long reports and resolved findings are kept.
KEEP_DAYS = 400


def run(
    scope: Scope = Scope.ALL,
    *,
    actor: User | None,
    only: Sequence[str] = (),
    dry_run: bool = False,
    job: RunningJob | None = None,
    who_calls: int = 0,
    sleep: Callable[[float], None] = time.sleep,
) -> ReconciliationReport:
    """Compare the catalogue, or the packages with these SKUs, with what Zoho holds. Returns the report.

    Stores it and its findings, nothing with `dry_run`. `actor` None is the schedule, `job` the work in the background
    that this is. Zoho's troubles do not raise: the report says that it is not complete, and why. Refused while another
    run is going on. Up to `who_calls` calls more are spent on who did what is new.
    """
    ensure_system_or_may(actor, "reconciliation.run_reconciliation", "compare the catalogue with Zoho")
    _ensure_known(only)
    origin = Origin(correlation_id=new_correlation_id(), address=current_origin().address)
    with acting_from(origin):
        if dry_run:
            report = ReconciliationReport(scope=scope, only=list(only))
            _compare(report, job, sleep)
            return report
        report = _begun(scope, only, job.job if job else None)
        if _compare(report, job, sleep, who_calls=who_calls).lists_are_complete:
            heal(sleep=sleep)
        return report


def in_words(report: ReconciliationReport) -> str:
    number = report.counts["findings"]
    return f"{report.get_state_display()}: {number} finding{'s' if number != 1 else ''}, {report.calls} calls"


def _run_job(job: RunningJob) -> str:
    scope, only = Scope(job.parameters["scope"]), job.parameters["only"]
    return in_words(run(scope, actor=job.actor, only=only, job=job))


RUN = JobKind(
    "reconciliation.run",
    "Comparison with Zoho",
    _run_job,
    permission="reconciliation.run_reconciliation",
)


@transaction.atomic
def request_run(
    scope: Scope = Scope.ALL, *, actor: User | None, only: Sequence[str] = ()
) -> ReconciliationReport:
    """Have a worker compare, and return the report that it will fill. Refused for an unknown SKU, or while one runs."""
    _ensure_known(only)
    return _begun(scope, only, jobs.request(RUN, actor=actor, scope=scope, only=list(only)))


def run_here(scope: Scope, *, only: Sequence[str] = ()) -> ReconciliationReport:
    """Compare in this process, for the command. Refused for an unknown SKU, or while another run is going on."""
    _ensure_known(only)
    job = jobs.run_here(RUN, scope=scope, only=list(only))
    if job.error:
        raise Refused(job.error.removeprefix("Refused: "))
    return ReconciliationReport.objects.get(job=job)


@transaction.atomic
def _begun(scope: Scope, only: Sequence[str], job: Job | None) -> ReconciliationReport:
    """The report for this job, which may have one from before its worker was lost. Refused while another is going on."""
    lock_for_transaction("reconciliation")
    running = ReconciliationReport.objects.filter(state=ReportState.RUNNING).select_related("job")
    for report in running:
        if job is not None and report.job == job:
            return report
        if report.current_state == ReportState.RUNNING:
            raise Refused("A comparison is going on already: wait until it has ended")
    return ReconciliationReport.objects.create(scope=scope, only=list(only), job=job)


def _compare(
    report: ReconciliationReport,
    job: RunningJob | None,
    sleep: Callable[[float], None],
    who_calls: int = 0,
) -> Comparison:
    """Compare, and write what is found into the report and, where it is stored, into the findings."""
    begun, is_stored = timezone.now(), not report._state.adding

    def progress(words: str) -> None:
        if job is not None:
            job.progress(0, text=words)

    comparison = Comparison(
        Scope(report.scope).systems, only=report.only, begun=begun, progress=progress, sleep=sleep
    )
    comparison.run()
    seen = comparison.findings
    weigh(seen, comparison.terms)
    if is_stored:
        with transaction.atomic():
            if job is not None:
                job.renew()
            listed = comparison.lists_are_complete
            closes = covered_by(comparison.covered if listed else ())
            lively, tally = record(seen, report=report, at=begun, closes=closes)
            if listed:
                write_verified(comparison.covered, seen, at=begun)
        new = [each for each in lively if each.state == FindingState.NEW]
        ask_who([each for each in new if can_be_asked(each)], calls=who_calls, sleep=sleep)
    else:
        ignored = {
            each.identity
            for each in Finding.objects.filter(state=FindingState.IGNORED)
            if each.is_ignored_at(begun)
        }
        lively = [each for each in seen if each.identity not in ignored]
        tally = {"ignored": len(seen) - len(lively)}
    complete, alarm = comparison.is_complete, comparison.alarmed
    report.state = (
        ReportState.COMPLETE if complete else ReportState.ALARM if alarm else ReportState.INCOMPLETE
    )
    report.finished_at = timezone.now()
    report.trouble = f"{comparison.trouble} {comparison.mirror_trouble}".strip()
    report.counts, report.coverage = _counts(comparison, lively, tally), comparison.coverage
    report.findings = [as_json(each) for each in lively]
    calls = ZohoSyncLog.objects.filter(correlation_id=current_origin().correlation_id, system__in=OURS)
    report.calls = calls.count()
    if is_stored:
        report.save()
    progress("")
    return comparison


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


@transaction.atomic
def ignore(
    keys: Collection[Any],
    *,
    actor: User,
    reason: str,
    until: datetime,
) -> int:
    """Say nothing more of the findings with these ids until then, or until Zoho says something else. Returns how many."""
    ensure_system_or_may(actor, "reconciliation.repair_finding", "ignore findings")
    if not reason.strip():
        raise Refused("Say why it may stay as it is")
    if until <= timezone.now():
        raise Refused("The day until which it is ignored must lie ahead")
    chosen = list(Finding.objects.unresolved().select_for_update().filter(pk__in=keys))
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


def forget_old() -> None:
    """Remove reports, and findings resolved, longer ago than KEEP_DAYS."""
    before = timezone.now() - timedelta(days=KEEP_DAYS)
    Finding.objects.filter(state=FindingState.RESOLVED, resolved_at__lt=before).delete()
    ReconciliationReport.objects.filter(started_at__lt=before).delete()


def _ensure_known(skus: Sequence[str]) -> None:
    known = set(ServicePackage.objects.filter(sku__in=skus).values_list("sku", flat=True))
    if unknown := [sku for sku in skus if sku not in known]:
        raise Refused(f"No package was ever published with the SKU {', '.join(unknown)}")
