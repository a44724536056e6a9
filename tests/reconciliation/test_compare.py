"""The comparators: what a person would call the same is the same, and a cent is a cent."""

import json
import unicodedata
from datetime import UTC, datetime, timedelta, timezone
from decimal import ROUND_HALF_UP, Decimal

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from zoho_sync.compare.diff import FORMS, TEXTS, differences, same
from zoho_sync.fields import Field, FieldType, plain

texts = st.text(st.characters(codec="utf-8"), max_size=300)
amounts = st.decimals(0, 99_999_999, places=2)


def field(type=FieldType.TEXT, **rules):
    return Field("Name", "name", lambda facts: None, type, **rules)


@given(texts)
@example("one\r\ntwo")
def test_what_zoho_does_to_a_text_is_no_difference(text):
    for theirs in (
        text,
        unicodedata.normalize("NFD", text),
        text.replace("\n", "\r\n"),
        f"{text} \t ",
        f"  {text}\r\n",
        json.loads(json.dumps(text)),
    ):
        assert same(field(), text, theirs)


@given(texts.filter(lambda text: text.strip() == text), st.sampled_from("abcæ🙂"))
def test_another_text_is_a_difference(text, letter):
    assert not same(field(), text, text + letter)
    assert not same(field(), text + letter, text)


@given(texts)
def test_a_text_cut_at_the_limit_is_no_difference_and_one_cut_before_it_is(text):
    units = len(text.encode("utf-16-le")) // 2
    for cut in (text[:20], text.encode("utf-16-le")[:40].decode("utf-16-le", "ignore")):
        assert same(field(length=20), text, cut)
    if units > 20 and text.isalnum() and text.isascii():
        assert not same(field(length=20), text, text[:19])
    assert same(field(length=20), "x" * 20, "x" * 19) is False


def test_leading_blanks_count_where_zoho_cuts_first_and_do_not_where_it_trims_first():
    sent = "  " + "x" * 20

    assert same(field(length=20), sent, "x" * 18)
    assert same(field(length=20), sent, "x" * 20)
    assert not same(field(length=20), sent, "x" * 17)


@given(amounts)
def test_an_amount_is_the_same_however_it_is_written_and_a_cent_is_a_difference(amount):
    money, ours = field(FieldType.AMOUNT), plain(amount)
    for theirs in (float(amount), str(amount), f"{amount:.3f}", f"{amount:.9f}"):
        assert same(money, ours, theirs)
    for other in (amount + Decimal("0.01"), amount - Decimal("0.01")):
        assert not same(money, ours, float(other))


def test_half_a_cent_is_rounded_up_on_both_sides():
    money = field(FieldType.AMOUNT)

    assert same(money, "0.01", 0.005)
    assert same(money, "0.005", "0.01")
    assert not same(money, "0.00", 0.005)
    assert Decimal("0.005").quantize(Decimal("0.01"), ROUND_HALF_UP) == Decimal("0.01")


@pytest.mark.parametrize(
    "type", [FieldType.TEXT, FieldType.AMOUNT, FieldType.INTEGER, FieldType.DATE, FieldType.INSTANT]
)
def test_empty_and_absent_are_the_same_and_zero_is_neither(type):
    assert same(field(type), None, "")
    assert same(field(type), "", None)
    assert not same(field(type), None, "1" if type is not FieldType.INSTANT else "2026-01-01T00:00:00Z")
    if type in (FieldType.AMOUNT, FieldType.INTEGER):
        assert not same(field(type), None, 0)
        assert not same(field(type), "0.00", None)


@given(st.datetimes(datetime(2020, 1, 1), datetime(2040, 1, 1)), st.integers(-12, 12))
def test_an_instant_is_the_same_in_every_zone(moment, hours):
    moment = moment.replace(tzinfo=UTC, microsecond=0)
    there = moment.astimezone(timezone(timedelta(hours=hours)))

    assert same(field(FieldType.INSTANT), plain(moment), there.isoformat())
    assert same(field(FieldType.INSTANT), plain(moment), there.strftime("%Y-%m-%dT%H:%M:%S%z"))
    assert not same(field(FieldType.INSTANT), plain(moment), (there + timedelta(seconds=1)).isoformat())


@pytest.mark.parametrize(
    ("type", "ours", "theirs", "expected"),
    [
        (FieldType.BOOLEAN, True, "true", True),
        (FieldType.BOOLEAN, False, None, True),
        (FieldType.BOOLEAN, True, False, False),
        (FieldType.INTEGER, 100, "100", True),
        (FieldType.INTEGER, 100, 100.0, True),
        (FieldType.INTEGER, 100, 101, False),
        (FieldType.INTEGER, 100, "many", False),
        (FieldType.DATE, "2026-11-01", "2026-11-01", True),
        (FieldType.DATE, "2026-11-01", "2026-11-02", False),
        (FieldType.PICKLIST, "", "-None-", True),
        (FieldType.PICKLIST, "fibre", "-None-", False),
        (FieldType.STRUCTURE, [{"price": "0.00"}], [{"price": 0, "start_quantity": ""}], True),
        (FieldType.STRUCTURE, [{"price": "1.00"}], [{"price": 1.01}], False),
        (FieldType.STRUCTURE, [{"price": "1.00"}], [{"price": 1.0}, {"price": 2.0}], False),
        (FieldType.STRUCTURE, [{"price": "1.00"}], None, False),
        (
            FieldType.STRUCTURE,
            [{"label": "A", "value": 1}],
            [{"label": "B", "value": 2}, {"label": "A", "value": "1"}],
            True,
        ),
        (FieldType.INSTANT, "2026-11-01T00:00:00+02:00", "yesterday", False),
    ],
)
def test_each_type_has_its_comparator(type, ours, theirs, expected):
    assert same(field(type), ours, theirs) is expected


def test_only_fields_of_the_table_that_zoho_told_of_are_compared():
    table = [
        Field("a", "a", lambda facts: None),
        Field("d", "d", lambda facts: None),
    ]
    ours = {"a": "1", "d": "1", "e": "1"}

    found = differences(table, ours, {"a": "2", "e": "2"})

    assert [(each.field.name, each.ours, each.theirs) for each in found] == [("a", "1", "2")]


def test_every_type_of_field_has_a_comparator():
    assert sorted([*FORMS, *TEXTS, FieldType.STRUCTURE], key=str) == sorted(FieldType, key=str)


def test_an_address_that_somebody_edited_differs():
    field = Field("ct_Catalogue_Link", "link", lambda facts: None, FieldType.WEBSITE, length=450)

    found = differences([field], {field.name: "https://a.example/1"}, {field.name: "https://b.example/1"})

    assert [(each.ours, each.theirs) for each in found] == [("https://a.example/1", "https://b.example/1")]
    assert same(field, "https://a.example/1", "https://a.example/1 ")
