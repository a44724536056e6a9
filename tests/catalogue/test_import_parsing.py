"""From bytes to rows and errors. No database."""

from decimal import Decimal

import pytest

from catalogue.demo import SAMPLE_CATALOGUE
from catalogue.product_import.columns import BY_NAME, COLUMNS
from catalogue.product_import.parsing import RowError, fit_to_show, parse

HEADER = "sku,name,service_type,product_category,market_segment,provider,price_incl_vat,contract_months"
HOME_FIBRE = "FIBRE-1,Home Fibre 100,HomeFibre,home_fibre,consumer,DFA,799,12"
OPTIONAL = {
    "promo_price_incl_vat": "",
    "promo_months": "",
    "installation_fee_incl_vat": "",
    "speed_down_mbps": "",
    "hardware_model": "",
    "hardware_included": "",
    "features": "",
}


def file(*lines: str, header: str = HEADER) -> bytes:
    return "\n".join([header, *lines]).encode()


def one_row(**cells: str) -> bytes:
    """Home Fibre 100 with every column, and these cells instead."""
    plain = dict(zip(HEADER.split(","), HOME_FIBRE.split(","), strict=True)) | OPTIONAL | cells
    quoted = ",".join('"' + cell.replace('"', '""') + '"' for cell in plain.values())
    return file(quoted, header=",".join(plain))


def errors(data: bytes) -> list[tuple[int | None, str, str]]:
    return [(error.row, error.column, error.value) for error in parse(data).errors]


def test_the_sample_catalogue_is_64_good_rows_with_its_own_columns():
    sample = parse(SAMPLE_CATALOGUE.read_bytes())

    assert sample.errors == []
    assert len(sample.rows) == 64
    assert [column.name for column in sample.columns] == list(BY_NAME)[:18]
    assert sample.rows[3].number == 5
    assert sample.rows[3].values == {
        "sku": "SKYFIBRE-HOME-LITE-50-24M",
        "name": "SkyFibre Home Lite 50",
        "service_type": "SkyFibre",
        "product_category": "fixed_wireless_residential",
        "market_segment": "consumer",
        "provider": "MTN",
        "technology": "fixed-wireless",
        "speed_down_mbps": 50,
        "speed_up_mbps": 20,
        "data_limit": "Unlimited",
        "price_incl_vat": Decimal("899.00"),
        "promo_price_incl_vat": Decimal("799.00"),
        "promo_months": None,
        "installation_fee_incl_vat": Decimal("0.00"),
        "contract_months": 24,
        "hardware_model": "Reyee RG-EW1300G",
        "hardware_included": True,
        "features": ["Uncapped", "Free WiFi router", "24/7 technical support"],
    }


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("bom", [b"", b"\xef\xbb\xbf"])
def test_comma_semicolon_and_tab_are_read_with_any_line_end(delimiter, line_end, bom):
    cells = [
        "FIBRE-1",
        '"Fibre, fast; very"',
        "HomeFibre",
        "home_fibre",
        "consumer",
        "DFA",
        "R 1 299.00",
        "12",
    ]
    data = line_end.join(delimiter.join(row) for row in [HEADER.split(","), cells, [""]])

    parsed = parse(bom + data.encode())

    assert parsed.errors == []
    assert parsed.rows[0].values["name"] == "Fibre, fast; very"
    assert parsed.rows[0].values["price_incl_vat"] == Decimal("1299.00")


def test_the_delimiter_is_the_headers_and_not_the_most_frequent_one():
    header = HEADER.replace(",", ";") + ";features"
    row = HOME_FIBRE.replace(",", ";").replace("799", "1 299,00") + ";a,b,c,d,e,f,g,h,i,j,k"

    parsed = parse(file(row, header=header))

    assert parsed.errors == []
    assert parsed.rows[0].values["features"] == ["a,b,c,d,e,f,g,h,i,j,k"]


def test_titles_may_be_written_otherwise_and_stand_in_any_order():
    header = " Contract_Months ,SKU,Category,NAME,Service Type,segment,Provider,Regular Price"

    parsed = parse(file("12,FIBRE-1,home_fibre,Home Fibre 100,HomeFibre,Consumer,DFA,799", header=header))

    assert parsed.errors == []
    assert parsed.rows[0].values["product_category"] == "home_fibre"
    assert parsed.rows[0].values["contract_months"] == 12


def test_an_optional_column_that_is_missing_is_no_value_at_all():
    parsed = parse(file(HOME_FIBRE))

    assert parsed.errors == []
    assert set(parsed.rows[0].values) == set(HEADER.split(","))


@pytest.mark.parametrize("missing", [column.name for column in COLUMNS if column.required])
def test_a_missing_required_column_is_named(missing):
    kept = [name for name in HEADER.split(",") if name != missing]

    parsed = parse(file("a,b,c,d,e,f,g", header=",".join(kept)))

    assert parsed.rows == []
    assert [(error.row, error.column) for error in parsed.errors] == [(1, missing)]
    assert parsed.errors[0].expected.startswith("a column of this name")


def test_a_misspelt_column_is_an_error_that_names_what_is_near():
    parsed = parse(file(HOME_FIBRE + ",1", header=HEADER + ",promo_prize_incl_vat"))

    assert [(error.row, error.column, error.value) for error in parsed.errors] == [
        (1, "column 9", "promo_prize_incl_vat")
    ]
    assert parsed.errors[0].expected.startswith("promo_price_incl_vat, perhaps; one of sku, name,")


def test_a_column_without_a_title_is_an_error():
    assert errors(file(HOME_FIBRE, header=HEADER.replace("name", " "))) == [
        (1, "column 2", ""),
        (1, "name", ""),
    ]


@pytest.mark.parametrize("again", ["sku", "SKU", "price", "category"])
def test_a_repeated_column_is_an_error_also_under_its_other_name(again):
    found = errors(file(HOME_FIBRE + ",x", header=f"{HEADER},{again}"))

    assert [(row, value) for row, _column, value in found] == [(1, again)]


def test_a_file_of_something_else_is_refused_by_its_header():
    found = errors(b"id,customer,total\n1,Ms Naidoo,100\n")

    assert [column for _row, column, _value in found] == [
        "column 1",
        "column 2",
        "column 3",
        *HEADER.split(","),
    ]


@pytest.mark.parametrize(
    ("cells", "column", "value", "expected"),
    [
        ({"sku": ""}, "sku", "", "at most 64 letters"),
        ({"sku": "A B"}, "sku", "A B", "at most 64 letters"),
        ({"name": " "}, "name", "", "text of at most 200 characters"),
        ({"name": "x" * 201}, "name", "x" * 59 + "…", "text of at most 200 characters"),
        ({"name": "a\x00b"}, "name", "a b", "text of at most 200 characters"),
        ({"service_type": ""}, "service_type", "", "text of at most 60 characters"),
        ({"product_category": ""}, "product_category", "", "text of at most 60 characters"),
        ({"market_segment": "retail"}, "market_segment", "retail", "consumer or business"),
        ({"market_segment": ""}, "market_segment", "", "consumer or business"),
        ({"provider": "x" * 61}, "provider", "x" * 59 + "…", "text of at most 60 characters"),
        ({"price_incl_vat": "abc"}, "price_incl_vat", "abc", "an amount in rand with VAT, such as 1299"),
        ({"price_incl_vat": ""}, "price_incl_vat", "", "an amount in rand with VAT, such as 1299"),
        ({"price_incl_vat": "-5"}, "price_incl_vat", "-5", "an amount in rand with VAT, such as 1299"),
        ({"price_incl_vat": "0"}, "price_incl_vat", "0", "an amount in rand with VAT, such as 1299"),
        ({"promo_price_incl_vat": "free"}, "promo_price_incl_vat", "free", "an amount in rand with VAT"),
        (
            {"promo_price_incl_vat": "799"},
            "promo_price_incl_vat",
            "799.00",
            "an amount below the regular price, 799.00",
        ),
        (
            {"promo_price_incl_vat": "R 900"},
            "promo_price_incl_vat",
            "900.00",
            "an amount below the regular price, 799.00",
        ),
        ({"promo_months": "3"}, "promo_months", "3", "to be empty, for there is no promo_price_incl_vat"),
        ({"promo_months": "0", "promo_price_incl_vat": "1"}, "promo_months", "0", "a whole number of months"),
        (
            {"installation_fee_incl_vat": "-1"},
            "installation_fee_incl_vat",
            "-1",
            "an amount in rand with VAT",
        ),
        (
            {"installation_fee_incl_vat": "100", "discounted_installation_fee_incl_vat": "100.01"},
            "discounted_installation_fee_incl_vat",
            "100.01",
            "an amount not above the installation fee, 100.00",
        ),
        (
            {"discounted_installation_fee_incl_vat": "0"},
            "discounted_installation_fee_incl_vat",
            "0.00",
            "to be empty, for there is no installation fee",
        ),
        ({"installation_days": "0"}, "installation_days", "0", "a whole number of days from 1 to 365"),
        ({"zones": "x" * 61}, "zones", "x" * 59 + "…", "at most 50 zones of at most 60 characters"),
        ({"popular": "perhaps"}, "popular", "perhaps", "yes or no"),
        ({"contract_months": "121"}, "contract_months", "121", "a whole number of months from 1 to 120"),
        ({"contract_months": ""}, "contract_months", "", "a whole number of months from 1 to 120"),
        ({"speed_down_mbps": "fast"}, "speed_down_mbps", "fast", "whole Mbit/s of 1 or more"),
        ({"hardware_included": "yes"}, "hardware_model", "", "a device, for hardware_included says yes"),
        ({"hardware_included": "perhaps"}, "hardware_included", "perhaps", "yes or no"),
        ({"features": "x" * 201}, "features", "x" * 59 + "…", "at most 50 features"),
    ],
)
def test_a_bad_cell_is_named_with_row_column_value_and_what_is_expected(cells, column, value, expected):
    parsed = parse(one_row(**cells))

    assert parsed.rows == []
    (error,) = parsed.errors
    assert (error.row, error.column, error.value) == (2, column, value)
    assert error.expected.startswith(expected)


def test_every_error_of_every_row_is_found_at_once():
    found = errors(
        file(
            HOME_FIBRE,
            ",,HomeFibre,home_fibre,retail,DFA,abc,0",
            HOME_FIBRE.replace("FIBRE-1", "FIBRE-2"),
            HOME_FIBRE.replace("FIBRE-1", "FIBRE-3").replace("799", "-1"),
        )
    )

    assert found == [
        (3, "sku", ""),
        (3, "name", ""),
        (3, "market_segment", "retail"),
        (3, "price_incl_vat", "abc"),
        (3, "contract_months", "0"),
        (5, "price_incl_vat", "-1"),
    ]


def test_an_error_reads_as_a_sentence():
    (error,) = parse(one_row(market_segment="retail")).errors
    (missing,) = parse(one_row(market_segment="")).errors

    assert str(error) == "row 2, market_segment: “retail”, expected consumer or business"
    assert str(missing) == "row 2, market_segment: empty, expected consumer or business"


def test_a_sku_twice_in_the_file_names_both_rows():
    twice = HOME_FIBRE.replace("FIBRE-1", "fibre-1").replace("DFA", "dfa")

    (error,) = parse(file(HOME_FIBRE, HOME_FIBRE.replace("FIBRE-1", "FIBRE-2"), twice)).errors

    assert error == RowError(
        4, "sku", "fibre-1", "each SKU once per segment and provider, but row 2 has the same"
    )


def test_a_sku_twice_is_found_although_another_cell_of_the_row_is_bad():
    found = errors(file(HOME_FIBRE, HOME_FIBRE.replace("799", "abc")))

    assert found == [(3, "price_incl_vat", "abc"), (3, "sku", "FIBRE-1")]


def test_one_sku_may_be_sold_in_two_segments_and_by_two_providers():
    parsed = parse(
        file(HOME_FIBRE, HOME_FIBRE.replace("consumer", "business"), HOME_FIBRE.replace("DFA", "MTN"))
    )

    assert parsed.errors == []
    assert len({row.key for row in parsed.rows}) == 3


def test_rows_are_numbered_as_a_spreadsheet_numbers_them():
    found = errors(
        file(
            '"FIBRE-1","Home\nFibre\r\n100",HomeFibre,home_fibre,consumer,DFA,799,12',
            "",
            " , ,,,,,,",
            HOME_FIBRE.replace("FIBRE-1", "FIBRE-2").replace("799", "abc"),
        )
    )

    assert found == [(5, "price_incl_vat", "abc")]


def test_blank_rows_above_the_header_are_counted():
    assert errors(b"\n\n" + file(HOME_FIBRE.replace("799", "abc"))) == [(4, "price_incl_vat", "abc")]


def test_a_row_with_a_cell_too_many_or_too_few_is_refused():
    found = errors(
        file(
            HOME_FIBRE + ",extra",
            HOME_FIBRE.replace(",12", ""),
            HOME_FIBRE.replace("FIBRE-1", "FIBRE-2") + ",,",
        )
    )

    assert found == [(2, "", "9 cells"), (3, "", "7 cells")]


def test_empty_cells_at_the_end_of_the_header_and_of_rows_are_what_spreadsheets_do():
    parsed = parse(file(HOME_FIBRE + ",,", header=HEADER + ",,"))

    assert parsed.errors == []
    assert len(parsed.rows) == 1


@pytest.mark.parametrize("data", [b"", b"\n\n", b" \t\n", b"\xef\xbb\xbf", b"\xef\xbb\xbf\r\n"])
def test_an_empty_file_is_told_what_it_lacks(data):
    (error,) = parse(data).errors

    assert error.row is None
    assert error.expected.startswith("a header row with sku, name, service_type,")


@pytest.mark.parametrize("end", ["", "\n", "\n\n,,,,,,,\n"])
def test_a_header_alone_is_told_what_it_lacks(end):
    assert parse((HEADER + end).encode()).errors == [
        RowError(None, "", "", "at least one row below the header")
    ]


def test_latin_1_is_refused_with_the_place_and_the_way_out():
    data = file(HOME_FIBRE, HOME_FIBRE.replace("FIBRE-1,Home", "FIBRE-2,Café")).decode().encode("latin-1")

    (error,) = parse(data).errors

    at = data.index(b"\xe9")
    assert error.row == 3
    assert error.value == f"byte 0xE9 at position {at + 1} of the file"
    assert "UTF-8" in error.expected
    assert "Save As" in error.expected


def test_behind_a_bom_the_place_of_a_bad_byte_is_still_counted_from_the_start_of_the_file():
    data = b"\xef\xbb\xbf" + HEADER.encode() + b"\n\xff"

    (error,) = parse(data).errors

    assert error.value == f"byte 0xFF at position {len(data)} of the file"
    assert error.row == 2


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_utf_16_is_called_by_its_name(encoding):
    (error,) = parse(file(HOME_FIBRE).decode().encode(encoding)).errors

    assert error.value == "text in UTF-16 (“Unicode text”)"
    assert error.row is None


@pytest.mark.parametrize("beginning", [b"PK\x03\x04rest", b"\xd0\xcf\x11\xe0rest"])
def test_a_workbook_is_called_by_its_name(beginning):
    (error,) = parse(beginning).errors

    assert error.value == "an Excel workbook"
    assert error.expected.startswith("a CSV file. In Excel: File, Save As")


def test_a_file_too_large_is_refused_before_it_is_read():
    (error,) = parse(b"x" * (25 * 1024 * 1024 + 1)).errors

    assert error.expected == "at most 25 MB; divide the file and import its parts"


def test_a_quotation_mark_left_open_is_an_error_beside_those_before_it():
    found = parse(
        file(HOME_FIBRE.replace("799", "abc"), HOME_FIBRE.replace("Home", '"Home'), HOME_FIBRE)
    ).errors

    assert [(error.row, error.column) for error in found] == [(2, "price_incl_vat"), (3, "")]
    assert found[1].expected.startswith("quotation marks")


def test_an_endless_cell_is_an_error():
    (error,) = parse(file(HOME_FIBRE.replace("Home", "x" * 200_000))).errors

    assert error.row == 2
    assert error.expected.startswith("cells of at most 131072 characters")


def test_a_shown_value_cannot_steer_a_terminal_or_fill_a_screen():
    assert fit_to_show("\x1b[31mred\nnext\u202e") == " [31mred next "
    assert fit_to_show("x" * 1000) == "x" * 59 + "…"
