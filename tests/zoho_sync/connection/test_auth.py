"""The shared token, against an accounts server that answers what it is told."""

import json
import multiprocessing
import time
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import parse_qs

import httpx
import pytest
from django.db import connection

from zoho_sync.connection.auth import TokenSource, token_lifetime, trusted_api_url
from zoho_sync.connection.errors import Misconfigured, RateLimited, ServerTrouble, Unreachable
from zoho_sync.models import ZohoSyncLog

pytestmark = pytest.mark.django_db
GOOD = {
    "access_token": "1000.abc",
    "api_domain": "http://127.0.0.1:9999",
    "token_type": "Bearer",
    "expires_in": 3600,
}


@pytest.fixture(autouse=True)
def zoho_on_loopback(settings, redis_flushed):
    settings.ZOHO_ACCOUNTS_URL = settings.ZOHO_API_URL = "http://127.0.0.1:9"
    settings.ZOHO_CLIENT_ID = "our-client"
    settings.ZOHO_CLIENT_SECRET = "very-secret"
    settings.ZOHO_REFRESH_TOKEN = "refresh-secret"


class Accounts:
    """Answers each refresh with the next of `answers`, the last one for ever, and counts them."""

    def __init__(self, *answers):
        self.answers, self.requests = list(answers), []

    def __call__(self, request):
        self.requests.append(request)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return httpx.Response(
            answer[0], content=answer[1] if isinstance(answer[1], bytes) else json.dumps(answer[1])
        )

    def source(self):
        return TokenSource(httpx.Client(transport=httpx.MockTransport(self)))


def test_a_token_is_asked_for_once_and_then_shared():
    accounts = Accounts((200, GOOD))

    tokens = {accounts.source().current().value for _ in range(5)}

    assert tokens == {"1000.abc"}
    assert len(accounts.requests) == 1
    assert parse_qs(accounts.requests[0].content.decode()) == {
        "refresh_token": ["refresh-secret"],
        "client_id": ["our-client"],
        "client_secret": ["very-secret"],
        "grant_type": ["refresh_token"],
    }


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_eight_that_start_cold_make_one_refresh():
    accounts = Accounts((200, GOOD))

    def ask(_number):
        try:
            return accounts.source().current().value
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(ask, range(8))) == {"1000.abc"}
    assert len(accounts.requests) == 1


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_four_processes_that_start_cold_make_one_refresh(sandbox, settings):
    settings.ZOHO_CLIENT_ID, settings.ZOHO_CLIENT_SECRET = "sandbox-client", "sandbox-secret"
    settings.ZOHO_REFRESH_TOKEN = "sandbox-refresh"
    forking = multiprocessing.get_context("fork")
    together, found = forking.Barrier(4), forking.SimpleQueue()

    def ask():
        together.wait(30)
        with httpx.Client() as http:
            found.put(TokenSource(http).current().value)
        connection.close()

    connection.close()  # a forked process must not share it
    processes = [forking.Process(target=ask) for _ in range(4)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)

    assert [process.exitcode for process in processes] == [0] * 4
    assert len({found.get() for _ in processes}) == 1
    assert [request["path"] for request in sandbox.requests(system="oauth")] == ["/oauth/v2/token"]
    assert ZohoSyncLog.objects.filter(system="accounts").count() == 1


def test_a_discarded_token_is_renewed_but_a_newer_one_is_kept():
    accounts = Accounts((200, GOOD), (200, GOOD | {"access_token": "1000.new"}))
    source = accounts.source()
    old = source.current()

    source.discard(old)
    assert source.current().value == "1000.new"
    source.discard(old)

    assert source.current().value == "1000.new"
    assert len(accounts.requests) == 2


@pytest.mark.parametrize(
    ("answer", "seconds"),
    [
        ({"expires_in": 3600}, 3600),
        ({"expires_in": "3600"}, 3600),
        ({"expires_in": 3600000, "expires_in_sec": 3600}, 3600),
        ({"expires_in": 3600000}, 3600),
        ({}, 3600),
        ({"expires_in": None}, 3600),
        ({"expires_in": "soon"}, 3600),
        ({"expires_in": 0}, 3600),
        ({"expires_in": 60}, 60),
    ],
)
def test_the_life_of_a_token_is_read_in_seconds_or_milliseconds(answer, seconds):
    assert token_lifetime(answer) == seconds


def test_a_token_is_renewed_before_it_ends():
    token = Accounts((200, GOOD)).source().current()

    assert 3290 < token.renew_at - time.time() <= 3300


@pytest.mark.parametrize(
    ("status", "answer", "error", "words"),
    [
        (200, {"error": "invalid_code"}, Misconfigured, "ZOHO_REFRESH_TOKEN"),
        (200, {"error": "invalid_client"}, Misconfigured, "ZOHO_CLIENT_ID"),
        (200, {"error": "invalid_client_secret"}, Misconfigured, "ZOHO_CLIENT_SECRET"),
        (200, {"error": "something_new"}, Misconfigured, "something_new"),
        (400, {"error": "Access Denied", "error_description": "You have made too many requests continuously. Please try again after some time."}, RateLimited, "too many requests"),
        (200, {"error": "access_denied", "error_description": "too many requests"}, RateLimited, "too many requests"),
        (500, {"oops": 1}, ServerTrouble, "500"),
        (200, b"<html>", ServerTrouble, "without a token"),
        (200, [], ServerTrouble, "without a token"),
        (200, {"access_token": ""}, ServerTrouble, "without a token"),
    ],
)  # fmt: skip
def test_what_is_no_token_is_an_error_whatever_the_status(status, answer, error, words):
    with pytest.raises(error, match=words):
        Accounts((status, answer)).source().current()


def test_an_accounts_server_that_is_away_is_worth_retrying():
    with pytest.raises(Unreachable):
        Accounts(httpx.ConnectError("refused")).source().current()


def test_refreshes_answered_with_nonsense_are_spaced_so_that_zoho_does_not_block(redis_flushed):
    accounts = Accounts((200, b"<html>"), (200, b"<html>"), (200, b"<html>"), (200, GOOD))

    for _ in range(3):
        with pytest.raises(ServerTrouble):
            accounts.source().current()
    with pytest.raises(RateLimited) as waits:
        accounts.source().current()

    assert waits.value.retry_after == pytest.approx(90, abs=2)
    assert len(accounts.requests) == 3
    [blocked] = redis_flushed.keys("*:blocked")
    redis_flushed.delete(blocked)
    assert accounts.source().current().value == "1000.abc"


def test_a_throttled_refresh_is_not_repeated_by_anybody_while_zoho_blocks():
    accounts = Accounts(
        (400, {"error": "Access Denied", "error_description": "too many requests continuously"}), (200, GOOD)
    )

    for _ in range(3):
        with pytest.raises(RateLimited) as refusal:
            accounts.source().current()
        assert 590 < refusal.value.retry_after <= 600

    assert len(accounts.requests) == 1


@pytest.mark.parametrize(
    ("configured", "offered", "used"),
    [
        ("https://www.zohoapis.com", "https://www.zohoapis.eu", "https://www.zohoapis.eu"),
        ("https://www.zohoapis.com/", None, "https://www.zohoapis.com"),
        ("https://www.zohoapis.com", "https://evil.example", "https://www.zohoapis.com"),
        ("https://www.zohoapis.com", "http://www.zohoapis.eu", "https://www.zohoapis.com"),
        ("https://www.zohoapis.com", "https://zohoapis.evil.example", "https://www.zohoapis.com"),
        ("https://www.zohoapis.com", "https://www.zohoapis.com.au", "https://www.zohoapis.com.au"),
        ("https://www.zohoapis.com", "https://sandbox.zohoapis.com", "https://sandbox.zohoapis.com"),
        ("http://127.0.0.1:4010", "http://127.0.0.1:4011", "http://127.0.0.1:4011"),
        ("http://127.0.0.1:4010", "https://www.zohoapis.com", "http://127.0.0.1:4010"),
        ("http://zoho.test:4010", "https://www.zohoapis.com", "http://zoho.test:4010"),
        ("https://www.zohoapis.com", "not an address", "https://www.zohoapis.com"),
    ],
)
def test_calls_follow_the_api_domain_only_to_a_place_of_the_same_sort(settings, configured, offered, used):
    settings.ZOHO_API_URL = configured

    assert trusted_api_url(offered) == used


def test_a_refresh_is_logged_without_token_or_secret():
    Accounts((200, GOOD)).source().current()

    [log] = ZohoSyncLog.objects.all()
    assert (log.system, log.path, log.http_status, log.error_class) == (
        "accounts",
        "/oauth/v2/token",
        200,
        "",
    )
    assert "1000.abc" not in str(log.response)
    assert "secret" not in str(log.request).replace("client_secret", "")
