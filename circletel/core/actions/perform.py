"""Runs an action. A refusal is written down once, whoever asked and where."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.contrib.auth.models import User
from django.db.models import Model

from circletel.core import audit
from circletel.core.actions.declaration import Action
from circletel.core.errors import Refused


def perform(action: Action, key: Any, *, actor: User, **fields: Any) -> Any:
    """What the action's service returns. `key` is that of one record, a list of keys, or None for a list's action.

    Raises Refused once it is in the audit trail, and what else the service raises.
    """
    first = next(iter(key), None) if isinstance(key, list) else key
    with refusal_recorded(action.audit_name, action.model, first, actor=actor):
        if key is None:
            return action.service(actor=actor, **fields)
        keys_or_key = [key] if action.takes_many and not isinstance(key, list) else key
        return action.service(keys_or_key, actor=actor, **fields)


@contextmanager
def refusal_recorded(name: str, model: type[Model], key: Any, *, actor: User) -> Iterator[None]:
    """Writes a refusal inside it into the audit trail, when the transaction of what was refused has been undone.

    Its target is the record, or the person where there is none.
    """
    try:
        yield
    except Refused as refusal:
        audit.record_refusal(
            name, model if key is not None else User, key or actor.pk, actor=actor, refusal=refusal
        )
        raise
