"""The short way to the storefront: reads there are anonymous, so nothing has to ask who it is that reads."""

from collections.abc import Callable
from functools import lru_cache

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.urls import Resolver404, ResolverMatch, resolve

PREFIX = "/api/v1/"
LONGEST_REMEMBERED = 200
# For data that is no page: a browser that is led there by hand loads and runs nothing.
NOTHING = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"


class StorefrontMiddleware:
    """Answers reads of the storefront itself, past the session, the log-in and all that belongs to them.

    What every answer needs (security headers, the correlation id, timing) stands outside of it. Addresses that lead
    nowhere, and everything but GET and HEAD, go the long way.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.method not in ("GET", "HEAD") or not request.path_info.startswith(PREFIX):
            return self.get_response(request)
        request.get_host()  # refuses hosts that are not ours
        try:
            match = _resolve(request.path_info, settings.ROOT_URLCONF)
        except Resolver404:
            return self.get_response(request)
        request.resolver_match = match
        response = match.func(request, *match.args, **match.kwargs)
        if hasattr(response, "render"):
            response = response.render()
        response.headers.setdefault("Content-Length", str(len(response.content)))
        response.headers.setdefault("Content-Security-Policy", NOTHING)
        return response


def _resolve(path: str, urlconf: str) -> ResolverMatch:
    return _remembered(path, urlconf) if len(path) <= LONGEST_REMEMBERED else resolve(path, urlconf)


# The same addresses are asked for again and again, and finding the view is a tenth of a repeated answer.
@lru_cache(maxsize=2_000)
def _remembered(path: str, urlconf: str) -> ResolverMatch:
    return resolve(path, urlconf)
