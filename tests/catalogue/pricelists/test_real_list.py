"""A real workbook of MTN's, where PRICE_LIST names one."""

import os
from pathlib import Path

import pytest

from catalogue.content import hardware_of
from catalogue.models import Product, ServicePackage
from tests.catalogue.pricelists.test_applying import applied
from zoho_sync.billing.mapping import NAME_LENGTH
from zoho_sync.crm.mapping import PRODUCT_NAME_LENGTH
from zoho_sync.keys import package_key, package_name

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.skipif("PRICE_LIST" not in os.environ, reason="PRICE_LIST names no workbook of MTN's"),
]


def test_every_deal_of_it_becomes_a_product_once():
    content = Path(os.environ["PRICE_LIST"]).read_bytes()

    first, second = applied(content), applied(content)

    deals = first.rows.count()
    assert deals == first.counts["new"] + first.counts.get("refused", 0)
    assert Product.objects.count() == first.counts["new"] > 0
    assert second.counts.get("unchanged") == first.counts["new"]
    assert second.total == 0


def test_no_two_deals_of_it_would_share_a_key_or_a_name_in_zoho():
    applied(Path(os.environ["PRICE_LIST"]).read_bytes())
    packages = [
        ServicePackage(
            **{
                name: getattr(product, name)
                for name in ("sku", "name", "market_segment", "provider", "contract_months")
            },
            hardware_model=hardware.model if (hardware := hardware_of(product)) else "",
        )
        for product in Product.objects.with_content()
    ]

    assert len({package_key(package) for package in packages}) == len(packages) > 0
    for longest in (PRODUCT_NAME_LENGTH, NAME_LENGTH, NAME_LENGTH - len("Installation: ")):
        assert len({package_name(package, longest) for package in packages}) == len(packages)
