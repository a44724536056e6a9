"""Whatever is thrown at it: the import takes all, or writes nothing; it never crashes."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalogue.models import Product, ProductPricing
from catalogue.product_import.apply import BadFile, import_products
from catalogue.product_import.columns import BY_NAME, COLUMNS
from catalogue.product_import.parsing import parse
from circletel.core.models import AuditEntry
from tests.factories import ms_naidoo
from tests.fuzz.inputs import fuzzed

pytestmark = [pytest.mark.fuzz, pytest.mark.django_db]
thorough = fuzzed(few=50, many=1000)

GOOD = {
    "sku": "FIBRE-1",
    "name": "Home Fibre 100",
    "service_type": "HomeFibre",
    "product_category": "home_fibre",
    "market_segment": "consumer",
    "provider": "DFA",
    "technology": "fibre",
    "speed_down_mbps": "100",
    "speed_up_mbps": "50",
    "data_limit": "Unlimited",
    "price_incl_vat": "799",
    "promo_price_incl_vat": "699",
    "promo_months": "3",
    "installation_fee_incl_vat": "0",
    "contract_months": "12",
    "hardware_model": "Reyee",
    "hardware_included": "yes",
    "features": "Uncapped|Static IP",
    "discounted_installation_fee_incl_vat": "0",
    "installation_days": "7",
    "zones": "Cape Town|Paarl",
    "featured": "yes",
    "popular": "no",
}
NASTY = st.sampled_from(
    [
        "",
        "\x00",
        "a\x00",
        "=1+1",
        "-1",
        "1e9",
        "NaN",
        "9" * 400,
        "x" * 300,
        "|" * 99,
        "\ud7ff",
        "\U0010ffff",
        "ß",
        "İ",
        "ǅ",
        "\u2028",
    ]
)
CELL = st.one_of(NASTY, st.text(max_size=40), st.from_regex(r"R? ?[0-9 .,]{1,12}", fullmatch=True))
ROWS = st.lists(
    st.builds(lambda wild: GOOD | wild, st.dictionaries(st.sampled_from(sorted(GOOD)), CELL, max_size=4)),
    min_size=1,
    max_size=4,
)


def import_all_or_nothing(data: bytes) -> None:
    parsed = parse(data)
    before = Product.objects.count(), AuditEntry.objects.count()
    outcome, errors = None, []
    try:
        outcome = import_products(parsed, actor=ms_naidoo())
    except BadFile as bad:
        errors = bad.errors

    if outcome is None:
        assert errors
        assert all(error.expected for error in errors)
        assert (Product.objects.count(), AuditEntry.objects.count()) == before
    else:
        assert parsed.errors == []
        assert outcome.created + outcome.updated + outcome.unchanged == len(parsed.rows) > 0
        assert Product.objects.count() == before[0] + outcome.created
        assert AuditEntry.objects.count() == before[1] + outcome.created + outcome.updated
        assert import_products(parsed, actor=ms_naidoo()).unchanged == len(parsed.rows)


@thorough
@given(st.binary(max_size=300))
def test_arbitrary_bytes(data):
    import_all_or_nothing(data)


@thorough
@given(st.binary(max_size=200), st.sampled_from([b",", b";", b"\t"]))
def test_arbitrary_bytes_below_a_good_header(data, delimiter):
    import_all_or_nothing(delimiter.join(name.encode() for name in GOOD) + b"\n" + data)


@thorough
@given(ROWS)
def test_arbitrary_cells(rows):
    written = io.StringIO(newline="")
    writer = csv.DictWriter(written, GOOD)
    writer.writeheader()
    writer.writerows(rows)

    import_all_or_nothing(written.getvalue().encode())


def test_the_good_row_of_these_tests_is_good():
    assert list(GOOD) == list(BY_NAME)
    header, row = ",".join(GOOD), ",".join(GOOD.values())

    assert import_products(parse(f"{header}\n{row}".encode()), actor=ms_naidoo()).created == 1
    assert ProductPricing.objects.count() == 1
    assert len(COLUMNS) == 23
