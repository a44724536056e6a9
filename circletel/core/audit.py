"""Writing the audit trail. Services call this inside the transaction of the deed."""

from collections.abc import Callable, Iterable
from typing import Any

from django.apps import apps
from django.contrib.auth.models import AbstractBaseUser
from django.core.exceptions import ValidationError
from django.db import models
from django.http import HttpRequest, HttpResponse

from circletel.core.database import copy_in
from circletel.core.errors import Refused
from circletel.core.models import AuditEntry
from circletel.core.origin import current_origin


def record(
    action: str,
    target: models.Model,
    *,
    actor: AbstractBaseUser | None,
    changes: dict[str, list[Any]] | None = None,
    result: str = AuditEntry.Result.DONE,
    detail: str = "",
) -> AuditEntry:
    """Write one entry. `changes` is {field: [before, after]}; `actor` None is the system itself."""
    return AuditEntry.objects.create(**_entry(action, target, actor, changes or {}, result, detail))


def record_many(
    action: str,
    targets: Iterable[tuple[models.Model, dict[str, list[Any]]]],
    *,
    actor: AbstractBaseUser | None,
    detail: str = "",
) -> None:
    """`record` for many targets with their changes, in few statements."""
    entries = (
        AuditEntry(**_entry(action, target, actor, changes, AuditEntry.Result.DONE, detail))
        for target, changes in targets
    )
    copy_in(AuditEntry, entries)


def record_refusal(
    action: str, model: type[models.Model], key: Any, *, actor: AbstractBaseUser, refusal: Refused
) -> None:
    """Write a refused attempt down. Called by the doors, outside the transaction that was undone."""
    target = model._default_manager.filter(pk=key).first()
    if target is not None:
        record(action, target, actor=actor, result=AuditEntry.Result.REFUSED, detail=str(refusal))


def _entry(
    action: str, target: models.Model, actor: Any, changes: dict[str, list[Any]], result: str, detail: str
) -> dict[str, Any]:
    origin = current_origin()
    return {
        "actor_id": str(actor.pk) if actor else "",
        "actor_name": (actor.get_full_name() or actor.get_username()) if actor else "",
        "actor_email": getattr(actor, "email", "") if actor else "",
        "action": action,
        "target_type": target._meta.model_name or "",
        "target_id": str(target.pk),
        # Nothing can be erased here, so whatever is called after a customer has a name for the trail.
        "target_name": str(getattr(target, "name_in_trail", target))[:300],
        "changes": changes,
        "result": result,
        "detail": detail,
        "address": origin.address,
        "user_agent": origin.user_agent,
        "token": origin.token,
        "correlation_id": origin.correlation_id,
    }


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
    record(
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
