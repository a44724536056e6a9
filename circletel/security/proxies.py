"""The client's address behind proxies that are ours."""

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse


class ClientAddressMiddleware:
    """Puts the client's address where everything else looks for it: REMOTE_ADDR.

    Each proxy adds the address it was called from to the end of X-Forwarded-For, so with N proxies of ours the N-th
    from the end was written by our own outermost one. What stands before it anybody may have made up.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        proxies = settings.TRUSTED_PROXIES
        told = [
            each.strip() for each in request.META.get("HTTP_X_FORWARDED_FOR", "").split(",") if each.strip()
        ]
        if proxies and len(told) >= proxies:
            request.META["REMOTE_ADDR"] = told[-proxies]
        return self.get_response(request)
