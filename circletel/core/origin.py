"""Where a deed comes from: the correlation id, address and user agent that follow it into audit and logs."""

import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace

from django.http import HttpRequest, HttpResponse


@dataclass(frozen=True)
class Origin:
    """Who knocked: a browser, a program, a schedule or a shell.

    `correlation_id` ties click, task and Zoho call together; `token` is the name of the API token that was shown.
    """

    correlation_id: str = ""
    address: str | None = None
    user_agent: str = ""
    token: str = ""


_UNKNOWN = Origin()
_origin: ContextVar[Origin] = ContextVar("origin", default=_UNKNOWN)


def current_origin() -> Origin:
    return _origin.get()


def new_correlation_id() -> str:
    return uuid.uuid4().hex


def came_with_token(name: str) -> None:
    """What is left of the request was asked with this API token."""
    _origin.set(replace(_origin.get(), token=name))


@contextmanager
def acting_from(origin: Origin) -> Iterator[Origin]:
    """Everything done inside belongs to `origin`."""
    token = _origin.set(origin)
    try:
        yield origin
    finally:
        _origin.reset(token)


class OriginMiddleware:
    """Gives each request its origin and answers with its correlation id in `X-Correlation-Id`."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        origin = Origin(
            correlation_id=new_correlation_id(),
            address=request.META.get("REMOTE_ADDR") or None,
            user_agent=request.META.get("HTTP_USER_AGENT", "")[:400],
        )
        with acting_from(origin):
            response = self.get_response(request)
        response["X-Correlation-Id"] = origin.correlation_id
        return response
