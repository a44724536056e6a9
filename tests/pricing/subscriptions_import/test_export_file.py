"""Zoho Billing's export of subscriptions: what is understood of it, and what is refused by name."""

import io
from datetime import UTC, date, datetime
from decimal import Decimal

import openpyxl
import pytest

from pricing.subscriptions.export_file import DateOrder, UnreadableExport, open_export

TITLES = (
    "Subscription ID,Subscription Number,Customer ID,Customer Name,Email,Status,Plan Code,Plan Price,Quantity,Amount,"
    "Currency Code,Created Time,Next Billing Date"
)
ROW = (
    "583920000000064001,SUB-00001,583920000000051001,Thabo Mokoena,thabo@example.co.za,Live,HOME-100,799.00,1,799.00,"
    "ZAR,2026-03-14T09:30:00+0200,2027-04-01"
)


def a_file(*rows: str, titles: str = TITLES) -> bytes:
    return "\r\n".join((titles, *rows, "")).encode()


def taken(content: bytes, **asked):
    opened = open_export(content, **asked)
    rows = list(opened.rows())
    return rows, [str(each) for each in opened.refused]


def test_a_row_says_what_it_says():
    [row], refused = taken(a_file(ROW))

    assert refused == []
    assert (row.number, row.subscription_id, row.addons) == (2, "583920000000064001", None)
    assert row.values == {
        "subscription_id": "583920000000064001",
        "number": "SUB-00001",
        "customer_id": "583920000000051001",
        "customer_name": "Thabo Mokoena",
        "customer_email": "thabo@example.co.za",
        "status": "live",
        "plan_code": "HOME-100",
        "plan_price": Decimal("799.00"),
        "quantity": 1,
        "amount": Decimal("799.00"),
        "currency_code": "ZAR",
        "created_at": datetime(2026, 3, 14, 7, 30, tzinfo=UTC),
        "next_billing_on": date(2027, 4, 1),
    }


def a_workbook(*rows) -> bytes:
    book = openpyxl.Workbook()
    book.active.append(TITLES.split(","))
    for row in rows:
        book.active.append(row)
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


def test_a_workbook_says_the_same():
    cells = ROW.split(",")
    cells[7:10] = [799.0, 1, 799.0]
    cells[11:] = [datetime(2026, 3, 14, 9, 30), datetime(2027, 4, 1)]

    assert taken(a_workbook(cells))[0][0].values == taken(a_file(ROW))[0][0].values


def test_an_id_that_a_spreadsheet_turned_into_a_number_is_refused_with_how_to_export():
    cells = ROW.split(",")
    cells[0] = 583920000000064001
    why = (
        "a spreadsheet turned this id into a number and lost digits; export again and open the file in no spreadsheet in"
        " between, or import it there with this column as text"
    )

    assert taken(a_workbook(cells)) == ([], [f"row 2: Subscription ID is “5.83920000000064e+17”: {why}"])
    for spoilt in ("5.84E+17", "5,84E+17", "5.83920000000064e17"):
        assert taken(
            a_file(ROW.replace("583920000000064001", spoilt, 1).replace("5,84E+17", '"5,84E+17"'))
        ) == (
            [],
            [f"row 2: Subscription ID is “{spoilt}”: {why}"],
        )


@pytest.mark.parametrize(
    ("title", "as_written"),
    [
        ("Subscription ID", "subscription_id"),
        ("Next Billing Date", "NEXT BILLING  DATE"),
        ("Plan Code", "plan-code"),
    ],
)
def test_titles_are_compared_without_capitals_blanks_and_punctuation(title, as_written):
    rows, refused = taken(a_file(ROW, titles=TITLES.replace(title, as_written)))

    assert (len(rows), refused) == (1, [])


def test_a_title_nobody_knows_is_asked_for_and_can_be_mapped():
    content = a_file(ROW, titles=TITLES.replace("Plan Price", "Tarief"))

    asked = open_export(content)
    assert [each.name for each in asked.missing] == ["plan_price"]
    assert asked.unused == ["Tarief"]

    mapped = open_export(content, mapping={"plan_price": "Tarief"})
    assert mapped.missing == []
    assert next(iter(mapped.rows())).values["plan_price"] == Decimal("799.00")


def test_another_programs_export_lacks_nearly_everything():
    opened = open_export(b"Invoice,Client,Total\r\nINV-1,Thabo,799\r\n")

    assert [each.name for each in opened.missing] == [
        *("subscription_id", "customer_id", "status", "plan_code", "plan_price"),
        *("created_at", "next_billing_on"),
    ]


def dated(created: str, billing: str) -> str:
    return ROW.replace("2026-03-14T09:30:00+0200", created).replace("2027-04-01", billing)


@pytest.mark.parametrize(
    ("created", "billing", "order", "expected"),
    [
        ("14/03/2026", "01/04/2027", DateOrder.DAY_FIRST, date(2027, 4, 1)),
        ("03/14/2026 09:30 AM", "04/01/2027", DateOrder.MONTH_FIRST, date(2027, 4, 1)),
        ("14.03.2026", "1.4.2027", DateOrder.DAY_FIRST, date(2027, 4, 1)),
    ],
)
def test_dates_say_by_themselves_which_comes_first_where_one_of_them_does(created, billing, order, expected):
    opened = open_export(a_file(dated(created, billing)))

    assert (opened.date_order, opened.asks_for_date_order) == (order, False)
    assert next(iter(opened.rows())).values["next_billing_on"] == expected


def test_dates_that_can_be_read_both_ways_are_asked_for():
    content = a_file(dated("03/04/2026", "01/04/2027"))

    assert open_export(content).asks_for_date_order
    answers = {order: taken(content, date_order=order)[0][0].values["next_billing_on"] for order in DateOrder}
    assert answers == {DateOrder.DAY_FIRST: date(2027, 4, 1), DateOrder.MONTH_FIRST: date(2027, 1, 4)}


def test_dates_that_contradict_each_other_are_refused():
    with pytest.raises(UnreadableExport, match="one format of dates for the whole file"):
        open_export(a_file(dated("14/03/2026", "04/30/2027")))


@pytest.mark.parametrize(
    "written", ["01 Apr 2027", "1 April 2027", "Apr 1, 2027", "2027-04-01", "01-Apr-2027"]
)
def test_dates_with_the_name_of_the_month_need_no_answer(written):
    quoted = f'"{written}"'
    opened = open_export(a_file(dated("2026-03-14", quoted)))

    assert not opened.asks_for_date_order
    assert next(iter(opened.rows())).values["next_billing_on"] == date(2027, 4, 1)


@pytest.mark.parametrize("written", ["799", "R 799.00", '"R799,00"', "799.0"])
def test_amounts_with_blanks_and_commas(written):
    [row], _ = taken(a_file(ROW.replace("799.00", written)))

    assert (row.values["plan_price"], row.values["amount"]) == (Decimal("799.00"), Decimal("799.00"))


@pytest.mark.parametrize(
    ("was", "cell", "refusal"),
    [
        (
            "583920000000064001",
            "SUB-1",
            "row 2: Subscription ID is “SUB-1”: expected is an id of Zoho, digits only",
        ),
        ("583920000000064001", "", "row 2: Subscription ID is empty: expected is a value"),
        (
            "799.00,1",
            "$799.00,1",
            "row 2 (583920000000064001): Plan Price is “$799.00”: expected is an amount such as 799, 799.00 or R 1 299,00",
        ),
        (
            ",1,",
            ",1.5,",
            "row 2 (583920000000064001): Quantity is “1.5”: expected is a whole number of 1 or more",
        ),
        (
            "2027-04-01",
            "soon",
            "row 2 (583920000000064001): Next Billing Date is “soon”: expected is a date such as 2027-03-01 or 01 Mar 2027,"
            " with or without a time",
        ),
        ("HOME-100", "", "row 2 (583920000000064001): Plan Code is empty: expected is a value"),
    ],
)
def test_a_cell_that_cannot_be_right_refuses_its_row_by_name(was, cell, refusal):
    good = ROW.replace("064001", "064002")

    rows, refused = taken(a_file(ROW.replace(was, cell, 1), good))

    assert [row.subscription_id for row in rows] == ["583920000000064002"]
    assert refused == [refusal]


def test_one_that_stands_there_twice_is_taken_once_and_named():
    rows, refused = taken(a_file(ROW, ROW))

    assert len(rows) == 1
    assert refused == ["row 3 (583920000000064001): stands in the file a second time: each one once"]


def test_a_row_for_each_add_on_is_one_subscription():
    titles = f"{TITLES},Addon Code,Addon Price,Addon Quantity"
    other = ROW.replace("064001", "064002")

    rows, refused = taken(
        a_file(f"{ROW},STATIC-IP,50.00,2", f"{ROW},VOICE,99.00,", f"{other},,,", titles=titles)
    )

    assert refused == []
    assert [row.addons for row in rows] == [
        [
            {"code": "STATIC-IP", "price": "50.00", "quantity": 2},
            {"code": "VOICE", "price": "99.00", "quantity": 1},
        ],
        [],
    ]


def test_a_column_that_stands_there_twice_is_asked_about():
    with pytest.raises(UnreadableExport, match="the column “Status” stands there twice"):
        open_export(a_file(f"{ROW},x", titles=f"{TITLES},Status"))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "the file is empty"),
        (b"\r\n\r\n", "the file is empty"),
        (TITLES.encode("utf-16"), "no text in UTF-8"),
        (b"PK\x03\x04nothing", "the file is damaged"),
        (f'{TITLES}\r\n"open'.encode(), "cannot be read as CSV"),
    ],
)
def test_what_is_no_export_is_refused(content, words):
    with pytest.raises(UnreadableExport, match=words):
        list(open_export(content).rows())


def test_cells_with_semicolons_and_a_mark_of_utf_8():
    content = "\ufeff".encode() + a_file(ROW).replace(b",", b";")

    assert len(taken(content)[0]) == 1
