"""Every call to Zoho goes through here: token, budget, timeouts, retries, log, and one kind of exception."""

import math
import random
import ssl
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import cache
from typing import Any
from uuid import UUID

import httpx
from django.conf import settings
from redis.exceptions import RedisError
from tenacity import RetryCallState, Retrying, retry_if_exception, stop_after_attempt

from zoho_sync.connection.auth import AccessToken, TokenSource
from zoho_sync.connection.breaker import Breaker
from zoho_sync.connection.codes import TOKEN_REFUSED, billing_error, crm_error
from zoho_sync.connection.errors import (
    BudgetSpent,
    OutcomeUnknown,
    RateLimited,
    Retryable,
    ServerTrouble,
    Unreachable,
    ZohoError,
)
from zoho_sync.connection.limits import Allowance, Budget
from zoho_sync.connection.log import begin_log, end_log
from zoho_sync.models import System

# The pauses before the second, third and fourth try of a call that is safe to repeat.
PAUSES = (1.0, 2.0, 4.0)
CONNECT_TIMEOUT_SECONDS = 5.0
READ_TIMEOUT_SECONDS = 15.0
# Zoho asking for more than this is answered by giving the record back, not by holding it.
LONGEST_PAUSE = 5.0
# Whoever asks for more than a day is not believed: it may be a proxy's clock.
LONGEST_REST_SECONDS = 86_400.0


# A gateway that gave up waiting: what it waited for goes on behind it.
GATEWAY_GAVE_UP = (502, 504)
_unanswered: ContextVar[list[str] | None] = ContextVar("unanswered_writes", default=None)

RECORDS_A_CREDIT = 10
CREDITS_OF_A_QUERY = 3


@dataclass(frozen=True)
class Call:
    """One errand. `safe` means that sending it twice does no harm; `packages` whom the log names."""

    method: str
    path: str
    safe: bool
    params: dict[str, Any] = field(default_factory=dict)
    body: Any = None
    packages: Sequence[UUID] = ()
    records: int = 0


@dataclass(frozen=True)
class Answer:
    """A success. `body` is None where Zoho had nothing to say (204, 304)."""

    http_status: int
    body: dict[str, Any] | None


@contextmanager
def noting_unanswered_writes() -> Iterator[list[str]]:
    """Collects the paths of writes that were sent inside it and not answered. Zoho may still carry them out, also when
    the same was sent again and acknowledged meanwhile, and also after what is sent next."""
    found: list[str] = []
    token = _unanswered.set(found)
    try:
        yield found
    finally:
        _unanswered.reset(token)


@cache
def _certificates() -> ssl.SSLContext:
    """Whom we trust. Read once: reading takes longer than many a call."""
    return httpx.create_ssl_context()


class ZohoHttp:
    """A connection to one Zoho system. Raises nothing but ZohoErrors for whatever happens on the wire."""

    def __init__(
        self,
        system: System,
        *,
        transport: httpx.BaseTransport | None = None,
        sleep: Callable[[float], None] = time.sleep,
        allowance: Allowance | None = None,
        refresh_token: str | None = None,
    ):
        """`allowance` counts and limits the calls of one run. With another user's `refresh_token` the calls are
        that user's, and their refusals say nothing about our own connection."""
        self.system = system
        self.allowance = allowance or Allowance()
        self._for_another = refresh_token is not None
        timeout = httpx.Timeout(READ_TIMEOUT_SECONDS, connect=CONNECT_TIMEOUT_SECONDS)
        self._http = httpx.Client(
            transport=transport, timeout=timeout, follow_redirects=False, verify=_certificates()
        )
        self._tokens = TokenSource(self._http, refresh_token)
        self.budget = Budget(system)
        self.breaker = Breaker(system)
        self._sleep = sleep

    def close(self) -> None:
        self._http.close()

    def send(self, call: Call) -> Answer:
        """Send `call`, again where that is safe and promising. The breaker hears how it ended."""
        troubles: list[BaseException] = []

        def is_worth_another_try(error: BaseException) -> bool:
            troubles.append(error)
            return self._again_soon(call, error)

        retrying = Retrying(
            stop=stop_after_attempt(1 + len(PAUSES)),
            retry=retry_if_exception(is_worth_another_try),
            wait=_pause,
            sleep=self._sleep,
            reraise=True,
        )
        try:
            for attempt in retrying:
                with attempt:
                    answer = self._with_token(call, attempt.retry_state.attempt_number)
        except ZohoError as error:
            # The last try may have been refused, and one before it done without a word.
            error.may_have_landed = any(getattr(one, "may_have_landed", False) for one in troubles)
            if not isinstance(error, BudgetSpent):  # which says nothing about Zoho
                self._tell_breaker(error)
            raise
        self._tell_breaker(None)
        return answer

    def _tell_breaker(self, error: ZohoError | None) -> None:
        if self._for_another:
            return
        # What Zoho answered counts also while Redis is away: forgetting it would send the record a second time.
        with suppress(RedisError):
            if error is not None and error.about_connection:
                self.breaker.failed(error)
            else:
                self.breaker.succeeded()  # a refusal is an answer: Zoho is there

    def _again_soon(self, call: Call, error: BaseException) -> bool:
        if not isinstance(error, Retryable) or isinstance(error, BudgetSpent | OutcomeUnknown):
            return False
        # A refused call was not taken, so even a create may be repeated; but not into a long block.
        may_repeat = call.safe or isinstance(error, RateLimited | Unreachable)
        return may_repeat and (error.retry_after or 0) <= LONGEST_PAUSE

    def _with_token(self, call: Call, attempt: int) -> Answer:
        """One try; a token that died early is renewed once and the try repeated once."""
        token = self._tokens.current()
        try:
            return self._once(call, token, attempt)
        except ZohoError as error:
            if error.http_status != 401 or error.code not in TOKEN_REFUSED[self.system]:
                raise
        self._tokens.discard(token)
        return self._once(call, self._tokens.current(), attempt)

    def _once(self, call: Call, token: AccessToken, attempt: int) -> Answer:
        with self.budget.one_call(self._cost_of(call)):
            self.allowance.take()
            log = begin_log(
                system=self.system,
                method=call.method,
                path=call.path,
                packages=call.packages,
                records=call.records,
                request=call.body if call.body is not None else call.params or None,
                attempt=attempt,
            )
            begun, response, error, body = time.monotonic(), None, None, None
            try:
                response = self._http.request(
                    call.method,
                    token.api_url + call.path,
                    params=call.params,
                    json=call.body,
                    headers=self._headers(token),
                )
                body = _json(response)
                error = self._error_in(call, response, body)
                if response.status_code in GATEWAY_GAVE_UP:
                    _note_unanswered(call)
            except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as trouble:
                error = Unreachable(f"{self.system.label} did not answer: {_words(trouble)}.")
            except (httpx.HTTPError, httpx.InvalidURL) as trouble:
                error = self._broken_off(call, _words(trouble))
                _note_unanswered(call)
        end_log(
            log,
            response=body if body is not None else (_text(response)[:2000] if response is not None else None),
            http_status=response.status_code if response is not None else None,
            error=error,
            seconds=time.monotonic() - begun,
        )
        if error is not None:
            raise error
        assert response is not None  # no error means that there was an answer
        return Answer(response.status_code, body if isinstance(body, dict) else None)

    def _cost_of(self, call: Call) -> int:
        """Billing counts calls. CRM counts credits: one for ten records written, up to three for a query."""
        if self.system is System.BILLING:
            return 1
        if call.path.endswith("/coql"):
            return CREDITS_OF_A_QUERY
        return max(1, math.ceil(call.records / RECORDS_A_CREDIT))

    def _headers(self, token: AccessToken) -> dict[str, str]:
        headers = {"Authorization": f"Zoho-oauthtoken {token.value}"}
        if self.system is System.BILLING:
            headers["X-com-zoho-subscriptions-organizationid"] = settings.ZOHO_BILLING_ORGANIZATION_ID
        return headers

    def _error_in(self, call: Call, response: httpx.Response, body: Any) -> ZohoError | None:
        status, retry_after = response.status_code, _retry_after(response)
        if status in (204, 304):
            return None
        if not isinstance(body, dict):
            if 200 <= status < 300:
                return self._broken_off(call, "its answer could not be read")
            body = {"message": _text(response)[:200]}
        error = (
            self._crm_error(status, body, retry_after)
            if self.system is System.CRM
            else self._billing_error(status, body, retry_after)
        )
        if isinstance(error, ServerTrouble) and not call.safe:
            return OutcomeUnknown(str(error), code=error.code, http_status=status)
        return error

    def _crm_error(self, status: int, body: dict[str, Any], retry_after: float | None) -> ZohoError | None:
        # Batch writes carry one result per record, whatever the status: those are judged one by one by the client.
        results: list[Any] = next(
            (body[key] for key in ("data", "fields") if isinstance(body.get(key), list)), []
        )
        judged = bool(results) and all(isinstance(item, dict) for item in results)
        if judged and (status < 300 or (status == 400 and "status" in results[0])):
            return None
        if status < 300 and body.get("status") != "error":
            return None
        return crm_error(results[0] if judged else body, status, retry_after)

    def _billing_error(
        self, status: int, body: dict[str, Any], retry_after: float | None
    ) -> ZohoError | None:
        if 200 <= status < 300 and str(body.get("code", "")) == "0":
            return None
        return billing_error(body, status, retry_after)

    def _broken_off(self, call: Call, words: str) -> ZohoError:
        if call.safe:
            return ServerTrouble(f"{self.system.label} broke off: {words}.")
        return OutcomeUnknown(
            f"{self.system.label} broke off, so it is not known whether the record was made: {words}."
        )


def _note_unanswered(call: Call) -> None:
    found = _unanswered.get()
    if found is not None and call.method != "GET":
        found.append(call.path)


def _pause(state: RetryCallState) -> float:
    error = state.outcome.exception() if state.outcome else None
    asked = getattr(error, "retry_after", None)
    # tenacity asks after the last try too, when no pause follows.
    pause = PAUSES[min(state.attempt_number, len(PAUSES)) - 1]
    return asked if asked is not None else pause * random.uniform(0.75, 1.25)


def _text(response: httpx.Response) -> str:
    """The body in words, also where it is not in the encoding it claims."""
    try:
        return response.text
    except (UnicodeError, LookupError):
        return response.content.decode(errors="replace")


def _json(response: httpx.Response) -> Any:
    try:
        return response.json() if response.content else None
    except (ValueError, RecursionError):
        return None


def _retry_after(response: httpx.Response) -> float | None:
    """Seconds asked for by the server; Zoho does not document the header but proxies before it send it."""
    try:
        seconds = float(response.headers.get("Retry-After", ""))
    except ValueError:
        return None
    return min(max(0.0, seconds), LONGEST_REST_SECONDS) if math.isfinite(seconds) else None


def _words(trouble: Exception) -> str:
    return f"{type(trouble).__name__} {trouble}".strip()
