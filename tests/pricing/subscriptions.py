"""Subscriptions for tests: rows of the mirror as a pull would have left them."""

from datetime import UTC, date, datetime
from decimal import Decimal
from itertools import count
from typing import Any

from catalogue.models import excluding_vat
from pricing.models import Subscription
from zoho_sync.keys import package_key

_numbers = count(1)
LONG_AGO = datetime(2025, 1, 15, 8, 0, tzinfo=UTC)
READ = datetime(2027, 3, 2, 1, 0, tzinfo=UTC)


def mirrored(package: Any, price: Any = "799.00", *, save: bool = True, **values: Any) -> Subscription:
    """Billed on the fifteenth, signed up long ago, and live, unless told otherwise."""
    number = next(_numbers)
    subscription = Subscription(
        **{
            "subscription_id": f"5843210000{number:08}",
            "number": f"SUB-{number:05}",
            "package": package,
            "plan_code": package_key(package) if package else "OTHER",
            "customer_id": f"77{number:08}",
            "customer_name": f"Customer {number}",
            "customer_email": f"customer{number}@example.com",
            "status": "live",
            "price": Decimal(price),
            "amount": Decimal(price),
            "is_inclusive_tax": True,
            "signed_up_at": LONG_AGO,
            "current_term_starts_on": date(2027, 2, 15),
            "current_term_ends_on": date(2027, 3, 14),
            "next_billing_on": date(2027, 3, 15),
            "read_at": READ,
            "seen_at": READ,
        }
        | values
    )
    if subscription.plan_price is None:
        price = subscription.price
        is_without = subscription.is_inclusive_tax is False
        subscription.plan_price = excluding_vat(price, Decimal("0.15")) if is_without else price
    if save:
        subscription.save()
    return subscription
