"""Who may knock at the back office's REST, and how a refusal of a service reads there."""

from http import HTTPStatus
from typing import Any

from rest_framework import exceptions
from rest_framework.authentication import BasicAuthentication, SessionAuthentication
from rest_framework.permissions import BasePermission
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.views import APIView

from catalogue.api.problems import Problem
from catalogue.api.views import AlwaysJson
from catalogue.errors import NotAllowed, Refused


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


class StaffView(APIView):
    """Basic or session authentication, JSON only. `needs` is the permission it takes."""

    authentication_classes = [BasicAuthentication, SessionAuthentication]
    permission_classes = [StaffWith]
    renderer_classes = [JSONRenderer]
    content_negotiation_class = AlwaysJson
    needs = ""
