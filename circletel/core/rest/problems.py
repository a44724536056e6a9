"""How the API says no: problem details (RFC 9457), the same form for every refusal.

Problem
  InvalidParameters    400  the query asks for something this address does not understand
  NothingHere          404  the address is unknown
"""

from collections.abc import Iterable, Iterator
from http import HTTPStatus
from typing import Any

from django.core.exceptions import SuspiciousOperation
from rest_framework import exceptions
from rest_framework.response import Response
from rest_framework.views import exception_handler

CONTENT_TYPE = "application/problem+json"
# A query can hold thousands of mistakes; the first of them are enough to mend it.
MOST_ERRORS = 20


class Problem(exceptions.APIException):
    """A refusal with a type of its own. `members` are added to the body as they are."""

    type = "about:blank"
    title = ""

    def __init__(self, detail: str, **members: Any) -> None:
        super().__init__(detail)
        self.members = members


class InvalidParameters(Problem):
    """`errors` pairs each parameter with what is understood there."""

    status_code = HTTPStatus.BAD_REQUEST
    type = "urn:circletel:problem:invalid-parameter"
    title = "A query parameter is not understood"

    def __init__(self, errors: Iterable[tuple[str, str]]) -> None:
        told = [{"parameter": name, "detail": detail} for name, detail in errors][:MOST_ERRORS]
        super().__init__("; ".join(f"{error['parameter']}: {error['detail']}" for error in told), errors=told)


class NothingHere(Problem):
    """Not the package but the address is unknown."""

    status_code = HTTPStatus.NOT_FOUND
    type = "urn:circletel:problem:no-such-address"
    title = "There is nothing at this address"

    def __init__(self) -> None:
        super().__init__("This address answers nothing; /api/docs/ lists those that do.")


def as_problem(error: Exception, context: dict[str, Any]) -> Response | None:
    """REST framework's EXCEPTION_HANDLER. None (a bug of ours) is Django's to report."""
    if isinstance(error, SuspiciousOperation):
        error = exceptions.ParseError("The request cannot be read.")
    response = exception_handler(error, context)
    if response is None:
        return None
    if isinstance(error, Problem):
        head = {"type": error.type, "title": error.title}
        detail, members = str(error.detail), error.members
    else:
        head = {"type": Problem.type, "title": HTTPStatus(response.status_code).phrase}
        detail, members = _plain(response.data)
    response.data = {**head, "status": response.status_code, "detail": detail, **members}
    response.content_type = CONTENT_TYPE
    return response


def _plain(data: Any) -> tuple[str, dict[str, Any]]:
    """Detail and further members of an error that REST framework raised itself."""
    if isinstance(data, dict) and isinstance(data.get("detail"), str):
        return data["detail"], {}
    errors = list(_told(data, ""))
    return "; ".join(error["detail"] for error in errors), {"errors": errors[:MOST_ERRORS]}


def _told(data: Any, path: str) -> Iterator[dict[str, str]]:
    """Each message with the path of its field, however deep: `pricing.regular_price`, `add_ons.0.name`."""
    if isinstance(data, dict):
        for name, inner in data.items():
            # What concerns a part as a whole belongs to the part.
            named = name not in ("non_field_errors", "")
            yield from _told(inner, ".".join(filter(None, (path, str(name) if named else ""))))
    elif isinstance(data, list):
        for number, inner in enumerate(data):
            yield from _told(inner, f"{path}.{number}" if isinstance(inner, dict) else path)
    else:
        yield {"field": path[:200], "detail": str(data)}
