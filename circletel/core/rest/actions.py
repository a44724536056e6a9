"""Actions over REST: a POST to an address of the record."""

from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from circletel.core.actions import Action, perform
from circletel.core.rest.serializers import StrictSerializer


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
