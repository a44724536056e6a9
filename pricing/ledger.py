"""Writing the price ledger. Only the deeds of pricing call this, inside their own transaction."""

from datetime import datetime
from decimal import Decimal

from catalogue.models import ServicePackage
from pricing.models import Audience, PriceChange, PriceEntry


def open_ledger(package: ServicePackage) -> None:
    """The first two lines of a package: one price for everybody. Does nothing where there are lines already."""
    if PriceEntry.objects.filter(package=package).exists():
        return
    PriceEntry.objects.bulk_create(
        PriceEntry(
            package=package,
            audience=audience,
            version=1,
            price=package.price,
            valid_from=package.published_at,
        )
        for audience in Audience
    )


def succeed(
    package: ServicePackage,
    audience: Audience,
    *,
    version: int,
    price: Decimal,
    at: datetime,
    change: PriceChange,
) -> None:
    """From `at` on, `price` holds for `audience`: ends the open line there and writes the next."""
    PriceEntry.objects.filter(package=package, audience=audience, valid_to=None).update(valid_to=at)
    PriceEntry.objects.create(
        package=package, audience=audience, version=version, price=price, valid_from=at, change=change
    )
