"""Supplier price lists."""

from decimal import Decimal

import pytest
from django.db import IntegrityError

from catalogue.models import PriceList, Product, Supplier, SupplierDeal
from catalogue.pricelists import services
from tests.catalogue.pricelists.test_applying import applied, apply, done, preview, product
from tests.catalogue.pricelists.workbooks import deal, workbook
from tests.factories import ms_naidoo
from tests.known_faults import known_fault

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("redis_flushed")]


@known_fault("a list is applied as it was previewed, though another was applied since then")
def test_the_latest_list_holds_though_an_older_one_was_applied_after_its_preview():
    applied(deal(incl=100.0))
    older = preview(deal(incl=120.0))
    newest = preview(deal(incl=100.0))

    apply(older)
    assert product().pricing.regular_price == Decimal("120.00")
    apply(newest)

    assert product().pricing.regular_price == Decimal("100.00")
    assert SupplierDeal.objects.get().listed_price == Decimal("100.00")


@known_fault("a row that breaks a constraint ends the list", raises=IntegrityError)
def test_a_fee_below_the_discounted_fee_does_not_hold_up_the_list():
    supplier = Supplier.objects.get(code="circletel")

    def uploaded(fee: int) -> PriceList:
        titles = [
            "Package",
            "Regular Price (incl. VAT)",
            "Regular Price (ex. VAT)",
            "Promo Price (incl. VAT)",
            "Installation Revenue (upfront)",
            "Speeds",
        ]
        content = workbook({"S": [titles, ["SkyFibre Start", 799.0, 799 / 1.15, None, fee, "50/20 Mbps"]]})
        return done(
            services.upload(supplier=supplier, file_name="c.xlsx", content=content, actor=ms_naidoo())
        )

    apply(uploaded(450))
    one = Product.objects.with_content().get(sku__startswith="SKYFIBRE-START")
    one.pricing.discounted_installation_fee = Decimal("230.00")
    one.pricing.save()
    lower = uploaded(200)

    apply(lower)

    lower.refresh_from_db()
    assert lower.status == "applied"


@known_fault("a deal that ends on 31 December 9999 makes the whole list fail", raises=OverflowError)
def test_a_deal_without_an_end_does_not_make_the_list_fail():
    price_list = preview(deal(), deal(deal_id="B", ends="12/31/9999"))

    assert (price_list.status, price_list.job.error) == ("previewed", "")
