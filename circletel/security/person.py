"""Whose request is being answered, for what learns of a deed by a signal and is handed no actor."""

from collections.abc import Callable
from contextvars import ContextVar

from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse

_request: ContextVar[HttpRequest | None] = ContextVar("request", default=None)


def current_person() -> User | None:
    """Who is logged in; None outside a request and for nobody. Services take their actor as a keyword instead."""
    request = _request.get()
    person = getattr(request, "user", None)
    return person if isinstance(person, User) or (person and person.is_authenticated) else None


class PersonMiddleware:
    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        token = _request.set(request)
        try:
            return self.get_response(request)
        finally:
            _request.reset(token)
