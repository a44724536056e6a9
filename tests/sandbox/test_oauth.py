import pytest

from .conftest import CREDENTIALS


def test_a_refresh_buys_a_token_and_tells_where_to_call(zoho):
    answer = zoho.refresh()

    assert answer.status_code == 200
    body = answer.json()
    assert body["token_type"] == "Bearer"
    assert body["expires_in"] == 3600
    assert body["api_domain"] == zoho.url
    assert "refresh_token" not in body


def test_the_parameters_may_stand_in_the_query(zoho):
    assert "access_token" in zoho.http.post("/oauth/v2/token", params=CREDENTIALS).json()


@pytest.mark.parametrize(
    ("wrong", "error"),
    [
        ({"refresh_token": "stale"}, "invalid_code"),
        ({"client_id": "nobody"}, "invalid_client"),
        ({"client_secret": "guess"}, "invalid_client"),
    ],
)
def test_errors_come_with_http_200(zoho, wrong, error):
    answer = zoho.refresh(**wrong)

    assert answer.status_code == 200
    assert answer.json() == {"error": error}


def test_the_eleventh_refresh_in_ten_minutes_is_denied_and_tokens_go_on_working(zoho):
    answers = [zoho.refresh() for _ in range(10)]  # the fixture has used the first

    assert [answer.status_code for answer in answers] == [200] * 9 + [400]
    assert answers[-1].json()["error"] == "Access Denied"
    assert "too many requests continuously" in answers[-1].json()["error_description"]
    assert zoho.crm("GET", "/org").status_code == 200


def test_no_more_than_ten_tokens_live_and_the_oldest_dies(zoho):
    zoho.set(token_window_seconds=0)
    oldest = zoho.token

    for _ in range(9):
        zoho.refresh()
    assert zoho.crm("GET", "/org").status_code == 200
    zoho.refresh()

    assert zoho.token == oldest
    assert zoho.crm("GET", "/org").json()["code"] == "INVALID_TOKEN"


def test_an_expired_token_is_refused_by_each_system_in_its_own_words(zoho):
    zoho.set(token_seconds=0)
    zoho.sign_in()

    crm, billing = zoho.crm("GET", "/org"), zoho.billing("GET", "/plans")

    assert (crm.status_code, crm.json()["code"]) == (401, "INVALID_TOKEN")
    assert (billing.status_code, billing.json()["code"]) == (401, 57)


def test_an_unknown_token_and_a_bearer_are_refused(zoho):
    unknown = {"Authorization": "Zoho-oauthtoken 1000.aa.bb"}
    bearer = {"Authorization": f"Bearer {zoho.token}"}

    assert zoho.crm("GET", "/org", headers=unknown).json()["code"] == "INVALID_TOKEN"
    assert zoho.billing("GET", "/plans", headers=unknown).json()["code"] == 14
    assert zoho.crm("GET", "/org", headers=bearer).json() == {
        "code": "AUTHENTICATION_FAILURE",
        "details": {},
        "message": "Authentication failed",
        "status": "error",
    }


def test_secrets_are_not_in_the_request_log(zoho):
    zoho.http.post("/oauth/v2/token", params=CREDENTIALS)

    log = zoho.http.get("/_sandbox/requests", params={"system": "oauth"}).text

    assert "sandbox-secret" not in log
    assert "sandbox-refresh" not in log
