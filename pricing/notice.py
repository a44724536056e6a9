"""How long before a price may move: the notice that customers are given, in civil days of South Africa."""

from datetime import date, datetime, time, timedelta
from enum import StrEnum

from django.conf import settings
from django.utils import timezone

from catalogue.models import PackageStatus
from circletel.core.amounts import rand
from pricing.mirror.standing import mirror_standing
from pricing.models import PriceChange, Subscription
from pricing.notices.texts import complaints_about_message

# Zoho makes the invoices of a day at about six in the organisation's zone.
RENEWALS_ARE_THROUGH = time(7, 0)


def civil_day(instant: datetime) -> date:
    return timezone.localdate(instant, timezone.get_default_timezone())


def beginning_of(day: date) -> datetime:
    """Midnight in Johannesburg."""
    return datetime.combine(day, time.min, tzinfo=timezone.get_default_timezone())


def renewed_until(now: datetime) -> date:
    """The last day whose renewals are through: today from seven in the morning on, else yesterday."""
    local = timezone.localtime(now, timezone.get_default_timezone())
    return local.date() if local.time() >= RENEWALS_ARE_THROUGH else local.date() - timedelta(days=1)


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
    package, found = change.package, _renewal_pricing_problems(change, now)
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


# --- what Zoho does at renewals


class RenewalPricing(StrEnum):
    """What Zoho Billing does with prices when a subscription renews: a setting of the organisation, which no call tells.

    `docs/price-moves.md` says what each answer means for a price change.
    """

    RETAIN = "retain"
    """A subscription keeps its price until it is changed: each one is moved by a call of ours."""
    LATEST = "latest"
    """Every renewal takes the plan's price of that day, notice or not: no rise can be published to its customers."""
    UNKNOWN = "unknown"
    """Nobody looked. Nothing is published to a Zoho that might bill everybody at once."""


def _renewal_pricing_problems(change: PriceChange, at: datetime) -> list[str]:
    """Why what Zoho does at renewals speaks against publishing `change`: empty when it does not, or there is no Zoho."""
    if not settings.ZOHO_API_URL:
        return []
    match RenewalPricing(settings.ZOHO_BILLING_RENEWAL_PRICING):
        case RenewalPricing.UNKNOWN:
            return [
                "renewal pricing: nobody has recorded what Zoho Billing does at a renewal. Look there under Settings,"
                " Subscriptions, General, Renewal pricing, and set ZOHO_BILLING_RENEWAL_PRICING to retain"
                " (Retain existing prices) or latest (Use latest prices)"
            ]
        case RenewalPricing.LATEST if not change.is_decrease and (who := _who_would_pay(change, at)):
            return [
                "renewal pricing: with Use latest prices Zoho Billing takes the new price at the very next renewal,"
                f" notice or not, {who}. Choose Retain existing prices there under Settings, Subscriptions, General,"
                " Renewal pricing, and set ZOHO_BILLING_RENEWAL_PRICING to retain"
            ]
        case _:
            return []


def _who_would_pay(change: PriceChange, at: datetime) -> str:
    """The existing customers in words; empty when there are none."""
    if number := Subscription.objects.renewing().filter(package=change.package_id).count():
        return f"from {number} existing subscription{'s' if number != 1 else ''}"
    if not mirror_standing(at).was_pulled:
        return "and it is not known whether anybody subscribes, for Zoho's subscriptions were never read"
    return ""
