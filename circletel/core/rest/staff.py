"""What every address of the REST API for staff has in common: who may knock, what it does, and how it says no."""

from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from django.contrib.auth.models import User
from django.core.exceptions import ObjectDoesNotExist
from django.db.models import Model
from django.http import Http404
from drf_spectacular.utils import OpenApiExample, OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.generics import GenericAPIView
from rest_framework.parsers import JSONParser
from rest_framework.permissions import BasePermission
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import Serializer

from circletel.core.actions import Action, perform
from circletel.core.errors import Invalid, NotAllowed, NotReady, Refused
from circletel.core.rest.authentication import authentication_classes
from circletel.core.rest.idempotency import HEADER, IdempotentPosts
from circletel.core.rest.negotiation import AlwaysJson
from circletel.core.rest.parameters import ParameterField, ensure_understood
from circletel.core.rest.problems import CONTENT_TYPE, Problem
from circletel.core.rest.serializers import ProblemSerializer, StrictSerializer

REFUSAL_STATUS: tuple[tuple[type[Refused], HTTPStatus, str, str], ...] = (
    (Invalid, HTTPStatus.BAD_REQUEST, "invalid-body", "Some values cannot be taken over"),
    (NotAllowed, HTTPStatus.FORBIDDEN, "not-allowed", "You may not do this"),
    (NotReady, HTTPStatus.UNPROCESSABLE_ENTITY, "not-ready", "Something is missing or contradictory"),
    (Refused, HTTPStatus.CONFLICT, "wrong-status", "Its status does not admit this"),
)
WHY = {
    400: "The request is not understood; every field or parameter is named.",
    401: "Nobody is logged in, or the token opens nothing.",
    403: "The person, or the token, may not do this.",
    404: "There is nothing at this address.",
    409: "Its status does not admit this.",
    415: "The body is not JSON.",
    422: "Something is missing or contradictory; every reason is told.",
}
# As the description of the API shows them. A test holds it to what is answered.
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


class StaffErrorSerializer(serializers.Serializer):
    field = serializers.CharField(
        required=False, help_text="Its path in the body, such as pricing.regular_price."
    )
    parameter = serializers.CharField(required=False, help_text="Its name in the query.")
    detail = serializers.CharField(help_text="What is wrong there.")


class StaffProblemSerializer(ProblemSerializer):
    """Problem details (RFC 9457)."""

    errors = StaffErrorSerializer(many=True, required=False)  # type: ignore[assignment]  # a field
    reasons = serializers.ListField(
        child=serializers.CharField(), required=False, help_text="Each reason by itself; detail joins them."
    )


def refusals(*statuses: int) -> dict[Any, OpenApiResponse]:
    """For `extend_schema`: these refusals, as problem details."""
    return {
        (status, CONTENT_TYPE): OpenApiResponse(StaffProblemSerializer, WHY[status], [_example(status)])
        for status in statuses
    }


def _example(status: int) -> OpenApiExample:
    told = PROBLEMS[status]
    head = {"type": told["type"], "title": told["title"], "status": status}
    return OpenApiExample(told["title"], value={**head, **told}, response_only=True)


def refusal_as_problem(refusal: Refused) -> Problem:
    """A refused deed as RFC 9457 problem details, every reason listed."""
    _kind, status, name, title = next(row for row in REFUSAL_STATUS if isinstance(refusal, row[0]))
    problem = Problem(str(refusal), reasons=list(refusal.reasons))
    if isinstance(refusal, Invalid):
        problem.members["errors"] = [
            {"field": path, "detail": text} for path, texts in refusal.errors.items() for text in texts
        ]
    problem.status_code, problem.title = status, title
    problem.type = f"urn:circletel:problem:{name}"
    return problem


class IsStaff(BasePermission):
    """Staff with the permission that the view `needs`; what else they may do is for the services to say."""

    def has_permission(self, request: Request, view: Any) -> bool:
        is_staff = bool(request.user and request.user.is_staff)
        return is_staff and (not view.needs or request.user.has_perm(view.needs))


class StaffEndpoint(IdempotentPosts, GenericAPIView):
    """What every address below /api/admin/ is: for staff, in JSON, each refusal problem details."""

    authentication_classes = authentication_classes()
    permission_classes: list[Any] = [IsStaff]
    parser_classes = [JSONParser]
    renderer_classes = [JSONRenderer]
    content_negotiation_class = AlwaysJson
    filter_backends: list[Any] = []
    needs = ""
    # What an address without a record says is not there.
    model: type[Model]

    # Where there is one. Only said here, so that an address without it answers 405.
    post: Any

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        # Reads the body while it can be read whole, also for a form that its parser would stream.
        _ = request._request.body
        super().initial(request, *args, **kwargs)
        if not getattr(self, "filterset_class", None):
            self.ensure_parameters(request)
        handler = getattr(self, "post", None)
        if handler is not None and request.method == "POST" and HEADER in request.headers:
            self.post = self.done_once(handler, request)

    # What the address understands in its query, where no filter says so.
    parameters: dict[str, ParameterField] = {}

    def ensure_parameters(self, request: Request) -> None:
        """Raises InvalidParameters for anything that is not understood; else `asked` holds the values."""
        self.asked = ensure_understood(request.query_params, self.parameters)

    @property
    def actor(self) -> User:
        assert isinstance(self.request.user, User)  # IsStaff saw them
        return self.request.user

    def understood(self, serializer_class: type[Serializer], **options: Any) -> Any:
        """The serializer with the body, which is valid."""
        serializer = serializer_class(data=self.request.data, context={"request": self.request}, **options)
        serializer.is_valid(raise_exception=True)
        return serializer

    def handle_exception(self, exc: Exception) -> Response:
        if isinstance(exc, ObjectDoesNotExist):
            exc = Http404(f"There is no such {self.model._meta.verbose_name}.")
        return super().handle_exception(refusal_as_problem(exc) if isinstance(exc, Refused) else exc)


def action_view(
    endpoint: type[Any],
    action: Action,
    *,
    answer: Callable[[Any, Any], Any],
    body: type[serializers.Serializer] = StrictSerializer,
    status: int = HTTPStatus.OK,
    **documentation: Any,
) -> type[Any]:
    """The view of one action below `endpoint`, an endpoint for staff.

    `body` understands the fields of the service; `answer(view, outcome)` is the data that is answered.
    `documentation` is as for `extend_schema`; the description is the dialog's, where it gives none.
    """
    documentation = {"description": action.description, **documentation}

    class View(endpoint):
        model = action.model

        @extend_schema(request=body if body().fields else None, **documentation)
        def post(self, request: Request, **named: Any) -> Response:
            key = named.get("id")
            # Whoever may not do it is told that by the service, whether there is such a record or not.
            if key is not None and action.is_offered_to(self.actor, key):
                action.model._default_manager.only("pk").get(pk=key)
            outcome = perform(action, key, actor=self.actor, **self.understood(body).validated_data)
            return Response(answer(self, outcome), status=status)

    return View
