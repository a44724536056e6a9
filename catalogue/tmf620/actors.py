"""In whose name a request is made."""

import logging

from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.auth.models import User
from django.core.checks import CheckMessage, Warning, register
from rest_framework.exceptions import NotAuthenticated
from rest_framework.request import Request

logger = logging.getLogger(__name__)


def actor_of(request: Request) -> User | None:
    """Who is logged in; for the anonymous the user of TMF620_ANONYMOUS_WRITER, if one is set and active."""
    if request.user.is_authenticated:
        return request.user
    if not settings.TMF620_ANONYMOUS_WRITER:
        return None
    users = get_user_model().objects.filter(username=settings.TMF620_ANONYMOUS_WRITER, is_active=True)
    if (user := users.first()) is None:
        logger.error(
            "TMF620_ANONYMOUS_WRITER names %r, who is no active user", settings.TMF620_ANONYMOUS_WRITER
        )
    return user


def writer_of(request: Request) -> User:
    """Raises NotAuthenticated for the anonymous. What the writer may do, the services check."""
    actor = actor_of(request)
    if actor is None:
        raise NotAuthenticated("Log in to write here: HTTP Basic, or a session.")
    return actor


@register()
def check_anonymous_writer(**_: object) -> list[CheckMessage]:
    if not settings.TMF620_ANONYMOUS_WRITER:
        return []
    return [
        Warning(
            f"Anyone may write TMF620 drafts as {settings.TMF620_ANONYMOUS_WRITER!r}, without logging in.",
            hint="TMF620_ANONYMOUS_WRITER is for a run of the conformance kit; unset it afterwards.",
            id="circletel.W620",
        )
    ]
