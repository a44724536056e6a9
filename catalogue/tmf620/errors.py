"""How this window says no: TM Forum's error body, the same for every refusal."""

import logging
from http import HTTPStatus
from typing import Any

from django.core.exceptions import SuspiciousOperation
from rest_framework import exceptions
from rest_framework.response import Response
from rest_framework.views import exception_handler

from catalogue.api.problems import PricesUnavailable
from catalogue.models import NoVatRate
from circletel.core.errors import NotAllowed, Refused

logger = logging.getLogger(__name__)


class TmfError(exceptions.APIException):
    """`reason` is for people and says what to do; `code` tells kinds of errors apart and does not change."""

    status_code = HTTPStatus.BAD_REQUEST
    code = "invalid"

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class InvalidQuery(TmfError):
    code = "invalidQuery"


class InvalidBody(TmfError):
    code = "invalidBody"


class NotFound(TmfError):
    status_code = HTTPStatus.NOT_FOUND
    code = "notFound"


class Conflict(TmfError):
    status_code = HTTPStatus.CONFLICT
    code = "conflict"


def as_tmf_error(error: Exception, context: dict[str, Any]) -> Response | None:
    """The handler of this window's views. None (a bug of ours) is Django's to report."""
    response = exception_handler(_translated(error), context)
    if response is None:
        return None
    status = HTTPStatus(response.status_code)
    response.data = {
        "code": getattr(error, "code", None) or _camel(status.phrase),
        "reason": _reason(response.data, status),
        "message": status.phrase,
        "status": str(status.value),
        "@type": "Error",
    }
    return response


def _translated(error: Exception) -> Exception:
    if isinstance(error, NotAllowed):
        return exceptions.PermissionDenied(str(error))
    if isinstance(error, Refused):
        return Conflict(str(error))
    if isinstance(error, NoVatRate):
        logger.error("TMF620 cannot quote prices: %s", error)
        return PricesUnavailable()
    if isinstance(error, SuspiciousOperation):
        return exceptions.ParseError("The request cannot be read.")
    return error


def _reason(data: Any, status: HTTPStatus) -> str:
    detail = data.get("detail") if isinstance(data, dict) else data
    return str(detail) if detail else status.phrase


def _camel(phrase: str) -> str:
    first, *rest = phrase.replace("-", " ").split()
    return first.lower() + "".join(word.title() for word in rest)
