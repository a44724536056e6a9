"""Whatever stands in a cell, a reader answers or says what it expected."""

from datetime import date, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalogue.pricelists import cells
from catalogue.pricelists.cells import BadCell

CELLS = st.one_of(
    st.text(max_size=40),
    st.floats(),
    st.booleans(),
    st.dates(),
    st.datetimes(),
    st.from_regex(r"R? ?[0-9]{1,3}([ ,.][0-9]{1,3}){0,3}", fullmatch=True),
    st.from_regex(r"[0-9]{1,4}[/.-][0-9]{1,2}[/.-][0-9]{1,4}", fullmatch=True),
)


def answer(reader, cell):
    """What the reader answers, or the words of its refusal. Anything else it raises is a fault."""
    try:
        return reader(cell), None
    except BadCell as bad:
        return None, str(bad)


@given(CELLS, st.booleans())
def test_an_amount_is_an_amount_or_refused(cell, strict):
    for reader in (cells.amount, cells.fee):
        found, refusal = answer(lambda one: reader(one, refuse_text=strict), cell)  # noqa: B023

        assert refusal is None or "expected an amount in rand" in refusal
        assert found is None or 0 <= found <= cells.MOST


@given(CELLS, st.booleans())
def test_every_other_reader_answers_or_refuses_in_one_line(cell, strict):
    readers = (
        cells.text,
        cells.speed,
        cells.quantity,
        cells.data_limit,
        cells.day,
        lambda one: cells.words(one, 20),
        lambda one: cells.months(one, refuse_text=strict),
    )
    for reader in readers:
        _found, refusal = answer(reader, cell)

        assert refusal is None or ("expected" in refusal and "\n" not in refusal)


@pytest.mark.parametrize(
    ("cell", "found"),
    [
        ("R900 upfront", "900"),
        ("R450 (50% off)", "450"),
        ("R2,500 install", "2500"),
        ("FREE installation", "0"),
        (2500.0, "2500"),
        ("R -", None),
        ("", None),
    ],
)
def test_a_fee_may_be_commented(cell, found):
    assert cells.fee(cell, refuse_text=False) == (None if found is None else Decimal(found))


@pytest.mark.parametrize(
    ("cell", "found"),
    [(24.0, 24), ("24", 24), ("24 months", 24), ("Month-to-Month", 1), ("12-Month Contract", 12)],
)
def test_a_term_is_in_months(cell, found):
    assert cells.months(cell, refuse_text=False) == found


@pytest.mark.parametrize("cell", [0, 121.0, 12.5, "", "soon", True, float("nan"), float("inf")])
def test_what_is_no_term_is_refused(cell):
    with pytest.raises(BadCell, match="a contract term in whole months, from 1 to 120"):
        cells.months(cell, refuse_text=False)


@pytest.mark.parametrize(
    ("cell", "found"),
    [
        ("0.0GB + 1TB", "1TB"),
        ("60GB Work Express + 60.0GB", "60GB Work Express + 60GB"),
        ("0GB", ""),
        ("800GB (FUP) + Uncapped 60Mbps", "800GB (FUP) + Uncapped 60Mbps"),
        ("45.5GB", "45.5GB"),
    ],
)
def test_a_data_limit_leaves_out_what_is_zero(cell, found):
    assert cells.data_limit(cell) == found


@pytest.mark.parametrize(
    ("cell", "found"), [("500min", 500), ("0sms", 0), (200.0, 200), ("Unlimited", "Unlimited")]
)
def test_a_quantity_is_counted_where_it_can_be(cell, found):
    assert cells.quantity(cell) == found


def test_a_typed_date_stays_undecided_between_its_orders():
    assert cells.day("02/01/2025") == cells.TextDate("02/01/2025", date(2025, 2, 1), date(2025, 1, 2))
    assert cells.day(datetime(2025, 2, 1)) == cells.day("7 Feb 2025").replace(day=1) == date(2025, 2, 1)
    assert cells.day("") is None


@pytest.mark.parametrize(
    "cell", ["31/31/2025", "2025-02-30", 45689.0, "01/02/25", date(1899, 12, 31), "tomorrow"]
)
def test_an_impossible_date_is_refused(cell):
    with pytest.raises(BadCell, match="expected a date such as 2025-11-07"):
        cells.day(cell)
