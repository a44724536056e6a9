"""What Zoho, or a proxy before it, says and cannot mean. `tests/fuzz` has the rest."""

from decimal import Decimal

import httpx
import pytest
from redis.exceptions import ConnectionError

from zoho_sync import services
from zoho_sync.connection.auth import has_token, token_lifetime, trusted_api_url
from zoho_sync.connection.breaker import Breaker
from zoho_sync.connection.errors import InvalidField
from zoho_sync.connection.http import LONGEST_REST_SECONDS, _retry_after
from zoho_sync.crm.client import CrmClient
from zoho_sync.models import System
from zoho_sync.reading import amount, money


def test_words_that_postgresql_cannot_hold():
    error = InvalidField("a\x00b \ud800", code="\x00X", details={"field\x00": ["\x00", float("nan")]})

    assert (str(error), error.code) == ("ab ?", "X")
    assert error.as_details()["details"] == {"field": ["", "nan"]}


@pytest.mark.parametrize(
    ("said", "seconds"),
    [("7", 7.0), ("-5", 0.0), ("inf", None), ("nan", None), ("soon", None), ("1e9", LONGEST_REST_SECONDS)],
)
def test_how_long_to_wait(said, seconds):
    assert _retry_after(httpx.Response(429, headers={"Retry-After": said})) == seconds


@pytest.mark.parametrize("said", ["NaN", "sNaN", "Infinity", float("nan"), float("inf"), "1e400", [], None])
def test_what_is_no_amount(said):
    assert amount({"price": said}, "price") is None
    assert money({"price": said}, "price") == Decimal("0.00")


@pytest.mark.parametrize("said", [float("inf"), float("nan"), 10**400, -1, 0, "1e308", 10**12])
def test_what_is_no_lifetime(said):
    assert token_lifetime({"expires_in": said}) == 3600


@pytest.mark.parametrize(
    "said", ["", "  ", "a b", "a\r\nX: 1", "caf\xe9", "\x80", "\ud800", 5, True, ["a"], {"a": 1}, None]
)
def test_what_is_no_token(said):
    assert not has_token({"access_token": said})


def test_what_is_no_address(settings):
    settings.ZOHO_API_URL = "https://www.zohoapis.com"

    assert trusted_api_url("https://[::1") == "https://www.zohoapis.com"


class Says:
    def __init__(self, body):
        self.body, self.calls = body, 0

    def send(self, _call):
        self.calls += 1
        return type("Answer", (), {"body": self.body, "http_status": 200})()


def test_a_list_without_ids_does_not_go_on_for_ever():
    http = Says({"data": [{"Product_Name": "A"}], "info": {"more_records": True}})

    with pytest.raises(Exception, match="without its id"):
        list(CrmClient(http).query_products(["Product_Name"]))

    assert http.calls == 1


def test_somebody_sends_again_while_redis_is_away(monkeypatch):
    def away(*_args, **_options):
        raise ConnectionError("Connection refused")

    nudged = []
    monkeypatch.setattr(Breaker, "reset", away)
    monkeypatch.setattr(services, "nudge", lambda system, **_: nudged.append(system))

    services.give_another_chance({System.BILLING})

    assert nudged == [System.BILLING]
