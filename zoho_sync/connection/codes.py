"""Zoho's error codes, one row each: which error it is to us and what it means in plain words.

CRM codes are from the v8 record pages (Upsert, Insert, Update, Get Records) and the status-code page; Billing
publishes few numbers, so those rows are what clients have recorded. A code without a row needs a person.
"""

from dataclasses import dataclass
from typing import Any

from zoho_sync.connection.errors import (
    DuplicateRecord,
    InvalidField,
    Misconfigured,
    NeedsPerson,
    NotAuthorised,
    RateLimited,
    RecordGone,
    Retryable,
    ServerTrouble,
    ZohoError,
)


@dataclass(frozen=True)
class Meaning:
    """What a code is to us. `words` explain it to an operator; `pause` is how many seconds to leave Zoho alone."""

    error: type[ZohoError]
    words: str
    pause: float | None = None


CRM = {
    "INVALID_TOKEN": Meaning(NotAuthorised, "the access token was refused"),
    "AUTHENTICATION_FAILURE": Meaning(NotAuthorised, "the access token was refused"),
    "OAUTH_SCOPE_MISMATCH": Meaning(NotAuthorised, "the connection was granted too few scopes"),
    "NO_PERMISSION": Meaning(NotAuthorised, "the integration's user lacks a permission in CRM"),
    "AUTHORIZATION_FAILED": Meaning(NotAuthorised, "the integration's user lacks a permission in CRM"),
    "INVALID_MODULE": Meaning(Misconfigured, "the module is unknown or hidden from the integration's user"),
    "INVALID_URL_PATTERN": Meaning(Misconfigured, "the address is wrong; the data centre may be too"),
    "INVALID_REQUEST_METHOD": Meaning(Misconfigured, "the address does not take this kind of request"),
    "INVALID_DATA": Meaning(InvalidField, "a value has the wrong type, length or reference"),
    "MANDATORY_NOT_FOUND": Meaning(InvalidField, "a required field is missing"),
    "DEPENDENT_FIELD_MISSING": Meaning(InvalidField, "a field that another one depends on is missing"),
    "EXPECTED_FIELD_MISSING": Meaning(InvalidField, "an expected field is missing"),
    "REQUIRED_PARAM_MISSING": Meaning(InvalidField, "a required parameter is missing"),
    "LIMIT_EXCEEDED": Meaning(InvalidField, "too many records, fields or criteria in one call"),
    "DUPLICATE_DATA": Meaning(DuplicateRecord, "another record has this value in a unique field"),
    "MULTIPLE_OR_MULTI_ERRORS": Meaning(DuplicateRecord, "several unique fields belong to other records"),
    "RECORD_LOCKED": Meaning(Retryable, "the record is locked in CRM for the moment"),
    "NOT_APPROVED": Meaning(Retryable, "the record waits for an approval in CRM"),
    "RECORD_IN_BLUEPRINT": Meaning(Retryable, "the record is in a blueprint in CRM"),
    "ALREADY_MODIFIED": Meaning(Retryable, "the record changed meanwhile"),
    "TOO_MANY_REQUESTS": Meaning(RateLimited, "credits or concurrent calls are used up", pause=15),
    "RATE_LIMIT_EXCEEDED": Meaning(RateLimited, "credits or concurrent calls are used up", pause=15),
    "INTERNAL_ERROR": Meaning(ServerTrouble, "Zoho CRM failed inside"),
}

BILLING = {
    "2": Meaning(InvalidField, "a value is invalid"),
    "4": Meaning(InvalidField, "a value is invalid"),
    "5": Meaning(Misconfigured, "the address is wrong"),
    "9": Meaning(Misconfigured, "the API address must be a zohoapis one"),
    "14": Meaning(NotAuthorised, "the access token was refused"),
    "57": Meaning(NotAuthorised, "the token expired, or was granted too few scopes"),
    "44": Meaning(RateLimited, "too many calls in this minute; Zoho blocks for a while", pause=60),
    "45": Meaning(RateLimited, "the day's calls are used up", pause=1800),
    "1070": Meaning(RateLimited, "too many calls at once", pause=5),
    "1000": Meaning(ServerTrouble, "Zoho Billing failed inside"),
    "1002": Meaning(RecordGone, "the record does not exist"),
    "2006": Meaning(RecordGone, "the product does not exist"),
    "101002": Meaning(RecordGone, "the plan does not exist"),
    "102001": Meaning(RecordGone, "the add-on does not exist"),
    "3004": Meaning(RecordGone, "the customer does not exist"),
    "3062": Meaning(DuplicateRecord, "a customer of that name exists"),
    "6041": Meaning(
        Misconfigured, "the user is not in that organisation: check ZOHO_BILLING_ORGANIZATION_ID"
    ),
    "120129": Meaning(
        InvalidField, "a custom field of that label does not exist: check ZOHO_BILLING_CUSTOM_FIELDS"
    ),
}

# Zoho publishes no number for "this code is taken" in Billing; its words are the only sign.
_TAKEN = ("already exist", "already been taken", "already in use", "duplicate", "has been used")
TOKEN_REFUSED = {"crm": {"INVALID_TOKEN", "AUTHENTICATION_FAILURE"}, "billing": {"14", "57"}}


def crm_error(
    problem: dict[str, Any], http_status: int | None, retry_after: float | None = None
) -> ZohoError:
    """The error that a CRM problem object ({code, message, details}) stands for."""
    code, words = str(problem.get("code", "")), str(problem.get("message", ""))
    found = problem.get("details")
    details: dict[str, Any] = found if isinstance(found, dict) else {}
    meaning = CRM.get(code) or _by_status(http_status)
    where = f" ({details['api_name']})" if details.get("api_name") else ""
    message = f"Zoho CRM: {meaning.words}{where}. It said: {words or 'nothing'} [{code or http_status}]"
    return meaning.error(
        message, code=code, http_status=http_status, details=details, retry_after=retry_after or meaning.pause
    )


def billing_error(
    body: dict[str, Any], http_status: int | None, retry_after: float | None = None
) -> ZohoError:
    """The error that a Billing answer ({code, message}) stands for."""
    code, words = str(body.get("code", "")), str(body.get("message", ""))
    meaning = BILLING.get(code)
    if http_status and http_status < 500 and any(sign in words.lower() for sign in _TAKEN):
        meaning = Meaning(DuplicateRecord, "another record has this code or name")
    meaning = meaning or _by_status(http_status)
    message = f"Zoho Billing: {meaning.words}. It said: {words or 'nothing'} [{code or http_status}]"
    details = {"errors": body["errors"]} if body.get("errors") else {}
    return meaning.error(
        message, code=code, http_status=http_status, details=details, retry_after=retry_after or meaning.pause
    )


def _by_status(http_status: int | None) -> Meaning:
    """What a status alone says, when the code has no row."""
    if http_status == 429:
        return Meaning(RateLimited, "too many calls", pause=60)
    if http_status is not None and http_status >= 500:
        return Meaning(ServerTrouble, "Zoho failed inside")
    if http_status in (401, 403):
        return Meaning(NotAuthorised, "the connection was refused")
    if http_status == 404:
        return Meaning(RecordGone, "nothing is there")
    return Meaning(NeedsPerson, "the request was refused")
