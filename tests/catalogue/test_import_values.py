"""What may stand in a cell, and how it is understood. No database."""

from decimal import Decimal

import pytest
from django.conf import settings
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from catalogue.product_import.columns import BY_NAME, COLUMNS, column_titled
from catalogue.product_import.values import tidy

NBSP, THIN, NARROW = "\u00a0", "\u2009", "\u202f"


@pytest.mark.parametrize(
    ("cell", "amount"),
    [
        ("1299", "1299.00"),
        ("1299.5", "1299.50"),
        ("1299,5", "1299.50"),
        ("1299.00", "1299.00"),
        ("1299,00", "1299.00"),
        ("R1,299.00", "1299.00"),
        ("R 1 299,00", "1299.00"),
        ("1 299,00", "1299.00"),
        ("1 299.00", "1299.00"),
        ("1,299.00", "1299.00"),
        ("1,299", "1299.00"),
        ("R12,345,678.90", "12345678.90"),
        ("1.299,00", "1299.00"),
        (f"R{NBSP}1{NBSP}299,00", "1299.00"),
        (f"R1{THIN}299,00", "1299.00"),
        (f"1{NARROW}299", "1299.00"),
        ("r 899", "899.00"),
        ("ZAR 899.99", "899.99"),
        ("  899  ", "899.00"),
        ("\ufeff899", "899.00"),
        ("0.01", "0.01"),
        ("007", "7.00"),
        ("99999999.99", "99999999.99"),
    ],
)
def test_prices_are_understood_as_people_write_them(cell, amount):
    assert BY_NAME["price_incl_vat"].value(cell) == Decimal(amount)


@pytest.mark.parametrize(
    "cell",
    [
        "abc",
        "",
        " ",
        "R",
        "-5",
        "−5",
        "R-5",
        "(5)",
        "+5",
        "NaN",
        "Infinity",
        "1e3",
        "0x10",
        "1_000",
        "0",
        "0.00",
        "1,29,9",
        "1,2999",
        "12,34.00",
        "1.299",  # a dot is no thousands separator here, and money has no third decimal
        "899.125",
        "1299.000",
        "1299.999",
        "1 2 99",
        "1299 00",
        "1,299,00",
        "1 299 000,00.00",
        "12.99 USD",
        "$12.99",
        "1299.",
        ".50",
        "١٢٩٩",  # digits, but not ours
        "12\x0099",
        "100000000.00",
        "9" * 5000,
        "=1299",
    ],
)
def test_what_is_no_price_is_refused(cell):
    with pytest.raises(ValueError):
        BY_NAME["price_incl_vat"].value(cell)


def written(rand: int, cents: int) -> st.SearchStrategy[str]:
    """`rand` and `cents` in every form that is meant to be understood."""

    def grouped(separator: str) -> str:
        return f"{rand:,}".replace(",", separator)

    forms = [
        f"{grouped(separator)}{mark}{cents:02d}"
        for separator, marks in {
            "": ".,",
            " ": ".,",
            NBSP: ".,",
            THIN: ".,",
            NARROW: ".,",
            ",": ".",
            ".": ",",
        }.items()
        for mark in marks
    ]
    if cents == 0:
        forms += [grouped(separator) for separator in ("", " ", NBSP, ",")]
    return st.builds(
        lambda before, form, after: f"{before}{form}{after}",
        st.sampled_from(["", "R", "R ", "ZAR ", f"R{NBSP}", " "]),
        st.sampled_from(forms),
        st.sampled_from(["", " "]),
    )


@hypothesis_settings(deadline=None)
@given(st.data(), st.integers(0, 99_999_999), st.integers(0, 99))
def test_an_amount_means_the_same_in_every_form(data, rand, cents):
    cell = data.draw(written(rand, cents))

    assert BY_NAME["installation_fee_incl_vat"].value(cell) == Decimal(rand) + Decimal(cents) / 100


@hypothesis_settings(deadline=None)
@given(st.text())
def test_whatever_is_taken_for_an_amount_has_two_decimals_and_fits_its_column(cell):
    try:
        amount = BY_NAME["installation_fee_incl_vat"].value(cell)
    except ValueError:
        return
    if amount is None:
        assert tidy(cell) == ""
    else:
        assert amount.as_tuple().exponent == -2
        assert Decimal(0) <= amount < Decimal(10) ** 8


def test_no_fee_and_no_charge_are_two_things():
    fee = BY_NAME["installation_fee_incl_vat"]

    assert fee.value("") is None
    assert fee.value("0") == Decimal("0.00")
    assert str(fee.value("R0,00")) == "0.00"


@pytest.mark.parametrize(
    ("cell", "number"), [("100", 100), ("100.0", 100), ("100,00", 100), (" 7 ", 7), ("", None)]
)
def test_speeds_are_whole_numbers_or_nothing(cell, number):
    assert BY_NAME["speed_down_mbps"].value(cell) == number


@pytest.mark.parametrize(
    "cell", ["0", "-1", "100 Mbps", "99.5", "1,000", "1.000", "1e2", "2147483648", "9" * 99]
)
def test_what_is_no_speed_is_refused(cell):
    with pytest.raises(ValueError):
        BY_NAME["speed_down_mbps"].value(cell)


@pytest.mark.parametrize("cell", ["0", "121", "", "12 months", "1.5"])
def test_a_term_is_from_1_to_120_months(cell):
    with pytest.raises(ValueError):
        BY_NAME["contract_months"].value(cell)


@pytest.mark.parametrize(
    ("cell", "included"),
    [
        ("yes", True),
        ("Y", True),
        ("TRUE", True),
        ("1", True),
        ("no", False),
        ("n", False),
        ("False", False),
        ("0", False),
        ("", False),
    ],
)
def test_hardware_is_included_or_not(cell, included):
    assert BY_NAME["hardware_included"].value(cell) is included


@pytest.mark.parametrize("cell", ["maybe", "ja", "2", "yes!"])
def test_hardware_is_not_perhaps_included(cell):
    with pytest.raises(ValueError):
        BY_NAME["hardware_included"].value(cell)


@pytest.mark.parametrize(
    ("cell", "segment"), [("consumer", "consumer"), ("BUSINESS", "business"), (" Consumer ", "consumer")]
)
def test_a_segment_is_known_in_any_case(cell, segment):
    assert BY_NAME["market_segment"].value(cell) == segment


def test_text_is_tidied_and_kept_as_text():
    name = BY_NAME["name"]

    assert name.value("  CircleConnect   Business \n 5G ") == "CircleConnect Business 5G"
    assert name.value("=1+1") == "=1+1"
    assert name.value("<b>Fibre</b> 日本 🛰") == "<b>Fibre</b> 日本 🛰"
    assert BY_NAME["sku"].value("\u200bABC-1\u2060") == "ABC-1"


@pytest.mark.parametrize("cell", ["a\x00b", "\x00", "a\x1b[31m", "\x7f", "x" * 201])
def test_control_characters_and_overlong_names_are_refused(cell):
    with pytest.raises(ValueError):
        BY_NAME["name"].value(cell)


@pytest.mark.parametrize("cell", ["", "-A", "A B", "A;B", "Ä1", "=A1", "A" * 65, "A\x00"])
def test_what_is_no_sku_is_refused(cell):
    with pytest.raises(ValueError):
        BY_NAME["sku"].value(cell)


def test_features_are_divided_by_bars():
    features = BY_NAME["features"]

    assert features.value("Uncapped| Free  WiFi router ||24/7 support|") == [
        "Uncapped",
        "Free WiFi router",
        "24/7 support",
    ]
    assert list(features.value(" ")) == []
    assert features.value("|") == []
    assert len(features.value("|".join(["a"] * 50))) == 50


@pytest.mark.parametrize("cell", ["|".join(["a"] * 51), "fine|" + "x" * 201])
def test_too_many_or_too_long_features_are_refused(cell):
    with pytest.raises(ValueError):
        BY_NAME["features"].value(cell)


@pytest.mark.parametrize(
    ("title", "name"),
    [
        ("SKU", "sku"),
        ("\ufeffsku ", "sku"),
        ("Service Type", "service_type"),
        ("category", "product_category"),
        ("Segment", "market_segment"),
        ("regular price", "price_incl_vat"),
        ("Promotion-Price", "promo_price_incl_vat"),
    ],
)
def test_titles_are_known_in_any_case_and_by_other_names(title, name):
    assert column_titled(title) == BY_NAME[name]


def test_a_price_without_vat_is_not_taken_for_one_with_it():
    assert column_titled("price_excl_vat") is None


def test_every_title_means_one_column():
    titles = [title for column in COLUMNS for title in (column.name, *column.aliases)]

    assert len(titles) == len(set(titles))


def test_the_manual_names_every_column_as_it_is():
    manual = (settings.BASE_DIR / "docs" / "importing.md").read_text(encoding="utf-8")
    lines = [line for line in manual.splitlines() if line.startswith("| `")]
    rows = [[cell.strip() for cell in line.split("|")] for line in lines]

    assert [tuple(row[1:4]) for row in rows] == [
        (
            f"`{column.name}`",
            ", ".join(f"`{alias}`" for alias in column.aliases),
            "yes" if column.required else "",
        )
        for column in COLUMNS
    ]
