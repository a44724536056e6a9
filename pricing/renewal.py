"""What Zoho Billing does with prices when a subscription renews: a setting of the organisation, which no call tells.

`docs/price-moves.md` says what each answer means for a price change.
"""

from datetime import datetime
from enum import StrEnum

from django.conf import settings

from pricing.mirror.standing import mirror_standing
from pricing.models import PriceChange, Subscription


class RenewalPricing(StrEnum):
    RETAIN = "retain"
    """A subscription keeps its price until it is changed: each one is moved by a call of ours."""
    LATEST = "latest"
    """Every renewal takes the plan's price of that day, notice or not: no rise can be published to its customers."""
    UNKNOWN = "unknown"
    """Nobody looked. Nothing is published to a Zoho that might bill everybody at once."""


def renewal_pricing() -> RenewalPricing:
    return RenewalPricing(settings.ZOHO_BILLING_RENEWAL_PRICING)


def renewal_pricing_problems(change: PriceChange, at: datetime) -> list[str]:
    """Why what Zoho does at renewals speaks against publishing `change`: empty when it does not, or there is no Zoho."""
    if not settings.ZOHO_API_URL:
        return []
    match renewal_pricing():
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
