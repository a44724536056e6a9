"""What drf-spectacular cannot see by itself: tokens, and the Idempotency-Key of every POST for staff."""

from typing import Any

from drf_spectacular.authentication import BasicScheme
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, OpenApiResponse

from circletel.core.rest.idempotency import HEADER, IdempotentPosts


class TokenScheme(OpenApiAuthenticationExtension):
    target_class = "circletel.core.rest.authentication.TokenAuthentication"
    name = "token"

    def get_security_definition(self, auto_schema: Any) -> dict[str, Any]:
        return {
            "type": "http",
            "scheme": "bearer",
            "description": "An API token, made in the admin by the person in whose name it acts.",
        }


class PasswordScheme(BasicScheme):
    target_class = "circletel.core.rest.authentication.PasswordAuthentication"


IDEMPOTENCY_KEY = OpenApiParameter(
    HEADER,
    {"type": "string", "minLength": 1, "maxLength": 255},
    OpenApiParameter.HEADER,
    description=(
        "The request is done once for each key; sent again within 24 hours, it is given the same answer, with"
        " `Idempotency-Replayed: true`. The same key with another request is refused (422), and while the first"
        " is at work (409)."
    ),
    examples=[OpenApiExample("A UUID", value="0b6b3d4e-3c1f-4d0a-9a55-0c1f7a3f2d10")],
)


class Schema(AutoSchema):
    def get_override_parameters(self) -> list[Any]:
        found = list(super().get_override_parameters())
        if self.method == "POST" and isinstance(self.view, IdempotentPosts):
            found.append(IDEMPOTENCY_KEY)
        return found

    def _is_list_view(self, serializer: Any = None) -> bool:
        """By the answer that is no refusal: those come first in the order that drf-spectacular looks at them."""
        found = self.get_response_serializers() if serializer is None else serializer
        if serializer is None and isinstance(found, dict):
            found = next((told for status, told in found.items() if status in (200, 201, 202)), found)
            found = found.response if isinstance(found, OpenApiResponse) else found
        return super()._is_list_view(found)
