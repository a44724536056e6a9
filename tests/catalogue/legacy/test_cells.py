"""What the predecessor wrote, as a person would write it into an import file."""

from decimal import Decimal

import pytest

from catalogue.legacy import cells


@pytest.mark.parametrize(
    ("to_cell", "value", "cell"),
    [
        (cells.plain, None, ""),
        (cells.plain, True, "yes"),
        (cells.plain, Decimal("100.000"), "100"),
        (cells.plain, Decimal("899.5000"), "899.50"),
        (cells.plain, Decimal("899.125"), "899.125"),
        (cells.plain, Decimal("1E+2"), "100"),
        (cells.plain, "NaN", "NaN"),
        (cells.amount, "799.0000", "799"),
        (cells.amount, "R 1 299,00", "R 1 299,00"),
        (cells.megabits, 0, ""),
        (cells.megabits, "100 Mbps", "100"),
        (cells.megabits, "1 Gbps", "1000"),
        (cells.megabits, "100/50", "100/50"),
        (cells.months, "24 months", "24"),
        (cells.months, 0, ""),
        (cells.contract, 0, "1"),
        (cells.contract, "Month-to-Month", "1"),
        (cells.contract, "24m", "24"),
        (cells.contract, None, ""),
        (cells.segment, "Residential", "consumer"),
        (cells.segment, "SMME", "business"),
        (cells.segment, "martian", "martian"),
        (cells.day, "2025-10-31T22:30:00+00:00", "2025-11-01"),
        (cells.day, "2025-10-31", "2025-10-31"),
        (cells.day, "next week", "next week"),
        (cells.device, {"model": "Reyee", "price": 10}, "Reyee"),
        (cells.device, {}, ""),
        (cells.device, '{"name": "Reyee"}', "Reyee"),
        (cells.features, ["Uncapped", {"title": "Free | router"}], "Uncapped|Free / router"),
        (cells.features, '["a", "b"]', "a|b"),
        (cells.features, "a\nb; c", "a|b| c"),
        (cells.features, {"wifi": True, "speed": Decimal("100.0"), "fax": False}, "wifi|speed: 100"),
        (cells.features, None, ""),
    ],
)
def test_a_value_as_a_cell(to_cell, value, cell):
    assert to_cell(value) == cell
