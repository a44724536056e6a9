"""API tokens: made by the person in whose name they act, revoked by them or by who watches over tokens."""

import hashlib
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from circletel.core import audit
from circletel.core.errors import NotAllowed, Refused
from circletel.core.models import ApiToken, TokenActor
from circletel.core.rights import ensure_may, name_of

BEGINNING = "ctk_"
SHOWN = len(BEGINNING) + 8
LONGEST_DAYS = 366
# `last_used_at` is for people: to the minute is enough, and spares a write for each request.
USE_NOTED_EVERY = timedelta(minutes=1)


@dataclass(frozen=True)
class NewToken:
    """`secret` is what the program sends. It cannot be shown a second time."""

    token: ApiToken
    secret: str


class UnusableToken(Exception):
    """The token does not open anything (any more); str() says why and what to do."""


def grantable(user: User) -> list[str]:
    """The permissions that `user` may give to a token: those they hold."""
    return sorted(user.get_all_permissions())


@transaction.atomic
def create(*, name: str, scopes: Iterable[str], expires_at: datetime, actor: User) -> NewToken:
    """A token in the name of `actor`, for at most a year. Raises NotAllowed, or Refused with every reason."""
    ensure_may(actor, "core.add_apitoken", "make API tokens")
    if isinstance(actor, TokenActor):
        raise NotAllowed("A token cannot make another token: log in.")
    wanted = sorted(set(scopes))
    reasons = [] if name.strip() else ["name: say what will use the token"]
    if not wanted:
        reasons.append("scopes: choose at least one permission")
    reasons += [f"scopes: {name_of(actor)} may not {one}" for one in wanted if not actor.has_perm(one)]
    if not timezone.now() < expires_at <= timezone.now() + timedelta(days=LONGEST_DAYS):
        reasons.append(f"expires_at: choose an instant within the next {LONGEST_DAYS} days")
    if reasons:
        raise Refused(*reasons)
    secret = BEGINNING + secrets.token_urlsafe(32)
    token = ApiToken.objects.create(
        name=name.strip(),
        owner=actor,
        prefix=secret[:SHOWN],
        digest=digest(secret),
        scopes=wanted,
        expires_at=expires_at,
    )
    changes: dict[str, list[Any]] = {"scopes": [None, wanted], "expires_at": [None, expires_at.isoformat()]}
    audit.record("created", token, actor=actor, changes=changes)
    return NewToken(token, secret)


@transaction.atomic
def revoke(token_id: Any, *, actor: User) -> ApiToken:
    """From now on the token opens nothing. Raises NotAllowed, Refused or ApiToken.DoesNotExist."""
    token = ApiToken.objects.select_for_update().get(pk=token_id)
    if token.owner_id != actor.pk:
        ensure_may(actor, "core.revoke_apitoken", "revoke the API tokens of others")
    if token.revoked_at is not None:
        raise Refused(f"{token} was revoked already")
    token.revoked_at = timezone.now()
    token.save(update_fields=["revoked_at"])
    audit.record("revoked", token, actor=actor, changes={"revoked_at": [None, token.revoked_at.isoformat()]})
    return token


def authenticate(secret: str) -> tuple[TokenActor, ApiToken]:
    """Who the token speaks for. Two queries, and a write at most once a minute. Raises UnusableToken."""
    token = ApiToken.objects.filter(digest=digest(secret)).first()
    if token is None:
        raise UnusableToken("This token is not known. Make one in the admin, under API tokens.")
    actor, now = actor_of(token), timezone.now()
    unnoted = Q(last_used_at=None) | Q(last_used_at__lte=now - USE_NOTED_EVERY)
    if token.last_used_at is None or token.last_used_at <= now - USE_NOTED_EVERY:
        ApiToken.objects.filter(unnoted, pk=token.pk).update(last_used_at=now)
    return actor, token


def actor_of(token: ApiToken) -> TokenActor:
    """Who the token speaks for, with its scopes. Raises UnusableToken."""
    if token.revoked_at is not None:
        raise UnusableToken(f"The token {token} was revoked. Make another one in the admin.")
    if not token.is_usable():
        raise UnusableToken(f"The token {token} has expired. Make another one in the admin.")
    actor = TokenActor.objects.get(pk=token.owner_id)
    if not actor.is_active:
        raise UnusableToken(f"The account of {name_of(actor)}, in whose name the token acts, is closed.")
    actor.token, actor.scopes = token, frozenset(token.scopes)
    return actor


def digest(secret: str) -> str:
    """SHA-256 is enough for 256 random bits: nobody can try them out, and a look-up by it takes no longer for a near miss."""
    return hashlib.sha256(secret.encode()).hexdigest()
