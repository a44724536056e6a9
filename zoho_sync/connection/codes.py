"""Zoho's error codes, one row each: HTTP status, which error it is to us, what it means, and what to do.

CRM codes are from the v8 record, field, profile and query pages and the status-code page; Billing publishes few
numbers, so those rows are what clients have recorded. A code without a row needs a person, with Zoho's own words.
`docs/zoho-errors.md` is generated from these tables.
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
    """What a code is to us. `words` say what it means and `advice` what to do, both for an operator."""

    error: type[ZohoError]
    http_status: int
    words: str
    advice: str
    pause: float | None = None
    """Seconds to leave Zoho alone."""

    @property
    def family(self) -> str:
        return "worth retrying" if issubclass(self.error, Retryable) else "needs a person"


# What to do, where several codes ask for the same.
BY_ITSELF = "nothing: it is tried again by itself"
NEW_TOKEN = "nothing: the token is renewed and the call repeated once; if it stays, make a new refresh token"  # noqa: S105
SCOPES = "make a new refresh token with the scopes of docs/configuration.md"
PERMISSION = "give the integration's profile View, Create and Edit on Products and Module Customization"
VALUE = "correct the value in the product and publish it"
OURS = "tell the developers: the request is wrong, not the product"
TABLE = "see which field is meant, and run manage.py zoho_fields check"
ADDRESS = "check ZOHO_API_URL and ZOHO_ACCOUNTS_URL: is it the right data centre?"
FASTER = "nothing; if it comes often, lower the budget of calls or raise the plan in Zoho"

OAUTH = {
    "invalid_code": Meaning(
        Misconfigured,
        200,
        "the refresh token is wrong or was revoked",
        "make a new one and set ZOHO_REFRESH_TOKEN",
    ),
    "invalid_client": Meaning(
        Misconfigured,
        200,
        "client id or data centre is wrong",
        "check ZOHO_CLIENT_ID and ZOHO_ACCOUNTS_URL",
    ),
    "invalid_client_secret": Meaning(
        Misconfigured, 200, "the client secret is wrong", "check ZOHO_CLIENT_SECRET"
    ),
    "invalid_redirect_uri": Meaning(
        Misconfigured, 200, "the redirect address is not the client's", "use a self client, which has none"
    ),
    "access_denied": Meaning(
        Misconfigured,
        200,
        "the consent was refused or taken back",
        "make a new refresh token as the same user",
    ),
    "Access Denied": Meaning(
        RateLimited, 400, "too many tokens were asked for", "nothing: it waits ten minutes", pause=600
    ),
}

CRM = {
    "INVALID_TOKEN": Meaning(NotAuthorised, 401, "the access token was refused", NEW_TOKEN),
    "AUTHENTICATION_FAILURE": Meaning(NotAuthorised, 401, "the access token was refused", NEW_TOKEN),
    "OAUTH_SCOPE_MISMATCH": Meaning(NotAuthorised, 401, "the connection was granted too few scopes", SCOPES),
    "NO_PERMISSION": Meaning(
        NotAuthorised, 403, "the integration's user lacks a permission in CRM", PERMISSION
    ),
    "AUTHORIZATION_FAILED": Meaning(
        NotAuthorised, 400, "the integration's user lacks a permission in CRM", PERMISSION
    ),
    "INVALID_MODULE": Meaning(
        Misconfigured,
        400,
        "the module is unknown or hidden from the integration's user",
        "show the tab Products to the integration's profile",
    ),
    "INVALID_URL_PATTERN": Meaning(
        Misconfigured, 404, "the address is wrong; the data centre may be too", ADDRESS
    ),
    "INVALID_REQUEST_METHOD": Meaning(
        Misconfigured, 400, "the address does not take this kind of request", ADDRESS
    ),
    "API_NOT_SUPPORTED": Meaning(
        Misconfigured, 400, "this call is not part of the organisation's edition", "check the edition of CRM"
    ),
    "LICENSE_LIMIT_EXCEEDED": Meaning(
        Misconfigured, 400, "the edition's limit is reached", "raise the edition or delete what is not used"
    ),
    "NOT_ALLOWED": Meaning(InvalidField, 400, "CRM does not allow this change", TABLE),
    "NOT_SUPPORTED": Meaning(InvalidField, 400, "CRM does not know this change", TABLE),
    "INVALID_DATA": Meaning(InvalidField, 400, "a value has the wrong type, length or reference", VALUE),
    "UNABLE_TO_PARSE_DATA_TYPE": Meaning(InvalidField, 400, "a value has the wrong type", VALUE),
    "PATTERN_NOT_MATCHED": Meaning(InvalidField, 400, "a value has the wrong form", VALUE),
    "MANDATORY_NOT_FOUND": Meaning(
        InvalidField, 400, "a required field is missing", "fill it in, or make it optional in CRM's layout"
    ),
    "DEPENDENT_FIELD_MISSING": Meaning(
        InvalidField, 400, "a field that another one depends on is missing", TABLE
    ),
    "DEPENDENT_MISMATCH": Meaning(InvalidField, 400, "two fields that depend on each other disagree", TABLE),
    "EXPECTED_FIELD_MISSING": Meaning(InvalidField, 400, "an expected field is missing", TABLE),
    "REQUIRED_PARAM_MISSING": Meaning(InvalidField, 400, "a required parameter is missing", OURS),
    "EXPECTED_PARAM_MISSING": Meaning(InvalidField, 400, "an expected parameter is missing", OURS),
    "LIMIT_EXCEEDED": Meaning(
        InvalidField,
        400,
        "too many records, fields or criteria in one call",
        f"{OURS}; or CRM holds no more fields",
    ),
    "LIMIT_REACHED": Meaning(InvalidField, 400, "a search ends at 2,000 records", OURS),
    "INVALID_QUERY": Meaning(InvalidField, 400, "the query is wrong", OURS),
    "SYNTAX_ERROR": Meaning(InvalidField, 400, "the query cannot be read", OURS),
    "RESERVED_KEYWORD_NOT_ALLOWED": Meaning(
        InvalidField, 400, "CRM keeps this name for itself", "choose another ZOHO_CRM_FIELD_PREFIX"
    ),
    "DISCRETE_PAGINATION_LIMIT_EXCEEDED": Meaning(
        InvalidField, 400, "pages by number end at 2,000 records", OURS
    ),
    "PAGINATION_LIMIT_EXCEEDED": Meaning(InvalidField, 400, "a list ends at 100,000 records", OURS),
    "EXPIRED_VALUE": Meaning(
        Retryable, 400, "the place in the list is older than a day", "start the run again"
    ),
    "TOKEN_BOUND_DATA_MISMATCH": Meaning(
        Retryable, 400, "the place in the list belongs to another list", "start the run again"
    ),
    "AMBIGUITY_DURING_PROCESSING": Meaning(InvalidField, 400, "two parameters exclude each other", OURS),
    "DUPLICATE_DATA": Meaning(
        DuplicateRecord,
        400,
        "another record has this value in a unique field",
        "find it in CRM; delete one, or run the backfill to adopt it",
    ),
    "MULTIPLE_OR_MULTI_ERRORS": Meaning(
        DuplicateRecord,
        400,
        "several unique fields belong to other records",
        "find them in CRM and decide which one is the package",
    ),
    "RECORD_LOCKED": Meaning(Retryable, 400, "the record is locked in CRM for the moment", BY_ITSELF),
    "NOT_APPROVED": Meaning(
        Retryable, 400, "the record waits for an approval in CRM", "approve it in CRM, or end that approval"
    ),
    "RECORD_IN_BLUEPRINT": Meaning(
        Retryable, 400, "the record is in a blueprint in CRM", "take Products out of the blueprint"
    ),
    "ALREADY_MODIFIED": Meaning(Retryable, 412, "the record changed meanwhile", BY_ITSELF),
    "TOO_MANY_REQUESTS": Meaning(
        RateLimited, 429, "credits or concurrent calls are used up", FASTER, pause=15
    ),
    "RATE_LIMIT_EXCEEDED": Meaning(
        RateLimited, 429, "credits or concurrent calls are used up", FASTER, pause=15
    ),
    "DEPENDENT_SERVICE_ERROR": Meaning(ServerTrouble, 500, "a service behind Zoho CRM failed", BY_ITSELF),
    "SERVICE_UNAVAILABLE": Meaning(ServerTrouble, 503, "Zoho CRM is not available", BY_ITSELF),
    "REQUEST_TIMEOUT": Meaning(ServerTrouble, 500, "Zoho CRM took too long", BY_ITSELF),
    "INTERNAL_ERROR": Meaning(ServerTrouble, 500, "Zoho CRM failed inside", BY_ITSELF),
}

BILLING = {
    "2": Meaning(InvalidField, 400, "a value is invalid", VALUE),
    "4": Meaning(InvalidField, 400, "a value is invalid", VALUE),
    "5": Meaning(Misconfigured, 404, "the address is wrong", ADDRESS),
    "9": Meaning(Misconfigured, 400, "the API address must be a zohoapis one", ADDRESS),
    "14": Meaning(NotAuthorised, 401, "the access token was refused", NEW_TOKEN),
    "57": Meaning(NotAuthorised, 401, "the token expired, or was granted too few scopes", SCOPES),
    "44": Meaning(
        RateLimited, 429, "too many calls in this minute; Zoho blocks for a while", FASTER, pause=60
    ),
    "45": Meaning(RateLimited, 429, "the day's calls are used up", FASTER, pause=1800),
    "1070": Meaning(RateLimited, 429, "too many calls at once", FASTER, pause=5),
    "1000": Meaning(ServerTrouble, 500, "Zoho Billing failed inside", BY_ITSELF),
    "1002": Meaning(RecordGone, 404, "the record does not exist", "send it again: it is made anew"),
    "2006": Meaning(RecordGone, 400, "the product does not exist", "send it again: it is made anew"),
    "101002": Meaning(RecordGone, 400, "the plan does not exist", "send it again: it is made anew"),
    "102001": Meaning(RecordGone, 400, "the add-on does not exist", "send it again: it is made anew"),
    "3004": Meaning(RecordGone, 400, "the customer does not exist", "find the customer in Billing"),
    "3062": Meaning(
        DuplicateRecord, 400, "a customer of that name exists", "use that customer, or another name"
    ),
    "6041": Meaning(
        Misconfigured,
        400,
        "the user is not in that organisation: check ZOHO_BILLING_ORGANIZATION_ID",
        "check ZOHO_BILLING_ORGANIZATION_ID",
    ),
    "120129": Meaning(
        InvalidField,
        400,
        "a custom field of that label does not exist: check ZOHO_BILLING_CUSTOM_FIELDS",
        "make it in Billing, or take it out of ZOHO_BILLING_CUSTOM_FIELDS",
    ),
}
TAKEN = Meaning(
    DuplicateRecord,
    400,
    "another record has this code or name",
    "compare the two: run the backfill to adopt it, or rename it in Billing",
)

# Zoho publishes no number for "this code is taken" in Billing; its words are the only sign.
_TAKEN = ("already exist", "already been taken", "already in use", "duplicate", "has been used")
TOKEN_REFUSED = {"crm": {"INVALID_TOKEN", "AUTHENTICATION_FAILURE"}, "billing": {"14", "57"}}


def crm_error(
    problem: dict[str, Any], http_status: int | None, retry_after: float | None = None
) -> ZohoError:
    """The error that a CRM problem object ({code, message, details}) stands for."""
    code, found = str(problem.get("code", "")), problem.get("details")
    details: dict[str, Any] = found if isinstance(found, dict) else {}
    where = f" ({details['api_name']})" if details.get("api_name") else ""
    meaning = CRM.get(code) or _by_status(http_status)
    return _error("Zoho CRM", meaning, where, problem, http_status, details, retry_after)


def billing_error(
    body: dict[str, Any], http_status: int | None, retry_after: float | None = None
) -> ZohoError:
    """The error that a Billing answer ({code, message}) stands for."""
    code, words = str(body.get("code", "")), str(body.get("message", ""))
    meaning = BILLING.get(code)
    if http_status and http_status < 500 and any(sign in words.lower() for sign in _TAKEN):
        meaning = TAKEN
    details = {"errors": body["errors"]} if body.get("errors") else {}
    return _error(
        "Zoho Billing", meaning or _by_status(http_status), "", body, http_status, details, retry_after
    )


def oauth_error(answer: dict[str, Any]) -> ZohoError:
    """The error that an answer of the accounts server without a token stands for, whatever its status."""
    code, words = str(answer.get("error", "")), str(answer.get("error_description", ""))
    throttled = code.replace("_", " ").lower() == "access denied" and "too many" in words.lower()
    meaning = OAUTH["Access Denied"] if throttled else OAUTH.get(code)
    meaning = meaning or Meaning(Misconfigured, 200, "the connection was refused", SCOPES)
    message = (
        f"Zoho gives no access token: {meaning.words}: {meaning.advice}. It said: {code} {words}".rstrip()
    )
    return meaning.error(message, code=code, retry_after=meaning.pause)


def advice_for(system: str, code: str, error_class: str) -> str:
    """What an operator does about a stored error; empty for a code without a row."""
    table = CRM if system == "crm" else BILLING
    meaning = table.get(code)
    if error_class == DuplicateRecord.__name__ and system == "billing" and meaning is None:
        meaning = TAKEN
    return meaning.advice if meaning else ""


def _error(
    system: str,
    meaning: Meaning,
    where: str,
    said: dict[str, Any],
    http_status: int | None,
    details: dict[str, Any],
    retry_after: float | None,
) -> ZohoError:
    code, words = str(said.get("code", "")), str(said.get("message", ""))
    message = f"{system}: {meaning.words}{where}. It said: {words or 'nothing'} [{code or http_status}]"
    return meaning.error(
        message, code=code, http_status=http_status, details=details, retry_after=retry_after or meaning.pause
    )


def _by_status(http_status: int | None) -> Meaning:
    """What a status alone says, when the code has no row."""
    if http_status == 429:
        return Meaning(RateLimited, 429, "too many calls", FASTER, pause=60)
    if http_status is not None and http_status >= 500:
        return Meaning(ServerTrouble, http_status, "Zoho failed inside", BY_ITSELF)
    if http_status is not None and (300 <= http_status < 400 or http_status == 408):
        # A page of maintenance, a proxy that waited too long: nobody judged the record.
        return Meaning(ServerTrouble, http_status, "something else answered in Zoho's place", BY_ITSELF)
    if http_status in (401, 403):
        return Meaning(NotAuthorised, http_status, "the connection was refused", SCOPES)
    if http_status == 404:
        return Meaning(RecordGone, 404, "nothing is there", "look for it in Zoho")
    return Meaning(NeedsPerson, http_status or 400, "the request was refused", "read what Zoho said")
