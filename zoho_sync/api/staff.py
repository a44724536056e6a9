"""Who may knock at the back office's REST, and how a refusal of a service reads there."""

from http import HTTPStatus

from rest_framework.parsers import FormParser, JSONParser, MultiPartParser

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


class StaffView(StaffEndpoint):
    """An address for staff, also for clients that send a POST without a body as an empty form."""

    parser_classes = [JSONParser, FormParser, MultiPartParser]
