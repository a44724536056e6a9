"""Content-Security-Policy, strict but for what two libraries need, and the client's address behind our proxies."""

from collections.abc import Callable

from csp.constants import SELF, UNSAFE_EVAL, UNSAFE_INLINE
from csp.middleware import CSPMiddleware, PolicyParts
from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase

# Alpine.js evaluates its attributes, and charts and progress bars set their size by style attributes.
ADMIN = {"script-src": [SELF, UNSAFE_EVAL], "style-src": [SELF, UNSAFE_INLINE]}
# Swagger UI builds its styles as it goes.
DOCUMENTATION = {"style-src": [SELF, UNSAFE_INLINE]}


class ContentPolicyMiddleware(CSPMiddleware):
    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        # Whoever knows its own policy is not asked for another: putting one together takes a fifth of a quick answer.
        return (
            response if "Content-Security-Policy" in response else super().process_response(request, response)
        )

    def get_policy_parts(
        self, request: HttpRequest, response: HttpResponseBase, report_only: bool = False
    ) -> PolicyParts:
        parts = super().get_policy_parts(request, response, report_only)
        if request.path_info.startswith("/admin/"):
            parts.replace = ADMIN
        elif request.path_info.startswith("/api/docs/"):
            parts.replace = DOCUMENTATION
        return parts


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
