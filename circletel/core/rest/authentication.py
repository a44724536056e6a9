"""API tokens at the door: `Authorization: Bearer ctk_…`."""

from typing import Any

from django.conf import settings
from rest_framework.authentication import (
    BaseAuthentication,
    BasicAuthentication,
    SessionAuthentication,
    get_authorization_header,
)
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from circletel.core import tokens
from circletel.core.models import ApiToken, TokenActor
from circletel.core.origin import came_with_token
from circletel.core.rest.problems import Problem


class TokenRefused(Problem):
    """The token is unknown, expired or revoked, or its owner's account is closed."""

    status_code = 401
    type = "urn:circletel:problem:token-refused"
    title = "The token opens nothing"
    auth_header = 'Bearer realm="api"'


class TokenAuthentication(BaseAuthentication):
    """The request acts as the token's owner, and may do what both of them may. The audit trail names both."""

    def authenticate(self, request: Request) -> tuple[TokenActor, ApiToken] | None:
        scheme, _, secret = get_authorization_header(request).decode("latin-1").partition(" ")
        if scheme.lower() != "bearer":
            return None
        try:
            actor, token = tokens.authenticate(secret.strip())
        except tokens.UnusableToken as trouble:
            raise TokenRefused(str(trouble)) from None
        came_with_token(str(token))
        return actor, token

    def authenticate_header(self, request: Request) -> str:
        return 'Bearer realm="api"'


class PasswordAuthentication(BasicAuthentication):
    """HTTP Basic, where a password alone is enough. With a second factor required, programs bring a token."""

    def authenticate_credentials(self, userid: str, password: str, request: Any = None) -> Any:
        if settings.STAFF_TOTP_REQUIRED:
            raise AuthenticationFailed("A password alone is not enough here: make an API token in the admin.")
        return super().authenticate_credentials(userid, password, request)


def authentication_classes() -> list[Any]:
    """How staff and their programs log in to REST: token, HTTP Basic or the session of the admin."""
    # Never the session first: then nobody logged in would be told so with 403 in place of 401.
    return [TokenAuthentication, PasswordAuthentication, SessionAuthentication]
