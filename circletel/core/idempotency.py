"""Once and no more: the answer to a POST with an `Idempotency-Key` is kept with its deed, for a day.

Deed and answer are one transaction, which holds a lock on the key: there is never a deed without its answer or
an answer without its deed, and a server that dies half way leaves neither.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta

from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from circletel.core.database import try_lock_for_transaction
from circletel.core.models import IdempotentAnswer

KEPT = timedelta(hours=24)


class InProgress(Exception):
    """The first request with this key is at work still."""


class KeyUsedOtherwise(Exception):
    """The key came with another request before."""


@dataclass(frozen=True)
class Answer:
    status: int
    body: str = ""
    headers: dict[str, str] = field(default_factory=dict)


def once(key: str, *, actor: User, request: bytes, work: Callable[[], Answer]) -> tuple[Answer, bool]:
    """What `work` answers, done once for `actor` and `key`; and whether this is that answer again.

    `request` is everything that makes two requests the same. An answer of 500 or more is no answer: `work` raises
    it, and may be asked again. Raises InProgress or KeyUsedOtherwise.
    """
    fingerprint = hashlib.sha256(request).hexdigest()
    with transaction.atomic():
        if not try_lock_for_transaction("circletel.idempotency", f"{actor.pk}:{key}"):
            raise InProgress
        kept = IdempotentAnswer.objects.filter(actor=actor.pk, key=key)
        kept.filter(created_at__lte=timezone.now() - KEPT).delete()
        if (found := kept.first()) is not None:
            if found.fingerprint != fingerprint:
                raise KeyUsedOtherwise
            return Answer(found.status, found.body, found.headers), True
        answer = work()
        IdempotentAnswer.objects.create(
            actor_id=actor.pk,
            key=key,
            fingerprint=fingerprint,
            status=answer.status,
            headers=answer.headers,
            body=answer.body,
        )
        return answer, False


def forget() -> int:
    """Delete what is older than a day. Returns how many answers that were."""
    return IdempotentAnswer.objects.filter(created_at__lte=timezone.now() - KEPT).delete()[0]
