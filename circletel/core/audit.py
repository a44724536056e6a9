"""Writing the audit trail. Services call this inside the transaction of the deed."""

from collections.abc import Iterable
from typing import Any

from django.contrib.auth.models import AbstractBaseUser
from django.db import models

from circletel.core.database.copying import copy_in
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
