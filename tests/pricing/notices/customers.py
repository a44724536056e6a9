"""Customers of a package in the mirror, and their part in a price change."""

from datetime import UTC, date, datetime
from itertools import count

from pricing.models import PriceMove, Subscription
from tests.pricing.people import FIRST_OF_MAY, R799, R899

_numbers = count(1)
SIGNED_UP = datetime(2026, 1, 10, 8, 0, tzinfo=UTC)
THIRD_OF_MAY = date(2027, 5, 3)


def customer(package, **values):
    number = next(_numbers)
    return Subscription.objects.create(
        **{
            "subscription_id": f"90{number:05}",
            "number": f"SUB-{number:05}",
            "package": package,
            "plan_code": package.sku,
            "customer_id": f"C{number}",
            "customer_name": "Sipho Dlamini",
            "customer_email": f"customer{number}@example.com",
            "status": "live",
            "price": R799,
            "plan_price": R799,
            "amount": R799,
            "signed_up_at": SIGNED_UP,
            "current_term_starts_on": date(2027, 2, 3),
            "current_term_ends_on": date(2027, 3, 3),
            "next_billing_on": date(2027, 3, 3),
            "read_at": SIGNED_UP,
            "seen_at": SIGNED_UP,
        }
        | values
    )


def move_of(change, subscription, **values):
    """Its part in `change`: R 799 to R 899 on 3 May unless told otherwise."""
    return PriceMove.objects.create(
        **{
            "change": change,
            "subscription": subscription,
            "cohort": "standard",
            "price_then": R799,
            "expected_price": R899,
            "renewal_on": THIRD_OF_MAY,
            "state": "planned",
        }
        | values
    )


def told_customer(change, *, move=None, **values):
    """A customer of the changed package with a move."""
    subscription = customer(change.package, **values)
    move_of(change, subscription, **(move or {}))
    return subscription


__all__ = ["FIRST_OF_MAY", "THIRD_OF_MAY", "customer", "move_of", "told_customer"]
