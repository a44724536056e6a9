"""What each live subscription is billed, against what the price rule says: read from the mirror, without a call."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from itertools import islice
from uuid import UUID

from django.db.models import Exists, OuterRef, Sum

from pricing.cohorts import is_one_of, owed_prices, price_of_the_term, same_price
from pricing.models import Cohort, MoveState, OwedRead, PriceMove, Subscription
from pricing.notice import civil_day
from pricing.quotes import Quotes
from pricing.rule import PriceHistory

ROWS_AT_ONCE = 2000
# A move in one of these is still to come, whoever it waits for.
TO_COME = (MoveState.PLANNED, MoveState.SCHEDULED, MoveState.HELD, MoveState.CONFLICT, MoveState.FAILED)


@dataclass(frozen=True, slots=True)
class WronglyBilled:
    """A subscription at a price that no rule explains. `ought` is of one plan unit a month, VAT included."""

    subscription: Subscription
    ought: Decimal
    is_its_own: bool
    """A published price change found it at this very price, and counted it among the negotiated ones."""

    @property
    def at_stake(self) -> Decimal:
        """Rand a month between what is billed and what ought to be."""
        return abs(self.subscription.price - self.ought) * self.subscription.quantity


def judge_billed(at: datetime, package_ids: Sequence[UUID] = ()) -> Iterator[tuple[int, list[WronglyBilled]]]:
    """How many subscriptions were judged and which are wrong, some hundreds of them at a time. Streams.

    Only those that will be billed again and whose plan is a package's, of `package_ids` where given. Left out is
    what the mirror knows to have changed in Zoho without having read it yet.
    """
    today = civil_day(at)
    unread = OwedRead.objects.filter(subscription_id=OuterRef("subscription_id"))
    renewing = Subscription.objects.renewing().exclude(package=None).exclude(Exists(unread))
    if package_ids:
        renewing = renewing.filter(package__in=package_ids)
    packages = set(renewing.order_by().values_list("package", flat=True).distinct())
    quotes = {pk: Quotes(history) for pk, history in PriceHistory.of_many(packages).items()}
    rows = renewing.filter(package__in=quotes).order_by("pk").iterator(chunk_size=ROWS_AT_ONCE)
    while chunk := list(islice(rows, ROWS_AT_ONCE)):
        yield len(chunk), _wrong(chunk, quotes, today)


def standing_units(package_ids: Sequence[UUID]) -> dict[UUID, int]:
    """How many plan units of each package are subscribed to today. One query."""
    standing = Subscription.objects.standing().filter(package__in=package_ids).order_by()
    return dict(standing.values("package").annotate(units=Sum("quantity")).values_list("package", "units"))


def _wrong(chunk: list[Subscription], quotes: dict[UUID, Quotes], today: date) -> list[WronglyBilled]:
    odd = [each for each in chunk if not is_one_of(each, owed_prices(each, today, _quotes(each, quotes)))]
    moves: dict[UUID, list[PriceMove]] = {}
    for move in PriceMove.objects.filter(subscription__in=[each.pk for each in odd]):
        moves.setdefault(move.subscription_id, []).append(move)
    found = []
    for each in odd:
        own = moves.get(each.pk, [])
        ought = price_of_the_term(each, today, _quotes(each, quotes))
        if ought is not None and not any(_waits(move, each, today) for move in own):
            found.append(WronglyBilled(each, ought, any(_was_negotiated(move, each) for move in own)))
    return found


def _quotes(subscription: Subscription, quotes: dict[UUID, Quotes]) -> Quotes:
    assert subscription.package_id is not None  # they were left out
    return quotes[subscription.package_id]


def _waits(move: PriceMove, subscription: Subscription, today: date) -> bool:
    """An earlier change has not reached it: it pays the price it had until its renewal."""
    to_come = move.state in TO_COME and move.renewal_on is not None and move.renewal_on >= today
    return to_come and same_price(subscription, subscription.price, move.price_then)


def _was_negotiated(move: PriceMove, subscription: Subscription) -> bool:
    return move.cohort == Cohort.NEGOTIATED and same_price(subscription, subscription.price, move.price_then)
