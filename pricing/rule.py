"""Who pays what, and from when: the price rule. Pure functions of a package's price history.

A customer pays the price they signed up at, until a price takes effect that began after they signed up; from then
on they pay what every existing customer pays. `docs/pricing.md` defines the words and draws it. The database says
the same in `get_current_price_for_customer` and, for many customers at once, `prices_for_customers`.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import TypeVar
from uuid import UUID

from django.db import connection
from django.utils import timezone

from catalogue.models import ServicePackage, VatRate, excluding_vat
from pricing.models import Audience, PriceChange, PriceChangeStatus, PriceEntry


class Reason(StrEnum):
    """Why a customer pays what they pay."""

    CURRENT = "current_price"
    """The price of the package; new customers pay the same."""
    OLD = "old_price_until_effective_date"
    """They signed up before a change was published, and its effective date has not come."""
    NEW = "new_price_from_sign_up"
    """They signed up after a change was published, and its effective date has not come."""
    KEPT = "kept_after_cancellation"
    """They signed up at the price of a change that was cancelled; it holds until the next change takes effect."""


class NoPrice(LookupError):
    """The package has no price, or South Africa no VAT rate, at the instant asked for."""


@dataclass(frozen=True)
class PriceForCustomer:
    """Rand a month. `including_vat` = `excluding_vat` + `vat`, always."""

    including_vat: Decimal
    excluding_vat: Decimal
    vat: Decimal
    reason: Reason
    version: int
    next_change_at: datetime | None
    """When the amount next moves, as far as published; None when no move is known."""
    next_price: Decimal | None
    """What it moves to, VAT included."""


@dataclass(frozen=True)
class Step:
    """A price that existing customers pay from `valid_from` until the next step begins."""

    price: Decimal
    version: int
    valid_from: datetime


@dataclass(frozen=True)
class Offer:
    """A price that customers join at who sign up from `valid_from` and before `valid_to`."""

    price: Decimal
    version: int
    valid_from: datetime
    valid_to: datetime | None

    def holds_at(self, instant: datetime) -> bool:
        return self.valid_from <= instant and (self.valid_to is None or instant < self.valid_to)


Dated = TypeVar("Dated", Step, Offer)


@dataclass(frozen=True)
class VatStep:
    rate: Decimal
    valid_from: date
    valid_to: date | None


@dataclass(frozen=True)
class PriceHistory:
    """All that the rule needs to know of a package. `steps` include a published change that waits for its date."""

    steps: Sequence[Step]
    offers: Sequence[Offer]
    vat: Sequence[VatStep]

    @classmethod
    def of(cls, package: ServicePackage) -> "PriceHistory":
        """Three queries."""
        return cls.of_many([package.pk])[package.pk]

    @classmethod
    def of_many(cls, package_ids: Collection[UUID]) -> dict[UUID, "PriceHistory"]:
        """By package; an empty history where there was never a price. Three queries for all of them."""
        steps: dict[UUID, list[Step]] = {pk: [] for pk in package_ids}
        offers: dict[UUID, list[Offer]] = {pk: [] for pk in package_ids}
        for entry in PriceEntry.objects.filter(package__in=package_ids).order_by("valid_from", "version"):
            if entry.audience == Audience.EXISTING:
                steps[entry.package_id].append(Step(entry.price, entry.version, entry.valid_from))
            else:
                offer = Offer(entry.price, entry.version, entry.valid_from, entry.valid_to)
                offers[entry.package_id].append(offer)
        waiting = PriceChange.objects.filter(package__in=package_ids, status=PriceChangeStatus.PUBLISHED)
        for change in waiting:
            assert change.version is not None  # a constraint
            assert change.effective_at is not None
            steps[change.package_id].append(Step(change.new_price, change.version, change.effective_at))
        vat = [VatStep(*rate) for rate in VatRate.objects.values_list("rate", "valid_from", "valid_to")]
        return {pk: cls(steps[pk], offers[pk], vat) for pk in package_ids}

    def step_at(self, instant: datetime) -> Step:
        return self._found((step for step in self.steps if step.valid_from <= instant), instant)

    def steps_after(self, instant: datetime) -> list[Step]:
        """In order. Of several that begin at one instant the last one counts: the others hold for no time at all."""
        ordered = sorted(self.steps, key=lambda each: (each.valid_from, each.version))
        return list({each.valid_from: each for each in ordered if each.valid_from > instant}.values())

    def offer_at(self, instant: datetime) -> Offer:
        return self._found((offer for offer in self.offers if offer.holds_at(instant)), instant)

    def vat_rate_at(self, instant: datetime) -> Decimal:
        day = timezone.localdate(instant, timezone.get_default_timezone())
        for step in self.vat:
            if step.valid_from <= day and (step.valid_to is None or day < step.valid_to):
                return step.rate
        raise NoPrice(f"No VAT rate is recorded for {day:%-d %b %Y}.")

    @staticmethod
    def _found(candidates: Iterable[Dated], instant: datetime) -> Dated:
        latest = max(candidates, key=lambda each: (each.valid_from, each.version), default=None)
        if latest is None:
            raise NoPrice(f"The package had no price yet at {instant:%-d %b %Y %H:%M %Z}.")
        return latest


def price_for_customer(
    package: ServicePackage | PriceHistory, signed_up_at: datetime, at: datetime
) -> PriceForCustomer:
    """What a customer who signed up at `signed_up_at` pays at `at`; both aware instants.

    An instant before the customer signed up is read as the one at which they do: what they are quoted. Customers
    older than the package pay what existing customers pay. Raises NoPrice before its first publication.
    """
    history = package if isinstance(package, PriceHistory) else PriceHistory.of(package)
    instant = max(at, signed_up_at)
    step, offer = history.step_at(instant), history.offer_at(instant)
    paid: Step | Offer = history.offer_at(signed_up_at) if step.valid_from <= signed_up_at else step
    following = next((each for each in history.steps_after(instant) if each.price != paid.price), None)
    excluding = excluding_vat(paid.price, history.vat_rate_at(instant))
    return PriceForCustomer(
        including_vat=paid.price,
        excluding_vat=excluding,
        vat=paid.price - excluding,
        reason=_reason(paid.version, existing=step.version, new=offer.version),
        version=paid.version,
        next_change_at=following.valid_from if following else None,
        next_price=following.price if following else None,
    )


def _reason(paid: int, *, existing: int, new: int) -> Reason:
    if paid == existing:
        return Reason.CURRENT if existing == new else Reason.OLD
    return Reason.NEW if paid == new else Reason.KEPT


def prices_for_customers(
    package_id: UUID, sign_ups: Sequence[datetime], at: datetime
) -> list[PriceForCustomer | None]:
    """`price_for_customer` for many customers of one package, in their order, in one query.

    None where `price_for_customer` would raise NoPrice.
    """
    # As text, which the driver and the database read several times faster than an array of instants; and each
    # different answer once, with the places of all who get it.
    instants = "{" + ",".join(instant.isoformat() for instant in sign_ups) + "}"
    columns = "price, excluding_vat, vat, reason, version, next_change_at, next_price"
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT array_agg(place), {columns}"  # noqa: S608
            " FROM prices_for_customers(%s, %s::text::timestamptz[], %s)"
            f" GROUP BY {columns}",
            [package_id, instants, at],
        )
        rows = cursor.fetchall()
    answers: list[PriceForCustomer | None] = [None] * len(sign_ups)
    for places, price, excluding, vat, reason, *rest in rows:
        answer = PriceForCustomer(price, excluding, vat, Reason(reason), *rest)
        for place in places:
            answers[place - 1] = answer
    return answers
