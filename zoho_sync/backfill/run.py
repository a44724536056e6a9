"""A backfill from reading to the last call. It may be stopped and begun again at any time: its state is the rows."""

import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass
from threading import Event
from uuid import UUID

from django.db.models import Count, Exists, Min, OuterRef
from django.utils import timezone

from circletel.core import jobs
from circletel.core.jobs import Cancelled, JobKind, RunningJob
from circletel.core.origin import Origin, acting_from, new_correlation_id
from zoho_sync import sync
from zoho_sync.backfill import settlement
from zoho_sync.backfill.decision import Judge
from zoho_sync.backfill.report import Ending, Plan, Report, SystemReport, in_words, plan_lines, records
from zoho_sync.compare.forecast import forecast, moment
from zoho_sync.compare.listing import Listing
from zoho_sync.compare.records import SHELVES
from zoho_sync.compare.remote import Zoho
from zoho_sync.connection.errors import BudgetSpent, ZohoError
from zoho_sync.connection.http import ZohoHttp
from zoho_sync.connection.limits import Allowance
from zoho_sync.desired import current_terms
from zoho_sync.models import ProductIntegration, ProductIntegrationQuerySet, SyncStatus, System

# How long to wait for a limit or a second try before leaving the rest to the sweep.
PATIENCE_SECONDS = 180.0
# One drain, then the progress is shown and Ctrl-C heard.
SLICE_SECONDS = 5.0


@dataclass(frozen=True)
class Order:
    """What was asked for. `skus` None means every package; `max_calls` limits the calls of this run."""

    systems: Sequence[System]
    dry_run: bool = False
    verify: bool = False
    skus: Sequence[str] | None = None
    resume: bool = False
    max_calls: int | None = None

    @property
    def only_looks(self) -> bool:
        return self.dry_run or self.verify


@dataclass(frozen=True)
class Voice:
    """Where a run speaks: whole lines, and how far it is."""

    say: Callable[[str], None]
    progress: Callable[[int, int, int], None] = lambda _done, _total, _calls: None


def run(order: Order, voice: Voice, *, stop: Event | None = None) -> Report:
    """Do what `order` asks, one system after the other. Raises nothing that is Zoho's; the report has it."""
    stop, allowance, report = stop or Event(), Allowance(order.max_calls), Report()
    with acting_from(Origin(correlation_id=new_correlation_id(), user_agent="backfill_zoho")):
        for system in order.systems:
            part, used = SystemReport(system), allowance.used
            report.systems.append(part)
            try:
                with closing(ZohoHttp(system, allowance=allowance)) as http:
                    _Run(order, voice, stop, http, part).go()
            except BudgetSpent as spent:
                part.end(Ending.LATER, f"{spent} Zoho was not read to the end; nothing is lost.")
            except ZohoError as trouble:
                part.end(Ending.NOT_POSSIBLE, str(trouble))
            part.calls = allowance.used - used
            if part.words:
                voice.say(part.words)
            if stop.is_set():
                break
    return report


def _run_job(job: RunningJob) -> str:
    """In a worker: what the command shows is the job's log."""
    options = {**job.parameters, "systems": [System(each) for each in job.parameters["systems"]]}
    return in_words(
        run(Order(**options), Voice(job.log, lambda done, total, _calls: job.progress(done, total)))
    )


# A backfill that was killed has lost nothing: what it wrote down as owed goes by itself.
BACKFILL = JobKind(
    "zoho_sync.backfill",
    "Backfill of Zoho",
    _run_job,
    permission="zoho_sync.resync_productintegration",
    is_resumable=False,
)


def run_as_job(order: Order, voice: Voice, stop: Event) -> Report:
    """`run` for the command. What writes is a job, so that it has a page and can be stopped there."""
    if order.only_looks:
        return run(order, voice, stop=stop)
    reports = list[Report]()

    def runner(job: RunningJob) -> str:
        def progress(done: int, total: int, calls: int) -> None:
            voice.progress(done, total, calls)
            try:
                job.progress(done, total, f"{calls} calls")
            except Cancelled:
                stop.set()  # calls on their way are finished

        report = run(order, Voice(voice.say, progress), stop=stop)
        reports.append(report)
        if report.ending is Ending.INTERRUPTED:
            raise Cancelled(in_words(report))
        return in_words(report)

    jobs.run_here(BACKFILL, runner=runner, **asdict(order))
    return reports[0]


@contextmanager
def stopped_by_signal() -> Iterator[Event]:
    """An event that Ctrl-C or SIGTERM sets: calls on their way are finished. A second Ctrl-C ends it at once."""
    stop = Event()
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return

    def hear(number: int, _frame: object) -> None:
        if stop.is_set():
            raise KeyboardInterrupt
        stop.set()

    before = {number: signal.signal(number, hear) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class _Run:
    """One system's part of a backfill."""

    def __init__(self, order: Order, voice: Voice, stop: Event, http: ZohoHttp, part: SystemReport) -> None:
        self.order, self.voice, self.stop, self.http, self.part = order, voice, stop, http, part
        self.system = part.system
        self.packages = settlement.packages_in_scope(self.system, order.skus)
        self.ids: list[UUID] | None = None
        if order.skus is not None:
            self.ids = list(self.packages.values_list("pk", flat=True))

    def go(self) -> None:
        if not (self.order.resume and self._was_looked_through()):
            self._plan()
        if self.stop.is_set():
            self.part.end(Ending.INTERRUPTED, "Stopped before all packages were looked at.")
        elif self.order.only_looks:
            assert self.part.plan is not None  # nobody resumes a dry run
            self._judge_plan(self.part.plan)
        else:
            self._work()
        self.part.states = self._states()

    def _plan(self) -> None:
        """Read Zoho, decide about every record and, unless this is a rehearsal, write it down."""
        terms = current_terms()
        with closing(Listing()) as listing:
            zoho = Zoho(terms, {self.system: self.http}, queries=False)
            lists = [shelf for shelf in SHELVES if shelf.system is self.system]
            for shelf in lists:
                listing.add(shelf, zoho.everything(shelf))
            self.part.held = sum(listing.counts(shelf)[1] for shelf in lists)
            judge, plan = Judge(listing, terms, verify=self.order.verify), Plan(self.system)
            treat = settlement.decide if self.order.only_looks else settlement.settle
            for ids in settlement.batches(self.packages):
                if self.stop.is_set():
                    return
                plan.take(treat(ids, self.system, judge), keep_differences=self.order.verify)
        self.part.plan, self.part.forecast = plan, forecast(plan.calls, self.http.budget)
        for line in plan_lines(self.part, self.http.budget):
            self.voice.say(line)

    def _was_looked_through(self) -> bool:
        """An earlier run read Zoho and wrote down what it found, for everything that is still to be sent."""
        rows = ProductIntegration.objects.of_system(self.system)
        unknown = self.packages.exclude(Exists(rows.filter(package=OuterRef("pk"))))
        not_listed = rows.owed().filter(package__in=self.packages.values("pk"), remote_id="", listed_at=None)
        return not unknown.exists() and not not_listed.exists()

    def _judge_plan(self, plan: Plan) -> None:
        if self.order.verify:
            for doubt in plan.differing:
                self.voice.say(f"  differs: {doubt.kind} {doubt.key}: {doubt.words}")
        doubts = bool(plan.ambiguous or plan.refused)
        self.part.ending = (
            Ending.DIFFERS if plan.has_work else Ending.NEEDS_PERSON if doubts else Ending.IN_STEP
        )
        self.voice.say("Nothing was written.")

    def _work(self) -> None:
        """Send what is owed, at the pace Zoho and the budget allow, until nothing is or the wait would be long."""
        total = settlement.owed(self.system, self.ids).count()
        left, moved_at = total, time.monotonic()
        while left and not self.stop.is_set():
            self.voice.progress(total - left, total, self.http.allowance.used)
            outcome = sync.drain(
                self.system, seconds=SLICE_SECONDS, http=self.http, packages=self.ids, stop=self.stop
            )
            before, left = left, settlement.owed(self.system, self.ids).count()
            total = max(total, left)
            if left < before:
                moved_at = time.monotonic()
            wait = outcome.again_in or (0.0 if outcome.sent or left < before else self._until_next())
            if left and (
                self.http.allowance.is_spent or time.monotonic() - moved_at + wait > PATIENCE_SECONDS
            ):
                self._leave(left, outcome.reasons)
                return
            self.stop.wait(wait)
        self.voice.progress(total - left, total, self.http.allowance.used)
        if left:
            words = f"Stopped. {records(left)} still owed; the sweep goes on with them, and so does --resume."
            self.part.end(Ending.INTERRUPTED, words)
            return
        if dead := self._rows().filter(status=SyncStatus.DEAD).count():
            needs = "needs" if dead == 1 else "need"
            words = f"{records(dead)} of {self.system.label} {needs} a person: the admin lists them with the reason."
            self.part.end(Ending.NEEDS_PERSON, words)

    def _leave(self, left: int, reasons: Sequence[str]) -> None:
        allowed = f"the {self.order.max_calls} calls allowed to this run are used up"
        reason = allowed if self.http.allowance.is_spent else "; ".join(dict.fromkeys(reasons))
        seen = forecast(left if self.system is System.BILLING else -(-left // 100), self.http.budget)
        self.part.end(
            Ending.LATER,
            f"{records(left)} still owed{': ' + reason if reason else ''}. The sweep goes on by itself;"
            f" done {moment(timezone.now() + seen.takes)} if nothing else happens.",
        )

    def _until_next(self) -> float:
        """Seconds until something owed may be tried: a second try is due, or a lost worker's lease ends."""
        rows = settlement.owed(self.system, self.ids)
        now = timezone.now()
        times = rows.aggregate(due=Min("next_retry_at"), lease=Min("leased_until"))
        waits = [(at - now).total_seconds() for at in times.values() if at and at > now]
        return min(max(min(waits, default=0.5), 0.2), PATIENCE_SECONDS + 1)

    def _rows(self) -> ProductIntegrationQuerySet:
        rows = ProductIntegration.objects.of_system(self.system)
        return rows if self.ids is None else rows.filter(package__in=self.ids)

    def _states(self) -> dict[str, int]:
        counted = self._rows().order_by().values("status").annotate(number=Count("id"))
        found = {row["status"]: row["number"] for row in counted}
        return {status.value: found.get(status.value, 0) for status in SyncStatus}
