"""What of a call is written down."""

from datetime import date
from decimal import Decimal

from zoho_sync.connection.log import LONGEST_BODY, storable


def test_what_json_does_not_know_is_written_down_as_text():
    body = {
        "price": Decimal("799.00"),
        "from": date(2027, 3, 1),
        "lines": ({"rate": 1.5, "of": Decimal("0.15")},),
    }

    assert storable(body) == {"price": "799.00", "from": "2027-03-01", "lines": [{"rate": 1.5, "of": "0.15"}]}


def test_secrets_are_left_out_and_what_is_very_long_is_cut():
    assert storable({"access_token": "abc", "name": "Home"}) == {"access_token": "…", "name": "Home"}

    cut = storable(["x" * LONGEST_BODY])

    assert (cut["cut_after_characters"], len(cut["begins"])) == (LONGEST_BODY, 2000)
