"""Taking an export of Zoho Billing's subscriptions, after it was compared with Zoho's own list.

The list says which subscriptions there are, and their amounts, statuses and dates; the export says the rest of it: plan,
price, units, add-ons, coupon and address. Twenty thousand are known after a hundred calls that way, instead of twenty
thousand.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from itertools import islice
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from catalogue.models import ServicePackage, vat_rate_today
from catalogue.product_import.apply import upsert
from circletel.core import jobs
from circletel.core.errors import Refused
from pricing.mirror.pull import Order, pull_subscriptions
from pricing.mirror.reading import STANDING, Unreadable, includes_vat, take_answer, with_vat
from pricing.mirror.standing import mirror_standing
from pricing.models import OwedRead, Source, Subscription, SubscriptionPull
from pricing.subscriptions.export_file import ExportedRow, ExportFile, RefusedRow
from zoho_sync.billing.subscriptions import Ordered, SubscriptionRow
from zoho_sync.billing.subscriptions import Subscription as Told
from zoho_sync.models import Kind, ProductIntegration

BATCH = 1000
# Of the ids that Zoho lists; with fewer it is the export of another organisation, or an old one.
LEAST_MATCHED_PERCENT = 95
EXAMPLES = 5
# What every import writes anew, also where it says what was known.
SINCE_WHEN = ("imported_at", "contact_as_of", "plan_seen_at", "on_package_latest", "seen_at")


class WrongExport(Refused):
    """The file does not fit Zoho's own list; nothing of it was taken."""


@dataclass
class ImportOutcome:
    """How many subscriptions became of what. `refused` and `remarks` name rows, with the reason."""

    taken: int = 0
    unchanged: int = 0
    read_later: int = 0
    """Of those taken: to be read from Zoho by itself, since the file does not explain its amount."""
    ended: int = 0
    refused: list[RefusedRow] = field(default_factory=list)
    remarks: list[RefusedRow] = field(default_factory=list)

    def __str__(self) -> str:
        return (
            f"{self.taken} taken, {self.unchanged} unchanged, {self.ended} ended and passed over,"
            f" {len(self.refused)} refused; {self.read_later} of those taken are still to be read from Zoho"
        )


@dataclass
class ZohoList:
    """Zoho's own list, as it was last read to its end: the row of each subscription by its id."""

    listed_at: datetime
    rows: dict[str, dict[str, Any]]

    @classmethod
    def latest(cls) -> "ZohoList | None":
        """None where none was read to its end. Two queries."""
        pull = SubscriptionPull.objects.filter(listed_to_the_end=True, is_credible=True).first()
        if pull is None:
            return None
        known = Subscription.objects.filter(gone_at=None, seen_at__gte=pull.started_at)
        rows = dict(known.values_list("subscription_id", "listed").iterator())
        rows |= dict(OwedRead.objects.filter(pull=pull).exclude(row={}).values_list("subscription_id", "row"))
        return cls(pull.started_at, rows)

    @property
    def standing(self) -> set[str]:
        return {id for id, row in self.rows.items() if SubscriptionRow.read(row).status in STANDING}


def import_export(
    file: ExportFile,
    exported_at: datetime,
    *,
    say: Callable[[str], None],
    before_batch: Callable[[int], None] = lambda _done: None,
) -> ImportOutcome:
    """Take an export, after Zoho's own list was read where the last one is older than a list may be.

    Raises WrongExport, and Refused where Zoho's list cannot be read to its end.
    """
    if not mirror_standing(timezone.now()).is_complete:
        report = pull_subscriptions(Order(list_only=True, resume=True), say=say)
        if not mirror_standing(timezone.now()).is_complete:
            raise Refused(
                f"Zoho's own list of subscriptions could not be read to its end, so nothing was taken: {report.words}"
            )
    zoho = ZohoList.latest()
    assert zoho is not None  # it is complete
    ensure_it_fits(file, zoho)
    return take_export(file, zoho, exported_at, before_batch=before_batch)


def ensure_it_fits(file: ExportFile, zoho: ZohoList) -> None:
    """Raises WrongExport, with examples, for a file that lacks too many of the subscriptions that Zoho lists."""
    missing = set(standing := zoho.standing)
    examples: list[str] = []
    for row in file.rows():
        if row.subscription_id not in zoho.rows and len(examples) < EXAMPLES:
            examples.append(f"row {row.number}, {row.subscription_id}")
        missing.discard(row.subscription_id)
    matched = len(standing) - len(missing)
    if matched * 100 >= len(standing) * LEAST_MATCHED_PERCENT:
        return
    raise WrongExport(
        f"The file has {matched} of the {len(standing)} subscriptions that Zoho Billing lists, less than"
        f" {LEAST_MATCHED_PERCENT} %: is it of another organisation, an old one, or filtered? Export all subscriptions"
        " of this organisation again",
        f"Zoho lists, and the file lacks, {', '.join(sorted(missing)[:EXAMPLES])}",
        *([f"the file has, and Zoho does not list, {'; '.join(examples)}"] if examples else []),
    )


def take_export(
    file: ExportFile,
    zoho: ZohoList,
    exported_at: datetime,
    *,
    before_batch: Callable[[int], None] = lambda _done: None,
) -> ImportOutcome:
    """Take every row that can be taken; a thousand in a transaction, of which `before_batch` is the first step.

    What was read from Zoho after the export was made is left as it is. The same file twice changes nothing.
    """
    outcome, taker = ImportOutcome(), _Taker(zoho, exported_at)
    done = 0
    rows = file.rows()
    while batch := list(islice(rows, BATCH)):
        with transaction.atomic():
            before_batch(done)
            taker.take(batch, outcome)
        done += len(batch)
    outcome.refused += file.refused
    return outcome


class _Taker:
    def __init__(self, zoho: ZohoList, exported_at: datetime) -> None:
        self.zoho, self.exported_at = zoho, exported_at
        self.vat_rate = vat_rate_today()
        plans = ProductIntegration.objects.filter(kind=Kind.BILLING_PLAN).select_related("package")
        self.packages: dict[str, ServicePackage] = {row.remote_key: row.package for row in plans}
        self.fields = [one.name for one in Subscription._meta.concrete_fields if one.name != "id"]

    def take(self, rows: list[ExportedRow], outcome: ImportOutcome) -> None:
        ids = [row.subscription_id for row in rows]
        known = {one.subscription_id: one for one in Subscription.objects.filter(subscription_id__in=ids)}
        taken: list[Subscription] = []
        explained: list[str] = []
        for row in rows:
            found = self._taken(row, known.get(row.subscription_id), outcome)
            if found is None:
                continue
            taken.append(found)
            if self._explains_the_amount(row):
                explained.append(found.subscription_id)
            else:
                outcome.read_later += 1
        upsert(Subscription, taken, "subscription_id", self.fields)
        OwedRead.objects.filter(subscription_id__in=explained).delete()
        outcome.taken += len(taken)

    def _taken(
        self, row: ExportedRow, known: Subscription | None, outcome: ImportOutcome
    ) -> Subscription | None:
        """The subscription with what the row says; None when nothing is to be written."""
        listed = self.zoho.rows.get(row.subscription_id)
        if listed is None and row.values["status"] not in STANDING:
            outcome.ended += 1  # it had ended before it was ever seen
            return None
        if listed is None:
            outcome.refused.append(
                _refused(row, "Zoho Billing does not list it: deleted, or made after the list was read")
            )
            return None
        if SubscriptionRow.read(listed).status not in STANDING:
            outcome.ended += 1
            return None
        if known is not None and known.details_known[1] >= self.exported_at:
            outcome.unchanged += 1
            return None
        before = self._said_by(known) if known is not None else []
        subscription = known or Subscription(subscription_id=row.subscription_id)
        package = self.packages.get(row.values["plan_code"])
        try:
            told = _told(row, SubscriptionRow.read(listed))
            months = package.contract_months if package else 1
            take_answer(subscription, told, self.vat_rate, at=self.exported_at, contract_months=months)
        except Unreadable as trouble:
            outcome.refused.append(_refused(row, str(trouble)))
            return None
        subscription.package, subscription.listed = package, listed
        subscription.imported_at = subscription.contact_as_of = self.exported_at
        subscription.contact_source = Source.IMPORTED
        subscription.seen_at, subscription.gone_at = self.zoho.listed_at, None
        if known is not None and before == self._said_by(known):
            outcome.unchanged += 1
            return None
        if not subscription.is_in_rand:
            outcome.remarks.append(
                _refused(row, f"is billed in {subscription.currency_code}: kept, and held from price changes")
            )
        return subscription

    def _said_by(self, subscription: Subscription) -> list[Any]:
        return [getattr(subscription, name) for name in self.fields if name not in SINCE_WHEN]

    def _explains_the_amount(self, row: ExportedRow) -> bool:
        """Whether what the file says makes up the amount that Zoho lists: nothing on it stayed unseen."""
        listed = SubscriptionRow.read(self.zoho.rows[row.subscription_id]).amount
        if row.values.get("coupon_code"):
            return False  # what it takes off, and how often, no export says
        lines = [(row.values["plan_price"], row.values.get("quantity") or 1)]
        lines += [(Decimal(one["price"]), one["quantity"]) for one in row.addons or [] if one["price"]]
        total = sum((price * quantity for price, quantity in lines), Decimal(0))
        return listed == with_vat(total, includes_vat(None), self.vat_rate)


def _told(row: ExportedRow, listed: SubscriptionRow) -> Told:
    """The subscription in the shape in which Zoho's own answers are read. Zoho's list goes before the file."""
    said: Mapping[str, Any] = row.values
    created = said["created_at"]
    fixed = said.get("fixed_until")
    return Told(
        subscription_id=row.subscription_id,
        customer_id=said["customer_id"],
        status=listed.status,
        plan=Ordered(said["plan_code"], said["plan_price"], said.get("quantity") or 1),
        addons=tuple(
            Ordered(one["code"], Decimal(one["price"]) if one["price"] else None, one["quantity"])
            for one in row.addons or []
        ),
        amount=listed.amount if listed.amount is not None else said["amount"],
        number=said.get("number", ""),
        customer_name=said.get("customer_name") or listed.customer_name,
        email=said.get("customer_email") or listed.email,
        created_at=created if isinstance(created, datetime) else None,
        created_on=created if not isinstance(created, datetime) else None,
        activated_on=said.get("activated_on"),
        current_term_starts_at=listed.current_term_starts_at or said.get("current_term_starts_on"),
        current_term_ends_at=listed.current_term_ends_at or said.get("current_term_ends_on"),
        next_billing_at=listed.next_billing_at or said["next_billing_on"],
        coupon_code=said.get("coupon_code", ""),
        discounted=bool(said.get("coupon_code")),
        currency_code=said.get("currency_code", ""),
        interval_months=_months(listed),
        custom_fields={settings.PRICING_FIXED_UNTIL_FIELD: fixed.isoformat()} if fixed else {},
    )


def _months(listed: SubscriptionRow) -> int | None:
    """The length of its term, by the days that Zoho's list names; None where these are no whole months."""
    began, ends = listed.current_term_starts_at, listed.next_billing_at
    if began is None or ends is None:
        return 1
    months = (ends.year - began.year) * 12 + ends.month - began.month
    # A term that began on the 31st ends on the last day of a shorter month, or the day before.
    return months if months >= 1 and abs(ends.day - began.day) <= 3 else None


def _refused(row: ExportedRow, reason: str) -> RefusedRow:
    return RefusedRow(row.number, row.subscription_id, reason)


def _import(_job: jobs.RunningJob) -> str:
    raise jobs.Failed("An export is imported by the command that has its file: run it again.")


IMPORT = jobs.JobKind(
    "pricing.import_subscriptions",
    "Import subscriptions",
    _import,
    "pricing.import_subscription",
    is_resumable=False,
)
