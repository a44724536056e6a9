from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from catalogue import services as catalogue
from catalogue.models import ServicePackage
from pricing.models import Audience, PriceEntry
from tests.factories import approved_product, live_package, mr_botha
from tests.pricing.histories import lines

pytestmark = pytest.mark.django_db


def test_the_first_publication_opens_the_ledger_for_new_and_existing_customers():
    published = datetime(2026, 2, 3, 10, 0, tzinfo=UTC)
    package = catalogue.publish(
        approved_product(regular_price="499.00").pk, actor=mr_botha(), at=published
    ).package

    opening = [(1, Decimal("499.00"), published, None)]
    assert lines(package, Audience.NEW) == lines(package, Audience.EXISTING) == opening
    assert {entry.change_id for entry in PriceEntry.objects.all()} == {None}


def test_publishing_again_writes_no_line():
    package = live_package()

    catalogue.publish(package.source_admin_product_id, actor=mr_botha())

    assert PriceEntry.objects.filter(package=package).count() == 2


def test_a_publication_that_fails_leaves_no_line(monkeypatch):
    product = approved_product()
    monkeypatch.setattr("catalogue.services.publishing.audit.record", lambda *_, **__: 1 / 0)

    with pytest.raises(ZeroDivisionError):
        catalogue.publish(product.pk, actor=mr_botha())

    assert not PriceEntry.objects.exists()


@pytest.mark.parametrize(
    "values",
    [{"price": Decimal("1.00")}, {"valid_from": timezone.now()}, {"version": 7}, {"audience": "new"}],
)
def test_a_line_cannot_be_rewritten(values):
    package = live_package()
    line = PriceEntry.objects.filter(package=package, audience=Audience.EXISTING)

    with pytest.raises(IntegrityError, match="append-only: UPDATE refused"), transaction.atomic():
        line.update(**values, valid_to=timezone.now())

    assert lines(package, Audience.EXISTING) == [(1, package.price, package.published_at, None)]


def test_a_line_is_ended_once_and_never_deleted():
    package = live_package()
    line = PriceEntry.objects.filter(package=package, audience=Audience.EXISTING)
    until = package.published_at + timedelta(days=1)
    line.update(valid_to=until)

    for refused in (
        lambda: line.update(valid_to=until + timedelta(days=1)),
        lambda: line.update(valid_to=None),
        line.delete,
    ):
        with pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
            refused()

    assert lines(package, Audience.EXISTING) == [(1, package.price, package.published_at, until)]


def test_two_prices_cannot_hold_at_once():
    package = live_package()

    with pytest.raises(IntegrityError, match="price_ledger_no_overlap"), transaction.atomic():
        PriceEntry.objects.create(
            package=package,
            audience=Audience.NEW,
            version=2,
            price=Decimal("1.00"),
            valid_from=package.published_at + timedelta(days=900),
        )

    assert ServicePackage.objects.get(pk=package.pk).price_entries.count() == 2
