"""A pull from the first page to the last subscription. Its state is rows, so it may be stopped and gone on with."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from threading import Event

from django.conf import settings
from django.db import transaction
from django.db.models import F, OuterRef, Subquery
from django.utils import timezone

from catalogue.models import ServicePackage, vat_rate_today
from circletel.core import jobs
from pricing.mirror import listing
from pricing.mirror.reading import Unreadable, take_answer
from pricing.mirror.report import PullReport, before_listing, plan_lines
from pricing.models import OwedRead, Source, Subscription, SubscriptionPull
from zoho_sync.backfill.report import Ending
from zoho_sync.billing.client import BillingClient
from zoho_sync.billing.organisation import checked
from zoho_sync.compare.forecast import forecast
from zoho_sync.connection.background import BackgroundHttp, Stopped
from zoho_sync.connection.errors import NeedsPerson, RecordGone, Retryable, ZohoError
from zoho_sync.connection.http import ZohoHttp
from zoho_sync.connection.limits import Allowance
from zoho_sync.models import Kind, ProductIntegration, System

# A list older than this is read anew: customers have joined and left since.
GOOD_FOR = timedelta(hours=20)
PATIENCE_SECONDS = 180.0
MOST_PROBLEMS = 20
PROGRESS_EVERY = 10


@dataclass(frozen=True)
class Order:
    """What was asked for. `accept_vanished` believes a list that lacks more than is credible.

    `list_only` reads Zoho's list of subscriptions and nothing else; the next pull with `resume` goes on from there.
    """

    dry_run: bool = False
    full: bool = False
    resume: bool = False
    max_calls: int | None = None
    accept_vanished: bool = False
    list_only: bool = False
    patience: float = PATIENCE_SECONDS


Say = Callable[[str], None]
Progress = Callable[[int, int, int], None]


def pull_subscriptions(
    order: Order, *, say: Say, progress: Progress = lambda *_: None, stop: Event | None = None
) -> PullReport:
    """Bring the mirror up to date. Raises nothing that is Zoho's; the report has it. One at a time: see `pull_in_job`."""
    allowance = Allowance(order.max_calls)
    http = BackgroundHttp(System.BILLING, patience=order.patience, stop=stop, allowance=allowance)
    try:
        return _Run(order, http, say, progress).go()
    finally:
        http.close()


def pull_in_job(
    job: jobs.RunningJob, order: Order, *, say: Say, progress: Progress = lambda *_: None, stop: Event
) -> PullReport:
    """`pull_subscriptions`, seen on the job's page. What is cancelled there ends after the call on its way."""

    def both(done: int, total: int, calls: int) -> None:
        progress(done, total, calls)
        try:
            job.progress(done, total, f"{calls} calls")
        except jobs.Cancelled:
            stop.set()

    return pull_subscriptions(order, say=say, progress=both, stop=stop)


def unfinished() -> SubscriptionPull | None:
    """A pull that was stopped and whose lists are recent enough to go on with."""
    return SubscriptionPull.objects.filter(finished_at=None, started_at__gt=timezone.now() - GOOD_FOR).first()


class _Run:
    def __init__(self, order: Order, http: ZohoHttp, say: Say, progress: Progress) -> None:
        self.order, self.http, self.say, self.progress = order, http, say, progress
        self.client = BillingClient(http)
        self.report = PullReport()
        self.pull: SubscriptionPull | None = None

    def go(self) -> PullReport:
        report = self.report
        try:
            self._check_organisation()
            if self.order.dry_run:
                self._look()
            else:
                self._work()
        except Stopped:
            report.ending, report.words = Ending.INTERRUPTED, "Stopped; --resume goes on where this ended."
        except Retryable as trouble:
            # A limit, or Zoho does not answer: nothing is lost, and nothing was marked as gone.
            report.ending, report.words = Ending.LATER, f"{trouble} --resume and the nightly pull go on."
        except ZohoError as trouble:
            report.ending, report.words = Ending.NOT_POSSIBLE, str(trouble)
        report.calls = self.http.allowance.used
        if self.pull is not None:
            report.owed = self.pull.owed.filter(problem="").count()
        if report.words:
            self.say(report.words)
        return report

    def _check_organisation(self) -> None:
        self.vat_rate = vat_rate_today()
        checked(self.client, vat_rate=self.vat_rate, prices_include_vat=settings.ZOHO_PRICES_INCLUDE_VAT)

    # --- looking only

    def _look(self) -> None:
        """The plan without a trace: reads the list of subscriptions, and nothing else."""
        self.say(before_listing(_known(), self.http.budget))
        counts: Counter[str] = Counter()
        seen: set[str] = set()
        for page in listing.pages_of(self.client.subscription_page, 0):
            judged = list(listing.judge_page(page.rows, full=self.order.full))
            counts.update(verdict.value for _, verdict, _ in judged)
            seen.update(str(row["subscription_id"]) for row, *_ in judged)
        known = Subscription.objects.filter(gone_at=None).values_list("subscription_id", flat=True)
        missing = sum(key not in seen for key in known.iterator())
        reads = counts["new"] + counts["changed"]
        self._plan(dict(counts), missing, reads)
        self.report.ending = Ending.DIFFERS if reads or missing else Ending.IN_STEP
        self.say("Nothing was written.")

    # --- working

    def _work(self) -> None:
        pull = self.pull = self._begin()
        if not pull.listed_to_the_end:
            self.say(before_listing(_known(), self.http.budget))
            listing.list_subscriptions(self.client, pull)
            self._owe_vanished(pull)
        self._plan(pull.counts, self.report.vanished, pull.owed.filter(problem="").count())
        if self.order.list_only:
            return
        if not pull.customers_listed and not listing.contacts_are_imported():
            listing.list_customers(self.client, pull)
        self._read_all(pull)
        self._finish(pull)

    def _begin(self) -> SubscriptionPull:
        begun = unfinished() if self.order.resume else None
        if begun is not None:
            self.say(f"Going on with the pull of {timezone.localtime(begun.started_at):%-d %b %Y %H:%M}.")
            return begun
        # What an older pull still owed is found again, because its rows were not taken.
        OwedRead.objects.all().delete()
        return SubscriptionPull.objects.create(started_at=timezone.now(), full=self.order.full)

    def _owe_vanished(self, pull: SubscriptionPull) -> None:
        """A list that was read to its end lacks some: each is asked for by itself before it is called gone."""
        missing = list(listing.vanished(pull).values_list("subscription_id", flat=True))
        known = Subscription.objects.filter(gone_at=None).count()
        self.report.vanished = len(missing)
        if listing.too_many(len(missing), known) and not self.order.accept_vanished:
            pull.problem = (
                f"Zoho lists {known - len(missing)} of {known} subscriptions: {len(missing)} are missing, more than"
                f" {listing.MOST_VANISHED_PERCENT} %. None was marked as gone. Look into Zoho Billing; if they are"
                " really gone, run pull_subscriptions --accept-vanished."
            )
            pull.is_credible = False
            pull.save(update_fields=["problem", "is_credible"])
            return
        owed = [OwedRead(pull=pull, subscription_id=key, row={}) for key in missing]
        OwedRead.objects.bulk_create(owed, ignore_conflicts=True)

    def _plan(self, counts: dict[str, int], missing: int, reads: int) -> None:
        report = self.report
        customers = 0 if self.pull is not None and self.pull.customers_listed else 1
        pages = customers * -(-max(sum(counts.values()), 1) // 200)
        report.counts, report.vanished = counts, missing
        report.forecast = forecast(reads + missing * (self.pull is None) + pages, self.http.budget)
        for line in plan_lines(report, self.http.budget):
            self.say(line)

    def _read_all(self, pull: SubscriptionPull) -> None:
        """One call each; what was read is written down before the next is asked for."""
        plans = _plans()
        total, done = pull.owed.filter(problem="").count(), 0
        waiting = pull.owed.filter(problem="").order_by(F("due_on").asc(nulls_last=True), "pk")
        while owed := waiting.first():
            if done % PROGRESS_EVERY == 0:
                self.progress(done, total, self.http.allowance.used)
            self._read(owed, plans)
            done += 1
        self.progress(done, total, self.http.allowance.used)

    def _read(self, owed: OwedRead, plans: dict[str, ServicePackage]) -> None:
        known = Subscription.objects.filter(subscription_id=owed.subscription_id).first()
        try:
            told = self.client.get_subscription(owed.subscription_id)
            package = plans.get(told.plan.code)
            subscription = known or Subscription(subscription_id=owed.subscription_id)
            months = package.contract_months if package else 1
            take_answer(subscription, told, self.vat_rate, at=timezone.now(), contract_months=months)
        except RecordGone:
            self._gone(owed)
            return
        except (Unreadable, NeedsPerson) as trouble:
            if getattr(trouble, "about_connection", False):
                raise
            owed.problem = str(trouble)
            owed.save(update_fields=["problem"])
            return
        now = timezone.now()
        assert self.pull is not None  # reading follows listing
        subscription.package, subscription.listed = package, owed.row or subscription.listed
        subscription.read_at, subscription.gone_at = now, None
        subscription.contact_source, subscription.contact_as_of = Source.READ, now
        subscription.seen_at = self.pull.started_at
        with transaction.atomic():
            subscription.save()
            owed.delete()
        self.report.read += 1

    def _gone(self, owed: OwedRead) -> None:
        with transaction.atomic():
            Subscription.objects.filter(subscription_id=owed.subscription_id).update(gone_at=timezone.now())
            owed.delete()
        self.report.gone += 1

    def _finish(self, pull: SubscriptionPull) -> None:
        _adopt_packages()
        problems = list(pull.owed.exclude(problem="").values_list("problem", flat=True)[:MOST_PROBLEMS])
        pull.finished_at = timezone.now()
        pull.problem = "\n".join(filter(None, (pull.problem, *problems)))
        pull.save(update_fields=["finished_at", "problem"])
        pull.owed.all().delete()
        if pull.problem:
            self.report.problems = pull.problem.splitlines()
            self.report.ending, self.report.words = Ending.NEEDS_PERSON, pull.problem


def _adopt_packages() -> None:
    """Tie subscriptions to packages that came to own their plan code only later. One statement."""
    plans = ProductIntegration.objects.filter(kind=Kind.BILLING_PLAN)
    orphans = Subscription.objects.filter(package=None, plan_code__in=plans.values("remote_key"))
    own = plans.filter(remote_key=OuterRef("plan_code")).values("package_id")
    orphans.update(package_id=Subquery(own[:1]))


def _plans() -> dict[str, ServicePackage]:
    """The package behind every plan code. One query."""
    rows = ProductIntegration.objects.filter(kind=Kind.BILLING_PLAN).select_related("package")
    return {row.remote_key: row.package for row in rows.only("remote_key", "package__contract_months")}


def _known() -> int:
    return Subscription.objects.filter(gone_at=None).count()
