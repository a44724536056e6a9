"""A real workbook of MTN's, where PRICE_LIST names one."""

import os
from pathlib import Path

import pytest

from catalogue.models import Product
from tests.catalogue.pricelists.test_applying import applied

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
