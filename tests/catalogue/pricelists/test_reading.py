"""From a workbook to deals: what they say, and why others are refused."""

import io
from datetime import date, datetime

import openpyxl
import pytest

from catalogue.models import ColumnMapping, MappedColumn
from catalogue.pricelists.tables import UnreadableWorkbook
from tests.catalogue.pricelists.workbooks import TITLES, deal, mtn_workbook, read, read_all, workbook

pytestmark = pytest.mark.django_db


def reasons(**values):
    (only,) = read(mtn_workbook(deal(**values)))
    return only.reasons


def content(**values):
    (only,) = read(mtn_workbook(deal(**values)))
    assert only.reasons == []
    return only.content


def test_a_deal_says_everything_about_its_product():
    (only,) = read(
        mtn_workbook(
            deal(
                deal_id="202509EBU5621",
                device="Apple iPhone Air (512GB)",
                freebie="Apple Watch SE",
                plan="My MTN Sky Silver",
                incl=3069,
                months=36,
                minutes="4500min",
                sms="2000sms",
                sms_bundle="500sms",
                data="0.0GB + 1TB",
                stock="Out of Stock",
            )
        )
    )

    assert only.content == {
        "sku": "202509EBU5621",
        "market_segment": "business",
        "provider": "MTN",
        "name": "My MTN Sky Silver + Apple Watch SE",
        "service_type": "MTN Business",
        "category": "mobile_business",
        "technology": "",
        "contract_months": 36,
        "pricing.regular_price": "3069.00",
        "hardware.model": "Apple iPhone Air (512GB)",
        "hardware.included": True,
        "hardware.retail_value": None,
        "data_limit": "1TB",
        "features": ["4 500 minutes", "2 500 SMS", "Free: Apple Watch SE", "Free SIM card"],
        "valid_from": "2025-03-31T22:00:00Z",
        "valid_to": "2025-11-07T22:00:00Z",
    }
    assert (only.deal_id, only.sheet, only.number) == ("202509EBU5621", "Sheet1", 2)
    assert only.values["stock"] == "Device: Out of Stock"
    assert only.values["details"] == {"Device Status": "CTB"}


def test_your_own_device_is_no_device_and_a_pay_in_is_its_price():
    assert content()["hardware.model"] is None
    paid = content(device="Huawei Nova Y73", pay_in="R1,299.00")
    assert (paid["hardware.included"], paid["hardware.retail_value"]) == (False, "1299.00")


@pytest.mark.parametrize(
    ("incl", "price"), [("R1,299.00", "1299.00"), ("1 299,00", "1299.00"), (264.99999999999994, "265.00")]
)
def test_a_price_may_be_text_or_noisy_where_nobody_can_doubt_it(incl, price):
    assert content(incl=incl, excl=None)["pricing.regular_price"] == price


def test_a_price_without_vat_gets_its_vat_and_the_markup_comes_on_top():
    (only,) = read(mtn_workbook(deal(incl=None, excl=520.87)), markup="10")

    assert str(only.listed_after) == "599.00"
    assert only.content["pricing.regular_price"] == "658.90"


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        (
            {"incl": 599.0, "excl": 600.0},
            "the prices contradict each other: “Total Subscription Ex Vat” R\u00a0600,00 with 15.00 % VAT is R\u00a0690,00,"
            " but “Total Subscription Incl Vat” says R\u00a0599,00; one of them is wrong",
        ),
        (
            {"incl": 520.87, "excl": 599.0},
            "the prices contradict each other: “Total Subscription Ex Vat” R\u00a0599,00 with 15.00 % VAT is R\u00a0688,85,"
            " but “Total Subscription Incl Vat” says R\u00a0520,87; are the two columns swapped?",
        ),
        (
            {"incl": None, "excl": None},
            "no price: the cells are empty (“Total Subscription Incl Vat” and “Total Subscription Ex Vat”)",
        ),
        (
            {"incl": 0, "excl": 0},
            "no price: it is 0 (“Total Subscription Incl Vat” and “Total Subscription Ex Vat”)",
        ),
        (
            {"incl": "1.299", "excl": None},
            "Total Subscription Incl Vat: “1.299”, expected an amount in rand, such as 1299 or R1,299.00",
        ),
        (
            {"incl": -5.0, "excl": None},
            "Total Subscription Incl Vat: “-5”, expected an amount in rand, such as 1299 or R1,299.00; at least 0 and at"
            " most 99999999.99",
        ),
        (
            {"incl": 598.995},
            "Total Subscription Incl Vat: “598.995”, expected an amount in rand, such as 1299 or R1,299.00, with at most"
            " two decimals",
        ),
        (
            {"months": 0},
            "Contract Term: “0”, expected a contract term in whole months, from 1 to 120",
        ),
        (
            {"months": 12.5},
            "Contract Term: “12.5”, expected a contract term in whole months, from 1 to 120",
        ),
        ({"deal_id": None}, "Deal ID: empty, expected the deal id"),
        ({"plan": "None"}, "Price Plan: empty, expected the name of the deal"),
        (
            {"device": "TBC"},
            "OEM and Device: unknown device “TBC”, expected the name of the device, or “Use Your Own”",
        ),
        (
            {"device": None},
            "OEM and Device: unknown device “”, expected the name of the device, or “Use Your Own”",
        ),
        (
            {"pay_in": 99.0},
            "Once-off Pay-in (incl VAT): R\u00a099,00 is to be paid in, but there is no device (“Use Your Own”)",
        ),
        (
            {"pay_in": None},
            "Once-off Pay-in (incl VAT): empty, expected an amount in rand, 0 when nothing is paid in",
        ),
        (
            {"ends": date(2025, 3, 31)},
            "Promo End date (mm/dd/yyyy): 31 March 2025 lies before Promo Start date (mm/dd/yyyy), 1 April 2025:"
            " the dates are in the wrong order",
        ),
        (
            {"begins": "02/30/2025"},
            "Promo Start date (mm/dd/yyyy): “02/30/2025”, expected a date such as 2025-11-07",
        ),
        (
            {"begins": "01/02/25"},
            "Promo Start date (mm/dd/yyyy): “01/02/25”, expected a date such as 2025-11-07",
        ),
        (
            {"begins": 45689.0},
            "Promo Start date (mm/dd/yyyy): “45689”, expected a date such as 2025-11-07, not a number: format the cell"
            " as a date",
        ),
    ],
)  # fmt: skip
def test_a_deal_is_refused_by_name(values, reason):
    assert reasons(**values) == [reason]


def test_a_cent_apart_is_no_contradiction_and_more_is():
    assert reasons(incl=599.0, excl=520.86) == [
        "the prices contradict each other: “Total Subscription Ex Vat” R\u00a0520,86 with 15.00 % VAT is R\u00a0598,99,"
        " but “Total Subscription Incl Vat” says R\u00a0599,00; one of them is wrong"
    ]
    assert reasons(incl=599.0, excl=520.87) == []
    assert reasons(incl=599.0, excl=520.862) == []


def test_every_reason_of_a_row_comes_at_once():
    assert len(reasons(deal_id=None, device="?", months="soon", begins="someday", incl=None, excl=None)) == 5


def test_numbers_as_text_are_refused_where_the_mapping_says_so():
    ColumnMapping.objects.update(refuse_text_numbers=True)

    assert reasons(incl="R599.00", months="24") == [
        "Contract Term: “24”, expected a contract term in whole months, from 1 to 120, as a number and not as text",
        "Total Subscription Incl Vat: “R599.00”, expected an amount in rand, such as 1299 or R1,299.00, as a number"
        " and not as text",
    ]


@pytest.mark.parametrize("typed", ["04/01/2025", "2025-04-01", "1 April 2025", datetime(2025, 4, 1)])
def test_a_typed_date_is_read_in_the_order_of_the_mapping(typed):
    assert content(begins=typed)["valid_from"] == "2025-03-31T22:00:00Z"


def test_a_column_with_dates_in_both_orders_leaves_no_doubtful_date_standing():
    doubtful, day_first, month_first, same = read(
        mtn_workbook(
            deal(deal_id="A", begins="02/01/2025"),
            deal(deal_id="B", begins="25/01/2025"),
            deal(deal_id="C", begins="01/25/2025"),
            deal(deal_id="D", begins="03/03/2025"),
        )
    )

    assert doubtful.reasons == [
        "Promo Start date (mm/dd/yyyy): “02/01/2025” may be 2 January 2025 or 1 February 2025: the column writes dates"
        " in both orders (row 3 has “25/01/2025”); format the cell as a date"
    ]
    assert day_first.content["valid_from"] == month_first.content["valid_from"] == "2025-01-24T22:00:00Z"
    assert same.content["valid_from"] == "2025-03-02T22:00:00Z"


def test_of_duplicated_deals_none_counts():
    first, other, again = read(
        mtn_workbook(
            deal(deal_id="EBU1"), deal(deal_id="EBU2", plan="Other"), deal(deal_id="ebu1", incl=699.0)
        )
    )

    assert first.reasons == ["duplicate deal: EBU1 stands also in row 4; leave one of them"]
    assert again.reasons == ["duplicate deal: ebu1 stands also in row 2; leave one of them"]
    assert other.reasons == []


def test_deals_of_one_name_are_told_apart_by_their_id():
    names = [
        one.content["name"]
        for one in read(mtn_workbook(deal(deal_id="A"), deal(deal_id="B"), deal(deal_id="C", months=12)))
    ]

    assert names == [
        "MTN Business 5G FWA 500GB (A)",
        "MTN Business 5G FWA 500GB (B)",
        "MTN Business 5G FWA 500GB",
    ]


def test_titles_are_known_by_their_letters_wherever_they_stand():
    titles = {name: f" {title.upper()} " for name, title in reversed(TITLES.items())}

    (only,) = read(mtn_workbook(deal(), titles=titles, above=3))

    assert (only.deal_id, only.number, only.reasons) == ("202504EBU1603", 5, [])


def test_a_renamed_column_is_named():
    titles = TITLES | {"incl": "Subscription with VAT"}

    with pytest.raises(UnreadableWorkbook) as refused:
        read(mtn_workbook(deal(), titles=titles))

    assert str(refused.value) == (
        "no price table was found in the workbook: sheet “Sheet1”, row 1 looks like the titles of “Business promotions”,"
        " but “Total Subscription Incl Vat” is missing: mend the title there or in the mapping"
    )


def test_an_edited_mapping_knows_the_new_title():
    MappedColumn.objects.filter(title="Total Subscription Incl Vat").update(
        title="Total Subscription Incl Vat | Subscription with VAT"
    )

    (only,) = read(mtn_workbook(deal(), titles=TITLES | {"incl": "Subscription with VAT"}))

    assert only.reasons == []


def test_a_column_that_stands_twice_is_refused():
    rows = [[*TITLES.values(), "Deal ID"], [*deal().values(), "other"]]

    with pytest.raises(UnreadableWorkbook, match="the column “Deal ID” stands there twice"):
        read(workbook({"Sheet1": rows}))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "the file is empty"),
        (b"Deal ID,Price\n", "cannot be read as a workbook"),
        (b"PK\x03\x04x", "damaged"),
    ],
)
def test_what_is_no_workbook_is_refused(content, words):
    with pytest.raises(UnreadableWorkbook, match=words):
        read(content)


@pytest.mark.parametrize(
    ("place", "altered"),
    [
        (6, b"\x40\x00"),  # the version of zip it needs: 6.4
        (8, b"\x00\x08"),  # its names are UTF-8, says this, and the first below is not
    ],
)
def test_a_workbook_with_altered_bytes_is_damaged(place, altered):
    good = mtn_workbook(deal())
    entry = good.index(b"PK\x01\x02")
    bad = bytearray(good)
    bad[entry + place : entry + place + 2] = altered
    bad[entry + 46] = 0xFF

    assert len(read(good)) == 1
    with pytest.raises(UnreadableWorkbook, match="the file is damaged"):
        read(bytes(bad))


def test_a_workbook_that_would_fill_the_memory_is_not_unpacked(monkeypatch):
    monkeypatch.setattr("catalogue.pricelists.tables.LARGEST_UNPACKED_MB", 0)

    with pytest.raises(UnreadableWorkbook, match="at most 0 MB are read"):
        read(mtn_workbook(deal()))


def with_a_cell_at(row, column):
    book = openpyxl.load_workbook(io.BytesIO(mtn_workbook(deal())))
    book.active.cell(row, column).value = "stray"
    written = io.BytesIO()
    book.save(written)
    return written.getvalue()


def test_a_cell_in_the_last_corner_is_refused_and_ends_nothing_but_the_reader():
    with pytest.raises(UnreadableWorkbook, match="more than 1000 MB: delete the empty columns and rows"):
        read(with_a_cell_at(1_048_576, 16_384))


def test_a_cell_far_down_costs_no_deal():
    deals, _found = read_all(with_a_cell_at(400_000, 2))

    assert [(one.deal_id, one.number) for one in deals if not one.reasons] == [("202504EBU1603", 2)]
    assert [(one.number, bool(one.reasons)) for one in deals] == [(2, False), (400_000, True)]


def test_a_reader_that_ends_early_is_no_end_of_the_list(monkeypatch):
    monkeypatch.setattr("catalogue.pricelists.tables.LARGEST_READER_MB", 1)

    with pytest.raises(UnreadableWorkbook, match="takes more than 1 MB"):
        read(mtn_workbook(deal()))


WIRELESS = ["Package", "Regular Price (incl. VAT)", "Regular Price (ex. VAT)", "Promo Price (incl. VAT)",
            "Installation Revenue (upfront)", "Speeds"]  # fmt: skip
FIVE_G = ["Package", "Regular Price (ex. VAT)", "Regular Price (incl. VAT)", "Speed", "Contract Term (months)",
          "Deal ID", "OEM and Device"]  # fmt: skip


def test_several_tables_on_a_sheet_are_each_read_by_their_own_mapping():
    deals, found = read_all(
        workbook(
            {
                "Packages": [
                    ["Uncapped wireless"],
                    [],
                    WIRELESS,
                    ["Home Lite 50", 899.0, 899 / 1.15, 799.0, "R900 upfront", "50/20 Mbps"],
                    [],
                    ["Contract Length", "Home Lite"],
                    ["12 months", "R450 (50% off)"],
                    FIVE_G,
                    ["5G Best Effort", 949 / 1.15, 949.0, "", 24.0, "EBU2014", "Tozed ZLT X20*"],
                    FIVE_G,
                    ["LTE 15GB", 179 / 1.15, 179.0, "35 Mbps", 1.0, "EBU9011", "Use Your Own"],
                ]
            }
        ),
        "circletel",
    )

    assert [(one.number, one.content["sku"], one.content["pricing.regular_price"]) for one in deals] == [
        (4, "HOME-LITE-50-1M", "899.00"),
        (9, "EBU2014", "949.00"),
        (11, "EBU9011", "179.00"),
    ]
    wireless, best_effort, lte = (one.content for one in deals)
    assert wireless["pricing.promotion_price"] == "799.00"
    assert wireless["pricing.installation_fee"] == "900.00"
    assert (wireless["speed_down_mbps"], wireless["speed_up_mbps"]) == (50, 20)
    assert best_effort["hardware.model"] == "Tozed ZLT X20"
    assert "speed_down_mbps" not in best_effort
    assert lte["speed_down_mbps"] == 35
    assert found.remarks == ["sheet “Packages”: 3 rows outside of any known table, not read"]
