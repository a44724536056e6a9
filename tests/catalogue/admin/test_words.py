"""Values as JSON keeps them, in the words of a page."""

import pytest

from circletel.core.admin.base import TwoLines, in_words


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (None, "empty"),
        ("", "empty"),
        ([], "empty"),
        (True, "yes"),
        (False, "no"),
        (0, "0"),
        ("0.00", "0.00"),
        ("2026-11-29", "29 Nov 2026"),
        ("2026-11-29T22:30:00Z", "30 Nov 2026, 00:30"),
        ("2026-11-29T06:55:52.493241+00:00", "29 Nov 2026, 08:55"),
        ("2026-13-45", "2026-13-45"),
        ("2026-02-30T25:00:00Z", "2026-02-30T25:00:00Z"),
        (["Free SIM card", "2026-01-02"], "Free SIM card, 2 Jan 2026"),
        ("Install by 2026-11-29", "Install by 2026-11-29"),
    ],
)
def test_in_words(value, words):
    assert in_words(value) == words


def test_two_lines_are_one_where_there_is_room_for_one():
    assert str(TwoLines("R 1 299,00", "incl. VAT")) == "R 1 299,00 · incl. VAT"
    assert str(TwoLines("5.00 %", "")) == "5.00 %"
    assert list(TwoLines("a", "b")) == ["a", "b"]
