"""Request bodies: JSON, read so that no body can bring the server down."""

from typing import Any

from rest_framework.exceptions import APIException, ParseError
from rest_framework.parsers import JSONParser

LARGEST_BODY = 1_000_000


class BodyTooLarge(APIException):
    status_code = 413
    default_detail = f"A body holds at most {LARGEST_BODY} bytes."


class TmfJsonParser(JSONParser):
    def parse(self, stream: Any, media_type: str | None = None, parser_context: Any = None) -> Any:
        length = int((parser_context or {})["request"].META.get("CONTENT_LENGTH") or 0)
        if length > LARGEST_BODY:
            raise BodyTooLarge()
        try:
            return super().parse(stream, media_type, parser_context)
        except RecursionError:
            raise ParseError("The body is nested too deep.") from None


class MergePatchParser(TmfJsonParser):
    media_type = "application/merge-patch+json"
