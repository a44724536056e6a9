"""Price histories for tests: told as what happened, written as rows, and replayed event by event."""

from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from catalogue import services
from pricing.models import Audience, PriceChange, PriceEntry, ledger
from tests.factories import approved_product, mr_botha, ms_naidoo

JOHANNESBURG = ZoneInfo("Africa/Johannesburg")
OPENED = datetime(2020, 1, 15, 9, 30, tzinfo=UTC)


@dataclass(frozen=True)
class Told:
    """One change. Cancelled at `cancelled_at`, else effective; `applied` says whether the daily job came by."""

    published_at: datetime
    effective_at: datetime
    price: Decimal
    cancelled_at: datetime | None = None
    applied: bool = True


def package_opened(price, at=OPENED):
    """A live package with one price since `at`."""
    return services.publish(approved_product(regular_price=price).pk, actor=mr_botha(), at=at).package


def write(package, changes):
    """The rows that these changes leave behind."""
    price, version = package.price, 1
    for number, told in enumerate(changes, 2):
        status = "cancelled" if told.cancelled_at else "effective" if told.applied else "published"
        change = PriceChange.objects.create(
            package=package,
            old_price=price,
            new_price=told.price,
            status=status,
            reason="x",
            created_by=ms_naidoo(),
            approved_by=mr_botha(),
            version=number,
            published_at=told.published_at,
            effective_at=told.effective_at,
            effective_date=told.effective_at.astimezone(JOHANNESBURG).date(),
            cancelled_at=told.cancelled_at,
            applied_at=told.effective_at if status == "effective" else None,
        )
        new, existing = (package, Audience.NEW), (package, Audience.EXISTING)
        ledger.succeed(*new, version=number, price=told.price, at=told.published_at, change=change)
        if told.cancelled_at:
            ledger.succeed(*new, version=version, price=price, at=told.cancelled_at, change=change)
            continue
        if told.applied:
            ledger.succeed(*existing, version=number, price=told.price, at=told.effective_at, change=change)
        price, version = told.price, number


def lines(package, audience):
    """The ledger as text: price, from, until."""
    return [
        (entry.version, entry.price, entry.valid_from, entry.valid_to)
        for entry in PriceEntry.objects.filter(package=package, audience=audience)
    ]
