"""What can go wrong between us and Zoho, in two families.

    ZohoError
    ├── Retryable              the same request may work later
    │   ├── RateLimited          a limit was reached; the request was not taken
    │   ├── Unreachable          nobody answered; the request was not taken
    │   ├── ServerTrouble        Zoho failed, or answered what is no answer
    │   ├── OutcomeUnknown       a create went out and no answer came back: look before sending it again
    │   └── OurMistake           our own code failed on this record; the log has the traceback
    └── NeedsPerson            the same request will be refused again
        ├── InvalidField         Zoho refuses a value
        ├── DuplicateRecord      another record has the key or name
        ├── RecordGone           the record is no longer there
        ├── NotAuthorised        the connection lacks a right
        └── Misconfigured        the connection itself is wrong
            └── Disagreement       our settings and the organisation's contradict each other; nothing was sent

Every error carries Zoho's own words. `about_connection` says that the trouble is not the record's fault.
"""

from typing import Any

from circletel.core.secrecy import hidden, hide


class ZohoError(Exception):
    """An answer that is not a success. `str()` is fit for an operator."""

    about_connection = False
    may_have_landed = False
    """Whether Zoho may have done what was asked, although nothing says so."""

    def __init__(
        self,
        message: str,
        *,
        code: str = "",
        http_status: int | None = None,
        details: dict[str, Any] | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(hide(message))
        self.code = hide(code)
        self.http_status = http_status
        self.details = details or {}
        self.retry_after = retry_after

    def as_details(self) -> dict[str, Any]:
        """What is stored beside the record: class, code, status and Zoho's details."""
        return {
            "class": type(self).__name__,
            "code": self.code,
            "http_status": self.http_status,
            "details": hidden(self.details),
        }


class Retryable(ZohoError):
    """Worth trying again later; `retry_after` in seconds where known."""


class RateLimited(Retryable):
    about_connection = True


class BudgetSpent(RateLimited):
    """Our own share of the limit is used up; Zoho was not asked."""


class Unreachable(Retryable):
    about_connection = True


class ServerTrouble(Retryable):
    about_connection = True
    may_have_landed = True


class OutcomeUnknown(Retryable):
    about_connection = True
    may_have_landed = True


class OurMistake(Retryable):
    may_have_landed = True


class NeedsPerson(ZohoError):
    """Sending the same again is useless; someone has to change something first."""


class InvalidField(NeedsPerson):
    pass


class DuplicateRecord(NeedsPerson):
    pass


class RecordGone(NeedsPerson):
    pass


class NotAuthorised(NeedsPerson):
    about_connection = True


class Misconfigured(NeedsPerson):
    about_connection = True


class Disagreement(Misconfigured):
    """Found before anything was sent: no record is to blame and none is marked."""
