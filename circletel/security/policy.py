"""Content-Security-Policy: strict everywhere, with the two exceptions the admin's own library needs."""

from csp.constants import SELF, UNSAFE_EVAL, UNSAFE_INLINE
from csp.middleware import CSPMiddleware, PolicyParts
from django.http import HttpRequest, HttpResponseBase

# Alpine.js evaluates its attributes, and charts and progress bars set their size by style attributes.
ADMIN = {"script-src": [SELF, UNSAFE_EVAL], "style-src": [SELF, UNSAFE_INLINE]}
# Swagger UI builds its styles as it goes.
DOCUMENTATION = {"style-src": [SELF, UNSAFE_INLINE]}


HEADER = "Content-Security-Policy"
# For data that is no page: a browser that is led there by hand loads and runs nothing.
NOTHING = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"


class ContentPolicyMiddleware(CSPMiddleware):
    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        # Whoever knows its own policy is not asked for another: putting one together takes a fifth of a quick answer.
        return response if HEADER in response else super().process_response(request, response)

    def get_policy_parts(
        self, request: HttpRequest, response: HttpResponseBase, report_only: bool = False
    ) -> PolicyParts:
        parts = super().get_policy_parts(request, response, report_only)
        if request.path_info.startswith("/admin/"):
            parts.replace = ADMIN
        elif request.path_info.startswith("/api/docs/"):
            parts.replace = DOCUMENTATION
        return parts
