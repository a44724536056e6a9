from decimal import Decimal

import pytest
from django.db import IntegrityError, transaction

from catalogue import services as catalogue
from catalogue.content import product_content
from catalogue.models import Product
from circletel.core.models import AuditEntry
from pricing.models import PriceChange
from pricing.services import draft_price_change
from tests.factories import live_package, mr_botha, ms_naidoo

pytestmark = pytest.mark.django_db


def publish_with_price(package, price):
    """Edit the product's price, have it approved, and publish it over its live package."""
    product = Product.objects.with_content().get(pk=package.source_admin_product_id)
    before = product_content(product)
    product.pricing.regular_price = Decimal(price)
    product.pricing.save()
    catalogue.record_edit(product, actor=ms_naidoo(), before=before)
    catalogue.submit(product.pk, actor=ms_naidoo())
    catalogue.approve(product.pk, actor=mr_botha())
    return catalogue.publish(product.pk, actor=mr_botha())


def test_publishing_another_price_drafts_a_price_change_and_moves_nothing():
    package = live_package(regular_price="800.00")

    outcome = publish_with_price(package, "899.00")

    change = PriceChange.objects.get()
    change.refresh_from_db()
    assert (change.package_id, change.status, change.old_price, change.new_price) == (
        package.pk, "draft", Decimal("800.00"), Decimal("899.00"),
    )  # fmt: skip
    assert (change.difference, change.percentage) == (Decimal("99.00"), Decimal("12.38"))
    package.refresh_from_db()
    assert (package.price, package.new_customer_price) == (Decimal("800.00"), None)
    assert "a draft price change to R\u00a0899,00 waits for a pricing manager" in str(outcome)


def test_publishing_the_same_price_drafts_nothing():
    package = live_package(regular_price="800.00")

    catalogue.publish(package.source_admin_product_id, actor=mr_botha())

    assert not PriceChange.objects.exists()


def test_a_second_thought_changes_the_open_draft_and_going_back_gives_it_up():
    package = live_package(regular_price="800.00")
    publish_with_price(package, "899.00")

    publish_with_price(package, "849.00")
    assert PriceChange.objects.get().new_price == Decimal("849.00")
    publish_with_price(package, "800.00")

    assert PriceChange.objects.get().status == "cancelled"
    assert list(
        AuditEntry.objects.filter(action__startswith="price change")
        .order_by("at")
        .values_list("action", flat=True)
    ) == ["price change drafted", "price change edited", "price change cancelled"]


def test_a_published_change_stands_and_the_new_wish_is_said_to_wait():
    package = live_package(regular_price="800.00")
    PriceChange.objects.create(
        package=package,
        old_price=package.price,
        new_price=Decimal("850.00"),
        status="published",
        published_at=package.published_at,
        effective_date="2099-01-01",
        effective_at="2098-12-31T22:00Z",
        version=2,
        approved_by=ms_naidoo(),
        reason="x",
        created_by=mr_botha(),
    )

    outcome = publish_with_price(package, "899.00")

    assert PriceChange.objects.get().new_price == Decimal("850.00")
    assert "a published price change is open already" in str(outcome)


def test_the_database_holds_one_open_change_per_package():
    package = live_package()
    draft_price_change(package=package, new_price=Decimal("10.00"), actor=mr_botha(), reason="x")

    with pytest.raises(IntegrityError), transaction.atomic():
        PriceChange.objects.create(
            package=package,
            old_price=package.price,
            new_price=Decimal("11.00"),
            reason="x",
            created_by=mr_botha(),
        )
