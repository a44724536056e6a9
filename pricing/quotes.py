"""What the price rule says subscriptions of one package pay, also where it is not known since when they are on it. Pure."""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from pricing.models import Subscription
from pricing.rule import NoPrice, PriceForCustomer, PriceHistory, price_for_customer


class Quotes:
    """What the rule says customers of one package pay, each different answer worked out once."""

    def __init__(self, history: PriceHistory) -> None:
        self.history = history
        marks = {step.valid_from for step in history.steps} | {offer.valid_from for offer in history.offers}
        self._marks = sorted(marks)
        self._known: dict[tuple[int, datetime], PriceForCustomer | None] = {}

    def price(self, came_at: datetime, at: datetime) -> Decimal | None:
        """`price_for_customer`, VAT included; None where it knows no price."""
        answer = self.answer(came_at, at)
        return None if answer is None else answer.including_vat

    def answer(self, came_at: datetime, at: datetime) -> PriceForCustomer | None:
        """`price_for_customer`; None where it knows no price."""
        if came_at > at:
            return self._ask(came_at, at)
        # Between two marks everybody who came is answered alike.
        key = bisect_right(self._marks, came_at), at
        if key not in self._known:
            self._known[key] = self._ask(came_at, at)
        return self._known[key]

    def marks_between(self, earliest: datetime, latest: datetime) -> list[datetime]:
        """The instants after the first and until the second from which somebody who came is answered otherwise."""
        return self._marks[bisect_right(self._marks, earliest) : bisect_right(self._marks, latest)]

    def _ask(self, came_at: datetime, at: datetime) -> PriceForCustomer | None:
        try:
            return price_for_customer(self.history, came_at, at)
        except NoPrice:
            return None


@dataclass(frozen=True)
class Reading:
    """What a subscription pays if it came onto its package at `since`, or later, until the next reading begins.

    `prices` are those of now and of each step that is published for later; empty where nothing else is possible.
    """

    since: datetime
    prices: tuple[Decimal | None, ...]


def readings(subscription: Subscription, quotes: Quotes, at: datetime) -> list[Reading]:
    """What it pays by each instant at which it may have come onto its package, in their order.

    One, where it is known when it came, or makes no difference to what it pays from `at` on.
    """
    earliest, latest = subscription.may_have_come
    marks = quotes.marks_between(earliest, latest)
    if not marks:
        return [Reading(earliest, ())]
    instants = [at, *(step.valid_from for step in quotes.history.steps_after(at))]
    found = [_reading(quotes, earliest, instants)]
    for mark in marks:
        one = _reading(quotes, mark, instants)
        if one.prices != found[-1].prices:
            found.append(one)
    return found


def _reading(quotes: Quotes, since: datetime, instants: Sequence[datetime]) -> Reading:
    return Reading(since, tuple(quotes.price(since, at) for at in instants))
