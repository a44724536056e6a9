"""Who changes prices in the tests."""

from datetime import UTC, date, datetime
from decimal import Decimal

from pricing import services
from pricing.services import Wish
from tests.factories import person

R799, R849, R899 = Decimal("799.00"), Decimal("849.00"), Decimal("899.00")
# A Monday, ten o'clock in Johannesburg. Sixty days later is 1 May.
PUBLISHED = datetime(2027, 3, 2, 8, 0, tzinfo=UTC)
FIRST_OF_MAY = date(2027, 5, 1)
MAY_BEGINS = datetime(2027, 4, 30, 22, 0, tzinfo=UTC)


def ms_khumalo():
    """Drafts price changes."""
    return person("zanele.khumalo", "Pricing manager")


def mr_daniels():
    """Publishes what others drafted."""
    return person("ruan.daniels", "Pricing approver")


def wish(new_price=R899, effective_date=FIRST_OF_MAY, reason="Yearly review", **values):
    return Wish(new_price=Decimal(new_price), effective_date=effective_date, reason=reason, **values)


def drafted(package, **values):
    return services.create_price_change(package.pk, wish(**values), actor=ms_khumalo())


def published(package, at=PUBLISHED, **values):
    return services.publish_price_change(drafted(package, **values).pk, actor=mr_daniels(), at=at)
