"""What Zoho Billing does with prices when a subscription renews: a setting of the organisation, which no call tells.

`docs/price-moves.md` says what each answer means for a price change.
"""

from enum import StrEnum

from django.conf import settings


class RenewalPricing(StrEnum):
    RETAIN = "retain"
    """A subscription keeps its price until it is changed: each one is moved by a call of ours."""
    LATEST = "latest"
    """A renewal takes the plan's price of that day: the plan keeps the old price until the effective date."""
    UNKNOWN = "unknown"
    """Nobody looked. Nothing is published to a Zoho that might bill everybody at once."""


def renewal_pricing() -> RenewalPricing:
    return RenewalPricing(settings.ZOHO_BILLING_RENEWAL_PRICING)


def uses_latest_prices() -> bool:
    return renewal_pricing() is RenewalPricing.LATEST


def renewal_pricing_problems() -> list[str]:
    """Why no price change may be published yet: empty once somebody has looked, or when there is no Zoho."""
    if not settings.ZOHO_API_URL or renewal_pricing() is not RenewalPricing.UNKNOWN:
        return []
    return [
        "renewal pricing: nobody has recorded what Zoho Billing does at a renewal. Look there under Settings,"
        " Subscriptions, General, Renewal pricing, and set ZOHO_BILLING_RENEWAL_PRICING to retain"
        " (Retain existing prices) or latest (Use latest prices)"
    ]
