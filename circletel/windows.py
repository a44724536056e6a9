"""The windows of REST, each with a description of its own (OpenAPI 3.1), and what all of them say about a lost address.

`storefront` is for anyone, `admin` for staff, `tmf620-v4` and `tmf620-v5` for programs that speak TMF620.
"""

import json
from functools import cache
from http import HTTPStatus
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import include, path
from django.views import defaults
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.renderers import OpenApiJsonRenderer
from drf_spectacular.views import SpectacularSwaggerSplitView

from catalogue.tmf620 import dialects, openapi

WINDOWS = ("storefront", "admin", "tmf620-v4", "tmf620-v5")
ADDRESSES = {
    "storefront": [
        path("api/v1/", include(urls)) for urls in ("pricing.api.storefront", "catalogue.api.urls")
    ],
    "admin": [
        path("api/admin/", include(urls))
        for urls in (
            "catalogue.api.staff_urls",
            "pricing.api.urls",
            "reconciliation.api.urls",
            "zoho_sync.api.urls",
        )
    ],
}
PROBLEM = "application/problem+json"
TMF620 = ("/tmf-api/", "/productCatalogManagement/")


@cache
def description(window: str) -> dict[str, Any]:
    """The OpenAPI document of one of WINDOWS, as plain JSON. Raises KeyError for another."""
    if window.startswith("tmf620-"):
        return openapi.document(dialects.DIALECTS[window.removeprefix("tmf620-")])
    found = SchemaGenerator(patterns=ADDRESSES[window]).get_schema(request=None, public=True)
    made: dict[str, Any] = json.loads(OpenApiJsonRenderer().render(found))
    if window == "admin":
        made["info"] |= {
            "title": "CircleTel catalogue, for staff",
            "description": "What staff do in the admin, for their programs: by the same rules, rights and audit.",
        }
    return made


def schema(request: HttpRequest, window: str = "storefront") -> HttpResponse:
    """Anyone may read how to ask; asking is another thing."""
    return JsonResponse(description(window))


urlpatterns = [
    *(route for window in ADDRESSES.values() for route in window),
    path("api/schema/", schema, name="schema"),
    path("api/docs/", SpectacularSwaggerSplitView.as_view(url_name="schema"), name="api-docs"),
]
for each in WINDOWS:
    page = SpectacularSwaggerSplitView.as_view(url_name=f"schema-{each}")
    urlpatterns.append(path(f"api/schema/{each}/", schema, {"window": each}, name=f"schema-{each}"))
    urlpatterns.append(path(f"api/docs/{each}/", page, name=f"api-docs-{each}"))


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Below REST in the words of that window, elsewhere as a page."""
    said = _said(request, HTTPStatus.NOT_FOUND, "There is nothing at this address.")
    return said or defaults.page_not_found(request, exception)


def server_error(request: HttpRequest) -> HttpResponse:
    words = "This is a mistake of ours; it was written down. Try again later."
    return _said(request, HTTPStatus.INTERNAL_SERVER_ERROR, words) or defaults.server_error(request)


def _said(request: HttpRequest, status: HTTPStatus, words: str) -> HttpResponse | None:
    if request.path.startswith(TMF620):
        body = {"code": status.phrase.title().replace(" ", ""), "reason": words, "message": status.phrase}
        body["code"] = body["code"][0].lower() + body["code"][1:]
        return JsonResponse({**body, "status": str(status.value), "@type": "Error"}, status=status)
    if request.path.startswith("/api/"):
        problem = {"type": "about:blank", "title": status.phrase, "status": status.value, "detail": words}
        return JsonResponse(problem, status=status, content_type=PROBLEM)
    return None
