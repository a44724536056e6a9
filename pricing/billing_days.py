"""On which days a subscription is billed. Pure functions of the terms that Zoho named."""

from calendar import monthrange
from datetime import date

from pricing.models import Subscription


def in_months(day: date, months: int, day_of_month: int) -> date:
    """`day`, so many months on, at that day of the month or the month's last: 31 Jan, 28 Feb, 31 Mar."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, min(day_of_month, monthrange(year, month + 1)[1]))


def billing_on(subscription: Subscription, terms: int) -> date | None:
    """The billing day so many terms after the next one, or before it. None where Zoho names no day or no months."""
    known, months = subscription.next_billing_on, subscription.interval_months
    if known is None or months is None:
        return None
    return in_months(known, terms * months, billing_day(subscription))


def first_billing_on(subscription: Subscription, on_or_after: date) -> date | None:
    """Its first billing day on or after that one, before the next one that Zoho named as well."""
    known, months = subscription.next_billing_on, subscription.interval_months
    if known is None or months is None:
        return None
    between = (on_or_after.year - known.year) * 12 + on_or_after.month - known.month
    candidates = (billing_on(subscription, between // months + late) for late in (0, 1))
    return next(day for day in candidates if day is not None and day >= on_or_after)


def billing_day(subscription: Subscription) -> int:
    """The day of the month it is billed on. The last of a short month may stand for a later day.

    Terms count from the day on which the first one began, unless the dates say that billing was moved since.
    """
    known, began = subscription.next_billing_on, subscription.current_term_starts_on
    assert known is not None  # the caller saw it
    if (first := subscription.started_on) is not None and _fits(first.day, known) and _fits(first.day, began):
        return first.day
    is_last = known.day == monthrange(known.year, known.month)[1]
    return max(known.day, began.day) if is_last and began is not None else known.day


def _fits(day_of_month: int, day: date | None) -> bool:
    """`day` is that day of its month, or the last one of a month that is too short for it."""
    return day is None or day.day == min(day_of_month, monthrange(day.year, day.month)[1])
