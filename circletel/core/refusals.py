"""Attempts that were turned away at the door leave a trace too, whichever door it was."""

from collections.abc import Callable
from typing import Any

from django.apps import apps
from django.core.exceptions import ValidationError
from django.db import models
from django.http import HttpRequest, HttpResponse

from circletel.core import audit
from circletel.core.models import AuditEntry
from circletel.core.origin import current_origin

READING = ("GET", "HEAD", "OPTIONS", "TRACE")


class RefusalMiddleware:
    """Writes a refused entry for each 403 to a person who tried to change something.

    Services write their own refusals, with reasons; what they have written in the same request stands alone.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if response.status_code == 403 and request.method not in READING and request.user.is_authenticated:
            _write_down(request)
        return response


def _write_down(request: HttpRequest) -> None:
    told = AuditEntry.objects.filter(
        correlation_id=current_origin().correlation_id, result=AuditEntry.Result.REFUSED
    )
    if told.exists():
        return
    actor: Any = request.user
    audit.record(
        _deed_of(request),
        _target_of(request) or actor,
        actor=actor,
        result=AuditEntry.Result.REFUSED,
        detail=f"{request.method} {request.path} is not for this person"[:1000],
    )


def _deed_of(request: HttpRequest) -> str:
    """`publish` for `…/publish/`; the method where the address ends with what it is about."""
    last = request.path.rstrip("/").rpartition("/")[2]
    named = (
        {str(value) for value in request.resolver_match.kwargs.values()} if request.resolver_match else set()
    )
    return str(request.method).lower() if not last or last in named else last.replace("-", " ")[:60]


def _target_of(request: HttpRequest) -> models.Model | None:
    """The object whose page in the admin it was; None for every other address."""
    match = request.resolver_match
    parts = match.route.split("/") if match else []
    if match is None or len(parts) < 4 or parts[0] != "admin" or "object_id" not in match.kwargs:
        return None
    try:
        model = apps.get_model(parts[1], parts[2])
        return model._default_manager.filter(pk=match.kwargs["object_id"]).first()
    except (LookupError, ValidationError, ValueError):
        return None
