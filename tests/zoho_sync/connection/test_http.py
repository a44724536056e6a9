"""One call and what may become of it, against a Zoho that answers what it is told."""

import json

import httpx
import pytest

from zoho_sync.connection.errors import (
    BudgetSpent,
    DuplicateRecord,
    InvalidField,
    Misconfigured,
    NeedsPerson,
    NotAuthorised,
    OutcomeUnknown,
    RateLimited,
    RecordGone,
    ServerTrouble,
    Unreachable,
)
from zoho_sync.connection.http import Call, ZohoHttp
from zoho_sync.models import System, ZohoSyncLog

pytestmark = pytest.mark.django_db
READ = Call("GET", "/billing/v1/plans", safe=True)
CREATE = Call("POST", "/billing/v1/plans", safe=False, body={"plan_code": "A"})
CRM_READ = Call("GET", "/crm/v8/Products", safe=True)
OK = (200, {"code": 0, "message": "success"})


@pytest.fixture(autouse=True)
def zoho_on_loopback(settings, redis_flushed):
    settings.ZOHO_ACCOUNTS_URL = settings.ZOHO_API_URL = "http://127.0.0.1:9"
    settings.ZOHO_BILLING_ORGANIZATION_ID = "42"


class Zoho:
    """Gives tokens, and answers each call with the next of `answers`, the last one for ever."""

    def __init__(self, *answers, system=System.BILLING):
        self.answers, self.requests, self.pauses, self.tokens = list(answers), [], [], 0
        self.http = ZohoHttp(system, transport=httpx.MockTransport(self), sleep=self.pauses.append)

    def __call__(self, request):
        if request.url.path == "/oauth/v2/token":
            self.tokens += 1
            return httpx.Response(200, json={"access_token": f"token-{self.tokens}", "expires_in": 3600})
        self.requests.append(request)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        status, body, *headers = answer
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        return httpx.Response(status, content=content, headers=headers[0] if headers else None)

    def send(self, call=READ):
        return self.http.send(call)


def test_a_call_carries_zohos_own_scheme_and_the_organisation():
    zoho = Zoho(OK)

    answer = zoho.send()

    assert answer.body == {"code": 0, "message": "success"}
    assert zoho.requests[0].headers["Authorization"] == "Zoho-oauthtoken token-1"
    assert zoho.requests[0].headers["X-com-zoho-subscriptions-organizationid"] == "42"


def test_crm_is_not_told_the_billing_organisation():
    zoho = Zoho((204, b""), system=System.CRM)

    assert zoho.send(CRM_READ).body is None
    assert "X-com-zoho-subscriptions-organizationid" not in zoho.requests[0].headers


@pytest.mark.parametrize("code", [14, 57])
def test_a_token_that_dies_early_is_renewed_once_and_the_call_repeated_once(code):
    zoho = Zoho((401, {"code": code, "message": "invalid token"}), OK)

    zoho.send(CREATE)

    assert [request.headers["Authorization"] for request in zoho.requests] == [
        "Zoho-oauthtoken token-1",
        "Zoho-oauthtoken token-2",
    ]


def test_a_renewed_token_that_is_refused_too_is_a_missing_right():
    zoho = Zoho((401, {"code": 57, "message": "You are not authorized"}))

    with pytest.raises(NotAuthorised, match="too few scopes"):
        zoho.send()

    assert (len(zoho.requests), zoho.tokens) == (2, 2)


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        (200, {"code": 2, "message": "Invalid value passed for name"}, InvalidField),
        (400, {"code": 4, "message": "Invalid value passed for product_id"}, InvalidField),
        (400, {"code": 101002, "message": "Invalid plan code"}, RecordGone),
        (400, {"code": 2006, "message": "Invalid product id"}, RecordGone),
        (400, {"code": 102001, "message": "Invalid addon code"}, RecordGone),
        (404, {"code": 1002, "message": "Subscription does not exist"}, RecordGone),
        (400, {"code": 100501, "message": "The plan code already exists"}, DuplicateRecord),
        (400, {"code": 9, "message": "Use the zohoapis domain"}, Misconfigured),
        (400, {"code": 6041, "message": "not associated"}, Misconfigured),
        (400, {"code": 120129, "message": "Invalid custom field"}, InvalidField),
        (400, {"code": 987654, "message": "A thing nobody has seen"}, NeedsPerson),
        (403, {"code": 987654, "message": "no"}, NotAuthorised),
        (404, b"<html>nothing here</html>", RecordGone),
    ],
)  # fmt: skip
def test_each_billing_refusal_is_understood_and_not_repeated(status, body, error):
    zoho = Zoho((status, body))

    with pytest.raises(error) as refusal:
        zoho.send()

    assert type(refusal.value) is error
    assert len(zoho.requests) == 1
    if isinstance(body, dict):
        assert body["message"] in str(refusal.value)


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        (401, {"code": "OAUTH_SCOPE_MISMATCH", "message": "invalid oauth scope", "status": "error", "details": {}}, NotAuthorised),
        (403, {"code": "NO_PERMISSION", "message": "permission denied", "status": "error", "details": {}}, NotAuthorised),
        (400, {"code": "INVALID_MODULE", "message": "the module name given seems to be invalid", "status": "error"}, Misconfigured),
        (404, {"code": "INVALID_URL_PATTERN", "message": "Please check the URL", "status": "error"}, Misconfigured),
        (400, {"code": "LIMIT_EXCEEDED", "message": "limit exceeded", "status": "error"}, InvalidField),
        (400, {"code": "NEVER_SEEN", "message": "strange", "status": "error"}, NeedsPerson),
    ],
)  # fmt: skip
def test_each_crm_refusal_of_a_whole_request_is_understood(status, body, error):
    with pytest.raises(error) as refusal:
        Zoho((status, body), system=System.CRM).send(CRM_READ)

    assert type(refusal.value) is error


@pytest.mark.parametrize("status", [301, 302, 307, 408])
@pytest.mark.parametrize(("call", "error"), [(CREATE, OutcomeUnknown), (READ, ServerTrouble)])
def test_what_answers_in_zohos_place_judges_no_record(status, call, error):
    """A page of maintenance, or a proxy that gave up: it is tried again, and nobody follows."""
    zoho = Zoho((status, b""))

    with pytest.raises(error, match="in Zoho's place"):
        zoho.send(call)

    assert {request.url.path for request in zoho.requests} == {"/billing/v1/plans"}
    assert len(zoho.requests) == (4 if call.safe else 1)


def test_a_safe_call_is_tried_four_times_with_growing_pauses():
    zoho = Zoho((503, b"busy"))

    with pytest.raises(ServerTrouble):
        zoho.send()

    assert len(zoho.requests) == 4
    assert [
        round(pause / expected, 2) for pause, expected in zip(zoho.pauses, (1, 2, 4), strict=True)
    ] == pytest.approx([1, 1, 1], abs=0.25)


def test_a_pause_that_the_server_asks_for_wins():
    zoho = Zoho((503, b"busy", {"Retry-After": "3"}), OK)

    zoho.send()

    assert zoho.pauses == [3.0]


def test_a_long_pause_gives_the_record_back_at_once():
    zoho = Zoho((503, b"busy", {"Retry-After": "120"}))

    with pytest.raises(ServerTrouble) as trouble:
        zoho.send()

    assert (len(zoho.requests), trouble.value.retry_after) == (1, 120.0)


@pytest.mark.parametrize(
    "answer",
    [
        (500, {"code": 1000, "message": "internal"}),
        (201, b"not json"),
        (200, [1]),
        httpx.ReadTimeout("slow"),
        httpx.ReadError("reset"),
    ],
)
def test_a_create_without_a_clear_answer_is_sent_once_and_its_outcome_is_unknown(answer):
    zoho = Zoho(answer)

    with pytest.raises(OutcomeUnknown):
        zoho.send(CREATE)

    assert len(zoho.requests) == 1


def test_a_create_that_nobody_took_is_tried_again():
    zoho = Zoho(httpx.ConnectError("refused"), OK)

    assert zoho.send(CREATE).http_status == 200
    assert len(zoho.requests) == 2


@pytest.mark.parametrize(("code", "rest"), [(44, 60), (45, 1800)])
def test_a_block_by_zoho_rests_the_whole_system(code, rest):
    zoho = Zoho((429, {"code": code, "message": "blocked"}))

    with pytest.raises(RateLimited):
        zoho.send()

    assert len(zoho.requests) == 1
    assert rest - 2 < zoho.http.breaker.state().seconds_left() <= rest
    assert zoho.http.breaker.may_work() == "no"


def test_three_calls_in_a_row_that_nobody_answers_open_the_breaker_and_one_success_closes_it():
    zoho = Zoho(*[httpx.ConnectError("refused")] * 12, OK)
    for expected in ("yes", "yes", "no"):
        with pytest.raises(Unreachable):
            zoho.send()
        assert zoho.http.breaker.may_work() == expected

    zoho.send()

    assert zoho.http.breaker.may_work() == "yes"


def test_when_the_rest_is_over_one_worker_probes_and_the_others_wait(monkeypatch):
    zoho = Zoho((429, {"code": 44, "message": "blocked"}))
    with pytest.raises(RateLimited):
        zoho.send()
    later = zoho.http.breaker.state().open_until + 1
    monkeypatch.setattr("zoho_sync.connection.breaker.time.time", lambda: later)

    assert [zoho.http.breaker.may_work() for _ in range(3)] == ["probe", "no", "no"]


def test_a_refusal_is_an_answer_and_does_not_open_the_breaker():
    zoho = Zoho((400, {"code": 2, "message": "Invalid value"}))

    for _ in range(5):
        with pytest.raises(InvalidField):
            zoho.send()

    assert zoho.http.breaker.may_work() == "yes"


def test_our_own_budget_stops_a_call_before_it_is_made(settings, monkeypatch):
    settings.ZOHO_BILLING_CALLS_PER_MINUTE = 2
    monkeypatch.setattr("zoho_sync.connection.limits.PATIENCE_SECONDS", 0)
    zoho = Zoho(OK)
    zoho.send()
    zoho.send()

    with pytest.raises(BudgetSpent) as spent:
        zoho.send()

    assert len(zoho.requests) == 2
    assert 50 < spent.value.retry_after <= 61
    assert zoho.http.breaker.may_work() == "yes"


def test_the_budget_is_shared_by_all_connections(settings):
    settings.ZOHO_BILLING_CALLS_PER_DAY = 3
    for zoho in (Zoho(OK), Zoho(OK), Zoho(OK)):
        zoho.send()

    assert Zoho(OK).http.budget.seconds_until_free() > 86_000


def test_crm_is_counted_in_credits_one_for_ten_records(settings, monkeypatch):
    monkeypatch.setattr("zoho_sync.connection.limits.PATIENCE_SECONDS", 0)
    settings.ZOHO_CRM_CREDITS_PER_DAY = 25
    monkeypatch.setattr("zoho_sync.connection.limits.RESERVE_PERCENT", 20)
    zoho = Zoho((200, {"data": []}), system=System.CRM)
    upsert = Call("POST", "/crm/v8/Products/upsert", safe=True, body={}, records=100)
    budget = zoho.http.budget

    zoho.send(upsert)
    zoho.send(upsert)

    assert [left for _window, left in budget.left()] == [5]
    with pytest.raises(BudgetSpent, match="Zoho CRM"):
        zoho.send(upsert)
    # Five are left, and all five are kept for people.
    assert budget.seconds_until_free(background=True) > 0
    assert budget.seconds_until_free() == 0
    zoho.send(Call("POST", "/crm/v8/coql", safe=True, body={}))
    zoho.send(CRM_READ)
    zoho.send(Call("PUT", "/crm/v8/Products", safe=True, body={}, records=3))
    assert [left for _window, left in budget.left()] == [0]
    assert len(zoho.requests) == 5


def test_no_more_calls_at_once_than_allowed(settings, monkeypatch):
    settings.ZOHO_BILLING_CONCURRENCY = 1
    monkeypatch.setattr("zoho_sync.connection.limits.PATIENCE_SECONDS", 0)
    zoho = Zoho(OK)

    with zoho.http.budget.one_call(), pytest.raises(BudgetSpent, match="concurrent"):
        zoho.send()

    assert zoho.send().http_status == 200


def test_every_try_is_logged_with_its_outcome():
    zoho = Zoho((503, b"busy"), OK)

    zoho.send(READ)

    logs = ZohoSyncLog.objects.filter(system="billing").order_by("at")
    assert [(log.attempt, log.http_status, log.error_class) for log in logs] == [
        (1, 503, "ServerTrouble"),
        (2, 200, ""),
    ]


@pytest.mark.parametrize("words", ["nul \x00 byte", "half a pair \ud800", 'quote " and \\u0000'])
def test_what_postgresql_could_not_store_does_not_break_the_log(words):
    zoho = Zoho((400, json.dumps({"code": 2, "message": words, "ratio": float("nan")}).encode()))

    with pytest.raises(InvalidField):
        zoho.send()

    assert ZohoSyncLog.objects.get(system="billing").http_status == 400
