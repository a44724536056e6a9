"""What records fail of, as a fingerprint: system, error class and field. What fails alike is mended alike."""

import re
from dataclasses import dataclass
from typing import Any

from zoho_sync.models import System

_FIELD_IN_WORDS = re.compile(r"(?:Invalid value passed for|for field|parameter) ['\"]?(\w{2,60})")


@dataclass(frozen=True)
class Advice:
    """For a person: what happened, in plain words, and what mends it."""

    words: str
    what_to_do: str


ADVICE = {
    "InvalidField": Advice(
        "A value is missing, too long or of the wrong type.",
        "Correct the field named in the error on the product, have it approved and publish it. What was not"
        " published anew can be tried again here once Zoho's field was widened.",
    ),
    "DuplicateRecord": Advice(
        "Another record in Zoho has the same key or name.",
        "Open that record in Zoho. If it is ours, make its values agree or delete it there, then retry.",
    ),
    "RecordGone": Advice(
        "The record, or one it needs, is no longer in Zoho.",
        "Retry the product or plan it belongs to first: it is made again. Then retry this.",
    ),
    "NotAuthorised": Advice(
        "Zoho refuses the connection or a right it needs.",
        "Check the scopes of the refresh token and the rights of its user, then retry. Records are kept.",
    ),
    "Misconfigured": Advice(
        "The connection to Zoho is set up wrongly.",
        "Correct the setting that the error names, restart the workers, then retry.",
    ),
    "RateLimited": Advice("Zoho limits our calls for a while.", "Nothing: it goes on by itself."),
    "Unreachable": Advice("Zoho did not answer.", "Nothing: it is tried again. Look at Zoho's status page."),
    "ServerTrouble": Advice(
        "Zoho failed inside.", "Nothing at first: it is tried again. Tell Zoho's support if it lasts."
    ),
    "OutcomeUnknown": Advice(
        "A record was sent and no answer came back.",
        "Nothing: the next try looks first whether it arrived.",
    ),
    "OurMistake": Advice(
        "Our own code failed on this record.",
        "Tell a developer: the log has the traceback under the correlation id. Retry after the repair.",
    ),
    "NeedsPerson": Advice(
        "Zoho refused the request with a code we do not know.",
        "Read Zoho's words in the error, mend what they name, then retry.",
    ),
}
# Error classes that say nothing about the record while Zoho answers nobody.
OF_AN_OUTAGE = {"Unreachable", "ServerTrouble", "OutcomeUnknown"}
UNKNOWN = Advice("It failed for a reason that was not recorded.", "Retry it once and read the new error.")


def cause_of(system: System, details: dict[str, Any]) -> str:
    """`billing:InvalidField:unit_name`: the fingerprint of a failure, from what `ZohoError.as_details` says."""
    return f"{system}:{details.get('class') or 'Unknown'}:{_field_of(details)}"[:200]


def _field_of(details: dict[str, Any]) -> str:
    inner = details.get("details") or {}
    if name := inner.get("api_name"):
        return str(name)
    if problems := inner.get("problems"):
        return ", ".join(sorted({str(problem).split(" ", 1)[0] for problem in problems}))
    if found := _FIELD_IN_WORDS.search(str(details.get("words", ""))):
        return found[1]
    return str(details.get("code") or "")


def parts(cause: str) -> tuple[str, str, str]:
    """System, error class and field of a fingerprint; empty where it has none."""
    system, _, rest = cause.partition(":")
    error_class, _, field = rest.partition(":")
    return system, error_class, field


def advice_on(cause: str) -> Advice:
    return ADVICE.get(parts(cause)[1], UNKNOWN)
