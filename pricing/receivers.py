"""What pricing does when the catalogue speaks. Runs inside the transaction of the deed."""

from decimal import Decimal
from typing import Any

from django.contrib.auth.models import User
from django.dispatch import receiver

from catalogue.models import ServicePackage
from catalogue.signals import package_changed, price_asked, subscriptions_asked
from circletel.core.amounts import rand
from pricing.models import PriceChange, Subscription
from pricing.models.ledger import open_ledger
from pricing.services import draft_price_change


@receiver(package_changed, dispatch_uid="pricing.package_changed")
def on_package_changed(package: ServicePackage, **_: Any) -> None:
    """The first publication opens the price ledger."""
    open_ledger(package)


@receiver(price_asked, dispatch_uid="pricing.price_asked")
def on_price_asked(
    package: ServicePackage,
    price: Decimal,
    actor: User,
    reason: str = "The published product asks for this price.",
    **_: Any,
) -> str:
    """Somebody asks for `price`: a difference becomes a draft price change. Says what became of it."""
    change: PriceChange | None = draft_price_change(
        package=package, new_price=price, actor=actor, reason=reason
    )
    if change is not None:
        return f"a draft price change to {rand(price)} waits for a pricing manager"
    if price != package.price:
        return (
            f"a published price change is open already; ask for {rand(price)} again when it has taken effect"
        )
    return ""


@receiver(subscriptions_asked, dispatch_uid="pricing.subscriptions_asked")
def on_subscriptions_asked(package: ServicePackage, **_: Any) -> int:
    return Subscription.objects.standing().filter(package=package).count()
