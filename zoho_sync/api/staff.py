"""Who may knock at the back office's REST, and how a refusal of a service reads there."""

from http import HTTPStatus
from typing import Any

from rest_framework import exceptions
from rest_framework.parsers import FormParser, JSONParser, MultiPartParser
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from circletel.core.errors import NotAllowed, Refused
from circletel.core.rest.problems import Problem
from circletel.core.rest.staff import StaffEndpoint


class RefusedProblem(Problem):
    """A service refused; `reasons` are its words."""

    type = "urn:circletel:problem:refused"

    def __init__(self, refusal: Refused) -> None:
        is_forbidden = isinstance(refusal, NotAllowed)
        self.status_code = HTTPStatus.FORBIDDEN if is_forbidden else HTTPStatus.UNPROCESSABLE_ENTITY
        self.title = "Not allowed" if is_forbidden else "Not done"
        super().__init__(str(refusal), reasons=list(refusal.reasons))


class NoSuchProduct(Problem):
    status_code = HTTPStatus.NOT_FOUND
    type = "urn:circletel:problem:no-such-product"
    title = "No such product"


class StaffWith(BasePermission):
    """Members of staff who hold the view's `needs`."""

    def has_permission(self, request: Request, view: Any) -> bool:
        user = request.user
        if not user.is_authenticated:
            raise exceptions.NotAuthenticated
        return bool(user.is_staff and user.has_perm(view.needs))


class StaffView(StaffEndpoint):
    """An address for staff. `needs` is the permission it takes."""

    permission_classes = [StaffWith]
    # A POST without a body is sent as an empty form by some clients.
    parser_classes = [JSONParser, FormParser, MultiPartParser]
    needs = ""
