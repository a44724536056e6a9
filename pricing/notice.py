"""How long before a price may move: the notice that customers are given, in civil days of South Africa."""

from datetime import date, datetime, time, timedelta

from django.conf import settings
from django.utils import timezone

from catalogue.models import PackageStatus
from circletel.core.amounts import rand
from pricing.models import PriceChange
from pricing.notices.texts import complaints_about_message
from pricing.renewal import renewal_pricing_problems


def civil_day(instant: datetime) -> date:
    return timezone.localdate(instant, timezone.get_default_timezone())


def beginning_of(day: date) -> datetime:
    """Midnight in Johannesburg."""
    return datetime.combine(day, time.min, tzinfo=timezone.get_default_timezone())


def may_hold_at_once(change: PriceChange) -> bool:
    return change.is_decrease and settings.PRICE_DECREASES_AT_ONCE


def notice_days(change: PriceChange) -> int:
    """Days from the day of publication to the earliest effective date. Reads the package."""
    return 0 if may_hold_at_once(change) else settings.PRICE_NOTICE_DAYS[change.package.market_segment]


def earliest_effective_date(change: PriceChange, published_at: datetime) -> date:
    """The first day on which existing customers may pay the new price, when it is published at that instant.

    Published on 1 March with 60 days: 30 April. Without notice it is the next day, or the same day for a decrease.
    An amendment to a lower or later price rests on the notice that was given for the change it amends.
    """
    today = civil_day(published_at)
    soonest = today if may_hold_at_once(change) else today + timedelta(days=1)
    begun = today
    if change.amends is not None and asks_no_more_than(change, change.amends):
        assert change.amends.published_at is not None  # only published changes are amended
        begun = civil_day(change.amends.published_at)
    return max(soonest, begun + timedelta(days=notice_days(change)))


def publication_problems(change: PriceChange, now: datetime) -> list[str]:
    """Everything that speaks against publishing `change` at that instant, each naming a field. Reads the package."""
    package, found = change.package, renewal_pricing_problems(change, now)
    if package.price != change.old_price:
        found.append(
            f"old price: the package costs {rand(package.price)} by now, not {rand(change.old_price)}; save the draft again"
        )
    if package.status == PackageStatus.DRAFT:
        found.append("package: it was never published")
    earliest = earliest_effective_date(change, now)
    if change.effective_date is None:
        found.append(f"effective date: say from when; {earliest:%-d %b %Y} is the earliest")
    elif change.effective_date < earliest:
        why = _why_not_earlier(change, now)
        found.append(
            f"effective date: {change.effective_date:%-d %b %Y} is too early; {earliest:%-d %b %Y} is the earliest, {why}"
        )
    return found + complaints_about_message(change)


def asks_no_more_than(change: PriceChange, announced: PriceChange) -> bool:
    """Not a cent more and not a day sooner than customers were told."""
    assert announced.effective_date is not None  # only published changes are amended
    if change.effective_date is None or change.effective_date < announced.effective_date:
        return False
    return change.new_price <= announced.new_price


def _why_not_earlier(change: PriceChange, now: datetime) -> str:
    if may_hold_at_once(change):
        return f"for today is {civil_day(now):%-d %b %Y}"
    days = notice_days(change)
    return f"{days} days after publication" if days else "the day after publication"
