"""Problem details as the description of the REST API for staff shows them. A test holds it to what is answered."""

from typing import Any

from drf_spectacular.utils import OpenApiExample

PROBLEMS: dict[int, dict[str, Any]] = {
    400: {
        "type": "urn:circletel:problem:invalid-body",
        "title": "Some values cannot be taken over",
        "detail": "pricing.regular_price: This field cannot be null.",
        "errors": [{"field": "pricing.regular_price", "detail": "This field cannot be null."}],
    },
    401: {
        "type": "urn:circletel:problem:token-refused",
        "title": "The token opens nothing",
        "detail": "The token Price import (ctk_Yd0hP3aX…) has expired. Make another one in the admin.",
    },
    403: {
        "type": "urn:circletel:problem:not-allowed",
        "title": "You may not do this",
        "detail": "Thandi Naidoo may not publish products",
        "reasons": ["Thandi Naidoo may not publish products"],
    },
    404: {"type": "about:blank", "title": "Not Found", "detail": "There is no such product."},
    409: {
        "type": "urn:circletel:problem:wrong-status",
        "title": "Its status does not admit this",
        "detail": "SkyFibre Home 100 (SKYFIBRE-HOME-100-24M) cannot be submitted: it is pending approval, not draft",
        "reasons": [
            "SkyFibre Home 100 (SKYFIBRE-HOME-100-24M) cannot be submitted: it is pending approval, not draft"
        ],
    },
    415: {
        "type": "about:blank",
        "title": "Unsupported Media Type",
        "detail": 'Unsupported media type "text/plain" in request.',
    },
    422: {
        "type": "urn:circletel:problem:not-ready",
        "title": "Something is missing or contradictory",
        "detail": "SkyFibre Home 100 (SKYFIBRE-HOME-100-24M): pricing.regular_price: is missing",
        "reasons": ["SkyFibre Home 100 (SKYFIBRE-HOME-100-24M): pricing.regular_price: is missing"],
    },
}


def problem(status: int) -> OpenApiExample:
    told = PROBLEMS[status]
    head = {"type": told["type"], "title": told["title"], "status": status}
    return OpenApiExample(told["title"], value={**head, **told}, response_only=True)
