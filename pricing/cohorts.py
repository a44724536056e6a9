"""What a price change means for each subscription: its cohort, what it pays, what it is to pay, and from which bill on.

Pure but for `judge`, which reads the mirror. What a customer ought to pay says `price_for_customer` alone.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal

from django.utils import timezone
from django.utils.formats import date_format

from circletel.core.amounts import rand
from pricing.billing_days import first_billing_on
from pricing.models import Cohort, PriceChange, Subscription
from pricing.models.subscription import LEAVING
from pricing.notice import beginning_of, civil_day, earliest_effective_date
from pricing.quotes import Quotes, Reading, readings
from pricing.rule import PriceHistory

CENT = Decimal("0.01")
# Zoho makes the invoices of a day at about six in the organisation's zone.
RENEWALS_BEGIN = time(6, 0)
NOT_NEEDED = ("listed",)


@dataclass(frozen=True, slots=True)
class Judgement:
    """One subscription's part in a price change. Amounts are rand a month for one plan unit, VAT included."""

    subscription: Subscription
    cohort: Cohort
    price_then: Decimal
    """What it pays as last read from Zoho."""
    expected_price: Decimal
    """What it is to pay from `renewal_on` on; `price_then` where this change does not move it."""
    renewal_on: date | None
    """Its first bill that the change could reach; None when it is never billed again, or Zoho names no date."""
    why: str
    """A sentence for people, empty where the cohort says everything."""

    @property
    def moves(self) -> bool:
        """The change brings it another price."""
        return self.renewal_on is not None and not same_price(
            self.subscription, self.price_then, self.expected_price
        )


def judge(change: PriceChange, at: datetime) -> Iterator[Judgement]:
    """Every standing subscription of the package of `change`, as things are at `at`. Streams; four queries.

    The subscriptions come without their rows of Zoho's list.

    A draft without a date is judged as if it were published then, for the earliest day that notice allows.
    """
    quotes, today = Quotes(PriceHistory.of(change.package)), civil_day(at)
    subscriptions = Subscription.objects.standing().filter(package=change.package_id).order_by("pk")
    effective = first_billing_day(change, at)
    for subscription in subscriptions.defer(*NOT_NEEDED).iterator(chunk_size=2000):
        yield cohort_of(subscription, change, today, quotes=quotes, effective=effective)


def effective_date_of(change: PriceChange, at: datetime) -> date:
    return change.effective_date or earliest_effective_date(change, at)


def first_billing_day(change: PriceChange, at: datetime) -> date:
    """The first day whose renewals bill the new price: a decrease that holds at once comes too late for today's."""
    day = effective_date_of(change, at)
    begins = change.effective_at or max(beginning_of(day), at)
    is_too_late = begins > datetime.combine(day, RENEWALS_BEGIN, tzinfo=timezone.get_default_timezone())
    return civil_day(begins) + timedelta(days=1) if is_too_late else day


def cohort_of(
    subscription: Subscription,
    change: PriceChange,
    today: date,
    *,
    quotes: Quotes | None = None,
    effective: date | None = None,
) -> Judgement:
    """The part of one subscription in `change`, as things are on `today`. Reads nothing when `quotes` is given.

    To be asked again daily: a move of an earlier change may still lie before its renewal, and moves `price_then`.
    """
    quotes = quotes or Quotes(PriceHistory.of(change.package))
    effective = effective or first_billing_day(change, beginning_of(today))
    pays, renewal = subscription.price, first_renewal(subscription, effective)

    def judged(cohort: Cohort, expected: Decimal, why: str = "", on: date | None = renewal) -> Judgement:
        return Judgement(subscription, cohort, pays, expected, on, why)

    if subscription.status in LEAVING or subscription.gone_at is not None:
        return judged(Cohort.CANCELLING, pays, _leaves(subscription), None)
    if (why := _not_of_the_rule(subscription)) or not is_one_of(
        subscription, _explanations(subscription, change, today, quotes)
    ):
        return judged(Cohort.NEGOTIATED, pays, why or _unexplained(subscription, change, today, quotes))
    if len(possible := readings(subscription, quotes, _end_of(today))) > 1:
        return judged(Cohort.SINCE_UNKNOWN, pays, since_unknown(possible))
    if change.published_at is not None and subscription.came_at >= change.published_at:
        if same_price(subscription, pays, change.new_price):
            return judged(Cohort.JOINED_DURING_NOTICE, change.new_price)
        return judged(
            Cohort.STANDARD,
            change.new_price,
            f"It came at {rand(change.new_price)} and is billed {rand(pays)}.",
        )
    if subscription.discounted:
        return judged(Cohort.DISCOUNTED, change.new_price, "A coupon lowers what it pays.")
    if subscription.fixed_until is not None and subscription.fixed_until >= effective:
        until = f"Its price is fixed until {_day(subscription.fixed_until)}."
        return judged(Cohort.FIXED_TERM, change.new_price, until)
    if renewal is None:
        return judged(Cohort.STANDARD, change.new_price, "Zoho names no next billing date.")
    if same_price(subscription, pays, change.new_price):
        return judged(Cohort.STANDARD, change.new_price, "It pays the new price already.")
    return judged(Cohort.STANDARD, change.new_price)


def owed_prices(subscription: Subscription, today: date, quotes: Quotes) -> Iterator[Decimal | None]:
    """Every price that the rule allows it in the term that is billed; None where the rule knows none.

    By each instant at which it may have come onto the package, the latest one last.
    """
    earliest, latest = subscription.may_have_come
    for came in (earliest, *quotes.marks_between(earliest, latest)):
        yield from _owed_prices(subscription, came, today, quotes)


def _owed_prices(
    subscription: Subscription, came: datetime, today: date, quotes: Quotes
) -> Iterator[Decimal | None]:
    began = subscription.current_term_starts_on
    yield quotes.price(came, _end_of(today))
    if began is not None:
        # A change takes effect with a renewal: until then the term goes on at what held when it began.
        yield quotes.price(came, beginning_of(began))
        if subscription.fixed_until is not None and subscription.fixed_until >= began:
            yield quotes.price(came, came)


def price_of_the_term(subscription: Subscription, today: date, quotes: Quotes) -> Decimal | None:
    """What it ought to be billed in its term: the last, most particular, of the prices owed."""
    known = [price for price in owed_prices(subscription, today, quotes) if price is not None]
    return known[-1] if known else None


def first_renewal(subscription: Subscription, on_or_after: date) -> date | None:
    """Its first billing date on or after that day, and after the last day of a fixed price."""
    if subscription.status in LEAVING:
        return None
    if subscription.fixed_until is not None:
        on_or_after = max(on_or_after, subscription.fixed_until + timedelta(days=1))
    return first_billing_on(subscription, on_or_after)


def same_price(subscription: Subscription, one: Decimal, other: Decimal) -> bool:
    """Equal, as far as its prices in Zoho can tell: without VAT in them, two amounts a cent apart may be one."""
    return abs(one - other) <= (CENT if subscription.is_inclusive_tax is False else 0)


def is_one_of(subscription: Subscription, prices: Iterable[Decimal | None]) -> bool:
    """It is billed one of these prices."""
    return any(price is not None and same_price(subscription, subscription.price, price) for price in prices)


def _explanations(
    subscription: Subscription, change: PriceChange, today: date, quotes: Quotes
) -> Iterator[Decimal | None]:
    """One end of this change, which most pay, or what the rule says or said for the term that is billed."""
    yield change.old_price
    yield change.new_price
    yield from owed_prices(subscription, today, quotes)


def _not_of_the_rule(subscription: Subscription) -> str:
    """Why the rule, which is in rand a month, says nothing of its price; empty when it does."""
    if not subscription.is_in_rand:
        return f"It is billed in {subscription.currency_code}."
    if subscription.interval_months is None:
        return "It is billed by weeks or days."
    months = subscription.interval_months
    return "" if months == 1 else f"It is billed every {months} months."


def since_unknown(possible: list[Reading]) -> str:
    """Both readings of since when it is on its package, or all of them where there are more."""
    told = "; ".join(f"since {_day(civil_day(one.since))}: {prices_in_words(one)}" for one in possible)
    return f"It is not known since when it is on this package: {told}."


def prices_in_words(reading: Reading) -> str:
    """R 799,00, then R 899,00."""
    different = dict.fromkeys(rand(price) for price in reading.prices if price is not None)
    return ", then ".join(different) or "no price"


def _unexplained(subscription: Subscription, change: PriceChange, today: date, quotes: Quotes) -> str:
    ought = quotes.price(subscription.came_at, _end_of(today)) or change.old_price
    return f"It pays {rand(subscription.price)}; {rand(ought)} would be its price."


def _leaves(subscription: Subscription) -> str:
    if subscription.gone_at is not None:
        return "Zoho does not list it any more."
    ends = subscription.current_term_ends_on
    return f"It ends on {_day(ends)}." if ends else "It ends with its term."


def _end_of(day: date) -> datetime:
    return beginning_of(day + timedelta(days=1)) - timedelta(microseconds=1)


def _day(day: date) -> str:
    return date_format(day, "j M Y")
