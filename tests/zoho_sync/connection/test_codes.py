"""Every documented code: what it is to us, and that the row is reached by an answer as Zoho writes it."""

import pytest

from tests.zoho_sync.connection.test_http import CRM_READ, READ, Zoho, zoho_on_loopback  # noqa: F401
from zoho_sync.connection import codes
from zoho_sync.connection.codes import BILLING, CRM, OAUTH, billing_error, crm_error, oauth_error
from zoho_sync.connection.errors import (
    DuplicateRecord,
    InvalidField,
    NeedsPerson,
    Retryable,
    ServerTrouble,
    ZohoError,
)
from zoho_sync.models import System

pytestmark = pytest.mark.django_db

# Every code that Zoho's documentation, its OpenAPI files for the calls we make, or recorded answers name.
DOCUMENTED = {
    "oauth": "invalid_code invalid_client invalid_client_secret invalid_redirect_uri access_denied",
    "crm": """INVALID_TOKEN AUTHENTICATION_FAILURE OAUTH_SCOPE_MISMATCH NO_PERMISSION AUTHORIZATION_FAILED
        INVALID_MODULE INVALID_DATA MANDATORY_NOT_FOUND DUPLICATE_DATA MULTIPLE_OR_MULTI_ERRORS
        DEPENDENT_FIELD_MISSING EXPECTED_FIELD_MISSING REQUIRED_PARAM_MISSING LIMIT_EXCEEDED RECORD_LOCKED
        NOT_APPROVED RECORD_IN_BLUEPRINT ALREADY_MODIFIED INVALID_URL_PATTERN INVALID_REQUEST_METHOD
        TOO_MANY_REQUESTS RATE_LIMIT_EXCEEDED INTERNAL_ERROR DISCRETE_PAGINATION_LIMIT_EXCEEDED
        PAGINATION_LIMIT_EXCEEDED EXPIRED_VALUE TOKEN_BOUND_DATA_MISMATCH AMBIGUITY_DURING_PROCESSING
        LIMIT_REACHED SYNTAX_ERROR INVALID_QUERY DEPENDENT_MISMATCH UNABLE_TO_PARSE_DATA_TYPE
        DEPENDENT_SERVICE_ERROR SERVICE_UNAVAILABLE REQUEST_TIMEOUT NOT_ALLOWED NOT_SUPPORTED
        LICENSE_LIMIT_EXCEEDED EXPECTED_PARAM_MISSING RESERVED_KEYWORD_NOT_ALLOWED PATTERN_NOT_MATCHED
        API_NOT_SUPPORTED""",
    "billing": "2 4 5 9 14 57 44 45 1070 1000 1002 2006 101002 102001 3004 3062 6041 120129",
}


def raised(answer, *, system, call):
    """What a call ends with when Zoho gives this answer for ever."""
    with pytest.raises(ZohoError) as trouble:
        Zoho(answer, system=system).send(call)
    return trouble.value


def test_every_documented_code_has_a_row_and_no_row_is_invented():
    assert set(DOCUMENTED["oauth"].split()) | {"Access Denied"} == set(OAUTH)
    assert set(DOCUMENTED["crm"].split()) == set(CRM)
    assert set(DOCUMENTED["billing"].split()) == set(BILLING)


@pytest.mark.parametrize("code", CRM)
def test_a_crm_answer_of_this_code(code):
    row = CRM[code]
    body = {
        "code": code,
        "message": "Zoho's own words",
        "details": {"api_name": "Unit_Price"},
        "status": "error",
    }

    error = raised((row.http_status, body), system=System.CRM, call=CRM_READ)

    assert type(error) is row.error
    assert (error.code, error.http_status, error.retry_after) == (code, row.http_status, row.pause)
    assert error.details == {"api_name": "Unit_Price"}
    assert row.words in str(error)
    assert str(error).endswith(f"It said: Zoho's own words [{code}]")
    assert codes.advice_for("crm", code, type(error).__name__) == row.advice


@pytest.mark.parametrize("code", [code for code in CRM if CRM[code].http_status != 429])
def test_a_crm_record_refused_with_this_code(code):
    """The same four keys inside `data`, as batch writes answer."""
    row = CRM[code]
    item = {"code": code, "message": "no", "details": {}, "status": "error"}

    error = crm_error(item, 207)

    assert (type(error), error.code) == (row.error, code)


@pytest.mark.parametrize("code", BILLING)
def test_a_billing_answer_of_this_code(code):
    row = BILLING[code]

    error = raised(
        (row.http_status, {"code": int(code), "message": "Zoho's own words"}),
        system=System.BILLING,
        call=READ,
    )

    assert type(error) is row.error
    assert (error.code, error.http_status, error.retry_after) == (code, row.http_status, row.pause)
    assert row.words in str(error)
    assert str(error).endswith(f"It said: Zoho's own words [{code}]")
    assert codes.advice_for("billing", code, type(error).__name__) == row.advice


@pytest.mark.parametrize("code", BILLING)
def test_a_billing_code_counts_also_inside_http_200(code):
    assert type(raised((200, {"code": int(code), "message": "no"}), system=System.BILLING, call=READ)) is (
        BILLING[code].error
    )


@pytest.mark.parametrize("code", OAUTH)
def test_an_answer_of_the_accounts_server(code):
    row = OAUTH[code]
    words = "You have made too many requests continuously." if code == "Access Denied" else "words"

    error = oauth_error({"error": code, "error_description": words})

    assert (type(error), error.retry_after) == (row.error, row.pause)
    assert row.words in str(error)
    assert words in str(error)


@pytest.mark.parametrize("table", [OAUTH, CRM, BILLING])
def test_every_row_says_what_it_means_and_what_to_do(table):
    for row in table.values():
        assert row.words
        assert row.advice
        assert row.family == ("worth retrying" if issubclass(row.error, Retryable) else "needs a person")
        assert issubclass(row.error, Retryable | NeedsPerson)


def test_an_unknown_code_needs_a_person_with_zohos_own_words():
    crm = raised((400, {"code": "BRAND_NEW", "message": "Never seen"}), system=System.CRM, call=CRM_READ)
    billing = raised((400, {"code": 987654, "message": "Never seen"}), system=System.BILLING, call=READ)

    assert (type(crm), type(billing)) == (NeedsPerson, NeedsPerson)
    assert "It said: Never seen [BRAND_NEW]" in str(crm)
    assert "It said: Never seen [987654]" in str(billing)


def test_an_unknown_code_with_a_telling_status_is_what_the_status_says():
    assert type(crm_error({"code": "BRAND_NEW"}, 503)) is ServerTrouble
    assert billing_error({"code": 987654}, 429).retry_after == 60
    assert type(oauth_error({"error": "brand_new"})).__name__ == "Misconfigured"


@pytest.mark.parametrize("words", ["Plan code already exists", "Duplicate addon", "Name has been used"])
def test_a_taken_code_in_billing_is_known_by_its_words(words):
    assert type(billing_error({"code": 102, "message": words}, 400)) is DuplicateRecord


def test_zohos_details_are_kept():
    error = billing_error({"code": 2, "message": "no", "errors": [{"field": "price"}]}, 400)

    assert (type(error), error.details) == (InvalidField, {"errors": [{"field": "price"}]})
