"""Did billing follow? After the date, each moved subscription's first invoice is read and compared, until all agree.

A case is open until its invoice says the expected price, or a person has settled it another way. A change counts as
verified at zero open cases.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db.models import (
    Case,
    Count,
    DecimalField,
    Exists,
    F,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    Sum,
    Value,
    When,
)
from django.db.models.functions import Greatest
from django.http import StreamingHttpResponse

from catalogue.models import vat_rate_at
from circletel.core import audit
from circletel.core.spreadsheet import csv_lines, download
from pricing.cohorts import CENT
from pricing.mirror.reading import includes_vat, with_vat
from pricing.models import MoveState, PriceChange, PriceChangeStatus, PriceMove, Verdict
from pricing.notice import beginning_of, renewed_until
from pricing.renewal_preview import Previewer
from zoho_sync.billing.client import BillingClient
from zoho_sync.billing.invoices import Invoice, InvoiceLine
from zoho_sync.billing.subscriptions import Subscription
from zoho_sync.connection.errors import RateLimited, RecordGone, ZohoError
from zoho_sync.connection.http import ZohoHttp
from zoho_sync.keys import package_key
from zoho_sync.models import System

log = logging.getLogger(__name__)

ZERO = Decimal("0.00")
# Of one subscription: what a person may have made beside the renewal. More are not read.
MOST_INVOICES = 5
IS_OPEN = ~Q(verdict=Verdict.RIGHT) & Q(settled_at=None)
HAS_BEGUN = Q(change__status=PriceChangeStatus.EFFECTIVE) | Q(is_return=True, decided_at__isnull=False)


@dataclass
class Proved:
    """What one run read and found. `problems` are subscriptions that could not be read; they stay open."""

    cases: int = 0
    calls: int = 0
    right: int = 0
    wrong: int = 0
    verified: int = 0
    stopped: str = ""
    problems: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        said = f"{self.cases} cases read with {self.calls} calls: {self.right} right, {self.wrong} wrong"
        said += f"; {self.verified} price changes verified"
        unread = f"{len(self.problems)} could not be read" if self.problems else ""
        return "; ".join(each for each in (said, unread, self.stopped) if each)


def open_cases() -> QuerySet[PriceMove]:
    """Every move that is not proven right, not settled, and not over without moving."""
    return PriceMove.objects.exclude(state=MoveState.NOT_NEEDED).filter(IS_OPEN)


def to_read(now: datetime) -> QuerySet[PriceMove]:
    """Open cases whose first renewal at the new price is through."""
    return open_cases().filter(HAS_BEGUN, renewal_on__lte=renewed_until(now))


def prove(now: datetime, *, http: ZohoHttp | None = None, change: PriceChange | None = None) -> Proved:
    """Read what is to be read, oldest proof first, within the background's budget; then say which changes are verified.

    Two calls a case; one where the renewal was confirmed already; more where the latest invoice is not the first.
    """
    own, outcome = http is None, Proved()
    http = http or ZohoHttp(System.BILLING)
    before = http.allowance.used
    previewer = Previewer.load()
    cases = to_read(now) if change is None else to_read(now).filter(change=change)
    try:
        for pk in list(
            cases.order_by(F("proved_at").asc(nulls_first=True), "pk").values_list("pk", flat=True)
        ):
            if http.budget.seconds_until_free(background=True) or http.breaker.may_work() == "no":
                outcome.stopped = (
                    "the rest waits for the next run: the budget of calls is used up, or Zoho rests"
                )
                break
            if not _read_one(BillingClient(http), previewer, pk, now, outcome):
                break
    finally:
        outcome.calls = http.allowance.used - before
        if own:
            http.close()
    outcome.verified = mark_verified(now)
    return outcome


def _read_one(client: BillingClient, previewer: Previewer, pk: Any, now: datetime, outcome: Proved) -> bool:
    """False when the run has to end here."""
    move = PriceMove.objects.select_related("subscription", "change__package").get(pk=pk)
    try:
        values = _evidence(client, move, previewer, now)
    except RateLimited as limited:
        outcome.stopped = f"the rest waits for the next run: {limited}"
        return False
    except ZohoError as trouble:
        log.warning("price move %s could not be proven: %s", move.pk, trouble)
        outcome.problems.append(f"{move.subscription}: {trouble}")
        return True
    PriceMove.objects.filter(pk=pk, settled_at=None).update(proved_at=now, changed_at=now, **values)
    outcome.cases += 1
    outcome.right += values["verdict"] == Verdict.RIGHT
    outcome.wrong += values["verdict"] in (Verdict.UNDER, Verdict.OVER)
    return True


def _evidence(client: BillingClient, move: PriceMove, previewer: Previewer, now: datetime) -> dict[str, Any]:
    """What the first invoice on or after the renewal says."""
    found = first_invoice(client, move)
    if found is None:
        nothing = ("invoiced_on", "invoiced_price", "invoiced_total", "expected_total")
        return {"verdict": Verdict.UNKNOWN, "invoice_id": "", **dict.fromkeys(nothing)}
    invoice, line = found
    price = _including_vat(invoice, line, move)
    assert invoice.invoice_date is not None  # `_suits` saw it
    return {
        "verdict": verdict_of(price, move.expected_price),
        "invoice_id": invoice.invoice_id,
        "invoiced_on": invoice.invoice_date,
        "invoiced_price": price,
        "invoiced_total": invoice.total,
        # What the renewal preview says of this day; a total that differs is shown, and decides nothing.
        "expected_total": previewer.total_on(
            move.subscription, invoice.invoice_date, move.expected_price, now
        ),
    }


def verdict_of(invoiced: Decimal, expected: Decimal) -> Verdict:
    if invoiced == expected:
        return Verdict.RIGHT
    return Verdict.UNDER if invoiced < expected else Verdict.OVER


def first_invoice(client: BillingClient, move: PriceMove) -> tuple[Invoice, InvoiceLine] | None:
    """The first invoice on or after the renewal with a line of the plan; None when there is none yet.

    The latest one, which the subscription names, is that one as long as it bears the day of the renewal.
    """
    subscription: Subscription | None = None
    if not (move.state == MoveState.CONFIRMED and move.invoice_id):
        try:
            subscription = client.get_subscription(move.subscription.subscription_id)
        except RecordGone:
            return None
    latest = move.invoice_id if subscription is None else subscription.invoice_id
    if latest and (found := _suits(client, latest, move)) and found[0].invoice_date == move.renewal_on:
        return found
    assert move.renewal_on is not None  # to_read filters by it
    rows = client.iter_invoices(subscription_id=move.subscription.subscription_id)
    later = [row for row in rows if row.invoice_date is not None and row.invoice_date >= move.renewal_on]
    for row in sorted(later, key=lambda each: (each.invoice_date, each.invoice_id))[:MOST_INVOICES]:
        if row.status != "void" and (found := _suits(client, row.invoice_id, move)):
            return found
    return None


def _suits(client: BillingClient, invoice_id: str, move: PriceMove) -> tuple[Invoice, InvoiceLine] | None:
    """The invoice with its line of the plan, when it stands and is not older than the renewal."""
    try:
        invoice = client.get_invoice(invoice_id)
    except RecordGone:
        return None
    assert move.renewal_on is not None  # to_read filters by it
    if invoice.status == "void" or invoice.invoice_date is None or invoice.invoice_date < move.renewal_on:
        return None
    line = next((line for line in invoice.lines if line.code == package_key(move.change.package)), None)
    return None if line is None else (invoice, line)


def _including_vat(invoice: Invoice, line: InvoiceLine, move: PriceMove) -> Decimal:
    if includes_vat(invoice.is_inclusive_tax):
        return line.price
    assert invoice.invoice_date is not None  # `_suits` saw it
    including = with_vat(line.price, False, vat_rate_at(beginning_of(invoice.invoice_date)))
    # Amounts without VAT do not tell every cent of those with it.
    return move.expected_price if abs(including - move.expected_price) <= CENT else including


# --- how a change stands


@dataclass(frozen=True)
class Summary:
    """The cases of one change. Rand a month, VAT included, over all units; `wrong` of them are open."""

    cases: int
    right: int
    under: int
    over: int
    unknown: int
    settled: int
    open: int
    under_rand: Decimal
    over_rand: Decimal


def summary(change: PriceChange) -> Summary:
    """One query. Moves that were not needed are no cases; a settled one counts by how it was billed, but is not open."""
    rand = F("billed_wrong") * F("subscription__quantity")
    money = DecimalField(max_digits=14, decimal_places=2)
    found = cases_of(change).aggregate(
        cases=Count("pk"),
        right=Count("pk", filter=Q(verdict=Verdict.RIGHT)),
        under=Count("pk", filter=Q(verdict=Verdict.UNDER)),
        over=Count("pk", filter=Q(verdict=Verdict.OVER)),
        unknown=Count("pk", filter=Q(verdict=Verdict.UNKNOWN)),
        settled=Count("pk", filter=Q(settled_at__isnull=False)),
        open=Count("pk", filter=IS_OPEN),
        under_rand=Sum(-rand, filter=Q(verdict=Verdict.UNDER), output_field=money, default=ZERO),
        over_rand=Sum(rand, filter=Q(verdict=Verdict.OVER), output_field=money, default=ZERO),
    )
    return Summary(**found)


def cases_of(change: PriceChange) -> QuerySet[PriceMove]:
    return change.moves.exclude(state=MoveState.NOT_NEEDED).select_related("subscription")


def mark_verified(now: datetime) -> int:
    """Effective changes without an open case are verified; one where a case has opened again is not. How many are new."""
    cases = open_cases().filter(change=OuterRef("pk"))
    effective = PriceChange.objects.filter(status=PriceChangeStatus.EFFECTIVE)
    PriceChange.objects.filter(
        pk__in=effective.filter(Exists(cases), verified_at__isnull=False).values("pk")
    ).update(verified_at=None, changed_at=now)
    newly = list(effective.filter(~Exists(cases), verified_at=None).select_related("package"))
    PriceChange.objects.filter(pk__in=[change.pk for change in newly]).update(verified_at=now, changed_at=now)
    audit.record_many(
        "price change verified",
        ((change, {"verified_at": [None, now.isoformat()]}) for change in newly),
        actor=None,
        detail="every moved subscription and its first invoice agree, or were settled",
    )
    return len(newly)


def unproven(today: date, days: int) -> QuerySet[PriceChange]:
    """Changes with open cases whose first invoice is more than `days` old, with how many: `late_cases`."""
    late = open_cases().filter(HAS_BEGUN, change=OuterRef("pk"), renewal_on__lt=today - timedelta(days=days))
    number = late.order_by().values("change").annotate(number=Count("pk")).values("number")
    return (
        PriceChange.objects.filter(Exists(late))
        .annotate(late_cases=Subquery(number))
        .select_related("package")
        .order_by("effective_date", "pk")
    )


def csv_answer(change: PriceChange) -> StreamingHttpResponse:
    """Every case, what is open and costs most first, line by line as it is read."""
    is_open = Case(When(IS_OPEN, then=Value(0)), default=Value(1))
    size = Greatest(F("billed_wrong"), -F("billed_wrong"))
    in_order = cases_of(change).order_by(
        is_open, size.desc(nulls_last=True), "subscription__customer_name", "pk"
    )
    rows = ([cell(move) for cell in COLUMNS.values()] for move in in_order.iterator(chunk_size=2000))
    name = f"billing-proof-{change.package.sku}-{change.effective_date or 'cancelled'}.csv".replace("/", "-")
    return download(csv_lines(list(COLUMNS), rows), name)


COLUMNS: dict[str, Callable[[PriceMove], Any]] = {
    "verdict": lambda move: move.verdict,
    "open": lambda move: "yes" if move.verdict != Verdict.RIGHT and move.settled_at is None else "no",
    "subscription": lambda move: move.subscription.number,
    "zoho_id": lambda move: move.subscription.subscription_id,
    "customer": lambda move: move.subscription.customer_name,
    "cohort": lambda move: move.cohort,
    "state": lambda move: move.state,
    "why": lambda move: move.why,
    "price_then": lambda move: move.price_then,
    "expected_price": lambda move: move.expected_price,
    "invoiced_price": lambda move: move.invoiced_price,
    "expected_total": lambda move: move.expected_total,
    "invoiced_total": lambda move: move.invoiced_total,
    "quantity": lambda move: move.subscription.quantity,
    "billed_wrong_a_month": lambda move: move.billed_wrong_in_all,
    "renewal_on": lambda move: move.renewal_on,
    "invoiced_on": lambda move: move.invoiced_on,
    "invoice_id": lambda move: move.invoice_id,
    "settled_how": lambda move: move.settled_how,
}
