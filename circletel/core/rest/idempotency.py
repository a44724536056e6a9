"""`Idempotency-Key` at the door, as the IETF's draft describes it."""

import re
from collections.abc import Callable
from typing import Any

from django.http import HttpResponse, HttpResponseBase
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from circletel.core import idempotency
from circletel.core.idempotency import Answer
from circletel.core.rest.problems import Problem

HEADER = "Idempotency-Key"
# A structured string ("…") as in the draft, or the bare key that most clients send.
KEY = re.compile(r'"([\x20-\x21\x23-\x5b\x5d-\x7e]{1,255})"|([\x21\x23-\x7e]{1,255})')
KEPT_HEADERS = ("Location",)


class InvalidKey(Problem):
    status_code = 400
    type = "urn:circletel:problem:invalid-idempotency-key"
    title = "The Idempotency-Key is not understood"


class RequestInProgress(Problem):
    status_code = 409
    type = "urn:circletel:problem:request-in-progress"
    title = "The first request with this key is at work still"


class KeyUsedOtherwise(Problem):
    status_code = 422
    type = "urn:circletel:problem:idempotency-key-used"
    title = "The Idempotency-Key came with another request before"


class IdempotentPosts:
    """For a view whose `actor` is known once `initial` has run: does a POST that brings a key once.

    Wrap the handler with `done_once`; whatever it answers below 500 is kept and given again.
    """

    actor: Any
    handle_exception: Callable[[Exception], Response]

    def done_once(self, handler: Callable[..., Any], request: Request) -> Callable[..., Any]:
        key = _key(request)

        def handle(request: Request, *args: Any, **kwargs: Any) -> HttpResponseBase:
            def work() -> Answer:
                try:
                    response = handler(request, *args, **kwargs)
                except Exception as exc:
                    response = self.handle_exception(exc)
                return _kept(response)

            try:
                answer, again = idempotency.once(key, actor=self.actor, request=_asked(request), work=work)
            except idempotency.InProgress:
                raise RequestInProgress("Ask again in a moment: you will get its answer.") from None
            except idempotency.KeyUsedOtherwise:
                raise KeyUsedOtherwise(
                    "This key was sent with another address or body in the last 24 hours."
                    " Give each request a key of its own."
                ) from None
            except _NotKept as trouble:
                return trouble.response
            return _as_response(answer, again)

        return handle


def _key(request: Request) -> str:
    found = KEY.fullmatch(request.headers[HEADER].strip())
    if found is None:
        raise InvalidKey(f"{HEADER} expects 1 to 255 visible ASCII characters, such as a UUID.")
    return found[1] or found[2]


def _asked(request: Request) -> bytes:
    line = f"{request.method} {request.get_full_path()} {request.content_type}\n"
    return line.encode() + request._request.body


def _kept(response: Any) -> Answer:
    headers = {name: response[name] for name in KEPT_HEADERS if name in response}
    if not isinstance(response, Response):
        return Answer(response.status_code, response.content.decode(), headers)
    if response.status_code >= 500 and response.exception:
        raise _NotKept(response)
    if response.data is None:
        return Answer(response.status_code, "", headers)
    headers["Content-Type"] = response.content_type or "application/json"
    return Answer(response.status_code, JSONRenderer().render(response.data).decode(), headers)


class _NotKept(Exception):
    """Carries an answer of 500 or more out of the transaction, which is undone."""

    def __init__(self, response: Response) -> None:
        super().__init__(response.status_code)
        self.response = response


def _as_response(answer: Answer, again: bool) -> HttpResponse:
    response = HttpResponse(answer.body, status=answer.status, headers=answer.headers)
    if "Content-Type" not in answer.headers:
        del response["Content-Type"]
    if again:
        response["Idempotency-Replayed"] = "true"
    return response
