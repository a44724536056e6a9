"""The deeds of pricing. A live package's price moves only through a price change."""

from decimal import Decimal

from django.contrib.auth.models import AbstractUser
from django.db import transaction
from django.utils import timezone

from catalogue import audit
from catalogue.models import ServicePackage
from pricing.models import PriceChange, PriceChangeStatus


@transaction.atomic
def draft_price_change(
    *, package: ServicePackage, new_price: Decimal, actor: AbstractUser, reason: str
) -> PriceChange | None:
    """Ask for another price of a live package, as a draft: nothing moves until it is published and its day comes.

    A draft that is open already takes the new price. None when a published change is open: that one stands, and
    the wish has to be raised again after it. A wish for the price there is gives an open draft up.
    """
    open_change = PriceChange.objects.select_for_update().open().filter(package=package).first()
    if open_change is not None and open_change.status == PriceChangeStatus.PUBLISHED:
        return None
    if new_price == package.price:
        return _give_up(open_change, actor) if open_change else None
    if open_change is None:
        change = PriceChange.objects.create(
            package=package, old_price=package.price, new_price=new_price, reason=reason, created_by=actor
        )
        wished = {"new_price": [f"{package.price:.2f}", f"{new_price:.2f}"]}
        audit.record("price change drafted", change, actor=actor, changes=wished, detail=reason)
        return change
    if open_change.new_price != new_price:
        wished = {"new_price": [f"{open_change.new_price:.2f}", f"{new_price:.2f}"]}
        open_change.new_price, open_change.old_price, open_change.reason = new_price, package.price, reason
        open_change.save()
        audit.record("price change redrafted", open_change, actor=actor, changes=wished, detail=reason)
    return open_change


def _give_up(change: PriceChange, actor: AbstractUser) -> None:
    change.status, change.cancelled_at, change.cancelled_by = (
        PriceChangeStatus.CANCELLED,
        timezone.now(),
        actor,
    )
    change.save(update_fields=["status", "cancelled_at", "cancelled_by", "changed_at"])
    audit.record(
        "price change cancelled",
        change,
        actor=actor,
        changes={"status": ["draft", "cancelled"]},
        detail="the product asks for the present price again",
    )
