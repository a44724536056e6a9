"""What the predecessor wrote, as a person would write it into an import file."""

from decimal import Decimal

import pytest

from circletel.predecessor.fields import FIELDS


@pytest.mark.parametrize(
    ("field", "value", "cell"),
    [
        ("name", None, ""),
        ("name", "NaN", "NaN"),
        ("featured", True, "yes"),
        ("featured", False, "no"),
        ("price_incl_vat", Decimal("100.000"), "100"),
        ("price_incl_vat", Decimal("899.5000"), "899.5"),
        ("price_incl_vat", Decimal("899.125"), "899.125"),
        ("price_incl_vat", Decimal("1E+2"), "100"),
        ("price_incl_vat", "R 1 299,00", "R 1 299,00"),
        ("installation_fee_incl_vat", 0, ""),
        ("installation_fee_incl_vat", Decimal("0.00"), ""),
        ("speed_down_mbps", 0, ""),
        ("speed_down_mbps", 100, "100"),
        ("promo_months", 0, ""),
        ("contract_months", "24 months", "24"),
        ("contract_months", 0, "1"),
        ("contract_months", "Month-to-Month", "1"),
        ("contract_months", [24, 12], "12"),
        ("contract_months", [], ""),
        ("contract_months", None, ""),
        ("market_segment", "Residential", "consumer"),
        ("market_segment", "SMME", "business"),
        ("market_segment", "martian", "martian"),
        ("provider", ["MTN"], "MTN"),
        ("provider", ["MTN", "DFA"], ""),
        ("promo_from", "2025-10-31T22:30:00+00:00", "2025-11-01"),
        ("promo_from", "2025-10-31", "2025-10-31"),
        ("promo_from", "next week", "next week"),
        ("hardware_model", {"model": "Reyee", "price": 10}, "Reyee"),
        ("hardware_model", {}, ""),
        ("features", ["Uncapped", {"title": "Free | router"}], "Uncapped|Free / router"),
        ("features", "a\nb; c", "a|b| c"),
        ("features", None, ""),
    ],
)
def test_a_value_as_a_cell(field, value, cell):
    assert FIELDS[field].to_cell(value) == cell
