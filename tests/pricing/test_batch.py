"""Many drafts at once: rounding, files, and all or nothing."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalogue.models import ServicePackage
from circletel.core.errors import NotAllowed, NotReady
from circletel.core.models import AuditEntry
from pricing import batch
from pricing.batch import adjusted
from pricing.models import PriceChange
from tests.factories import live_package, mr_botha
from tests.pricing.people import FIRST_OF_MAY, drafted, ms_khumalo

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("price", "percent", "ending", "expected"),
    [
        ("799.00", "6", 9, "849.00"),  # 846.94
        ("899.00", "6", 9, "949.00"),  # 952.94
        ("1299.00", "6", 9, "1379.00"),  # 1376.94
        ("100.00", "4", 9, "109.00"),  # 104.00 lies between 99 and 109; 99 would be a decrease
        ("799.00", "1", 9, "809.00"),  # 806.99
        ("799.00", "0.1", 9, "809.00"),  # 799.80 would round to the old price
        ("799.00", "-6", 9, "749.00"),  # 751.06
        ("799.00", "-0.1", 9, "789.00"),
        ("799.00", "6", None, "846.94"),
        ("799.99", "6.25", None, "849.99"),
        ("794.00", "0.13", 5, "795.00"),
        ("5.00", "-50", 9, "-1.00"),
    ],
)
def test_prices_are_rounded_to_the_ending(price, percent, ending, expected):
    assert str(adjusted(Decimal(price), Decimal(percent), ending)) == expected


@given(st.integers(1, 500_000), st.integers(-9000, 30_000).filter(bool), st.integers(0, 9))
def test_rounding_goes_the_way_of_the_percentage_and_never_far(cents, hundredths, ending):
    price, percent = Decimal(cents) / 100, Decimal(hundredths) / 100

    rounded = adjusted(price, percent, ending)

    assert rounded % 10 == ending or rounded < 0
    assert (rounded - price) * percent > 0
    assert abs(rounded - price * (1 + percent / 100)) <= 10


def test_a_selection_is_planned_with_its_problems_in_two_queries(django_assert_num_queries):
    easy = live_package(name="Easy", regular_price="799.00")
    taken = live_package(name="Taken", regular_price="899.00")
    drafted(taken, new_price="950.00")

    with django_assert_num_queries(2):
        planned = batch.plan_adjustment(ServicePackage.objects.order_by("name"), Decimal(6), 9)

    assert [(row.package, str(row.new_price), str(row.new_price - row.package.price), str(row.percentage)) for row in planned] == [
        (easy, "849.00", "50.00", "6.26"), (taken, "949.00", "50.00", "5.56"),
    ]  # fmt: skip
    assert planned[0].problem == ""
    assert "has an open price change already" in planned[1].problem


def test_a_file_is_read_by_sku_and_by_segment_where_needed():
    home = live_package(sku="FIBRE/100", regular_price="799.00")
    consumer = live_package(sku="LTE", regular_price="399.00")
    business = live_package(sku="LTE", market_segment="business", regular_price="499.00")

    rows, errors = batch.read_file(
        "\ufeffSKU;Market segment;New price\r\nfibre/100;;R 849,00\r\n\r\nLTE;business;549.00\r\n".encode()
    )

    assert errors == []
    assert [(package, str(price)) for package, price in rows] == [(home, "849.00"), (business, "549.00")]
    assert consumer not in dict(rows)


def test_everything_wrong_with_a_file_is_told_at_once():
    live_package(sku="A")
    live_package(sku="B")
    live_package(sku="B", provider="MTN")

    rows, errors = batch.read_file(b"sku,new_price\nnone,10\nB,10\nA,cheap\nA,0\nA,5\nA,6\n")

    assert rows == []
    assert [str(error) for error in errors] == [
        "row 2, sku: “none”, expected a live package",
        "row 3, sku: “B”, expected market_segment and provider too: several packages have this SKU",
        "row 4, new_price: “cheap”, expected an amount such as 899.00",
        "row 5, new_price: “0”, expected an amount such as 899.00",
        "row 7, sku: “A”, expected each package once",
    ]


def test_a_row_of_another_length_is_named_and_no_amount_is_cut_off():
    live_package(sku="A")

    rows, errors = batch.read_file(b"new_price,sku\n849\n,,\n849.00,A,\n")
    assert (rows, [str(error) for error in errors]) == (
        [],
        ["row 2: “1 cells”, expected 2 cells, as in the header; is a separator missing, or one too many?"],
    )

    rows, errors = batch.read_file(b"sku,new_price\nA,849,50\n")
    assert (rows, [str(error) for error in errors]) == (
        [],
        ["row 2: “3 cells”, expected 2 cells, as in the header; is a separator missing, or one too many?"],
    )


@pytest.mark.parametrize(
    "data", [b"", b"sku\nA\n", b"sku,new_price,colour\n", b"\xff\xfe", b"sku,new_price\n"]
)
def test_a_file_that_is_none_is_refused(data):
    rows, errors = batch.read_file(data)

    assert rows == []
    assert len(errors) == 1


def draft(planned, actor=None, **values):
    values = {"effective_date": FIRST_OF_MAY, "reason": "Yearly review", "name": "March", **values}
    return batch.draft_batch(planned, actor=actor or ms_khumalo(), **values)


def planned_for(*packages, percent=6):
    wanted = ServicePackage.objects.filter(pk__in=[each.pk for each in packages]).order_by("name", "sku")
    return batch.plan_adjustment(wanted, Decimal(percent), 9)


def test_a_plan_becomes_drafts_with_their_audit_in_few_queries(django_assert_num_queries):
    packages = [live_package(name=f"P{number}", regular_price="799.00") for number in range(12)]
    planned, actor = planned_for(*packages), ms_khumalo()
    actor.has_perm("pricing.draft_pricechange")  # cached by now

    with django_assert_num_queries(6):  # savepoint, packages, open changes, drafts, audit, release
        assert draft(planned, actor) == 12

    changes = PriceChange.objects.all()
    assert {(c.status, str(c.old_price), str(c.new_price), c.batch) for c in changes} == {
        ("draft", "799.00", "849.00", "March")
    }
    assert AuditEntry.objects.filter(action="price change drafted").count() == 12


def test_what_moved_since_the_preview_refuses_all_of_it():
    one, two, three = (live_package(name=f"P{number}", regular_price="799.00") for number in range(3))
    planned = planned_for(one, two, three)
    ServicePackage.objects.filter(pk=one.pk).update(price="810.00")
    drafted(two, new_price="950.00")

    with pytest.raises(NotReady) as refusal:
        draft(planned)

    assert len(refusal.value.reasons) == 2
    assert "P1" in refusal.value.reasons[0]
    assert refusal.value.reasons[1].endswith("it costs R\u00a0810,00 by now, not R\u00a0799,00")
    assert PriceChange.objects.count() == 1


def test_who_may_not_draft_does_not():
    with pytest.raises(NotAllowed):
        draft(planned_for(live_package()), mr_botha())
    with pytest.raises(NotReady, match="say why"):
        draft(planned_for(live_package()), reason=" ")

    assert not PriceChange.objects.exists()
