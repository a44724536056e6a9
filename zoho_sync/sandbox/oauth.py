"""Zoho Accounts: a refresh token buys access tokens, not too many at a time.

Zoho Accounts: "Refresh access token", "OAuth token limits". Errors come with HTTP 200, the throttle with 400.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping

from aiohttp import web

from .state import State, state_of
from .web import reply

SCOPES = "ZohoCRM.modules.ALL ZohoCRM.settings.ALL ZohoCRM.coql.READ ZohoSubscriptions.fullaccess.all"
THROTTLED = {
    "error": "Access Denied",
    "error_description": "You have made too many requests continuously. Please try again after some time.",
    "status": "failure",
}


async def token(request: web.Request) -> web.Response:
    """`POST /oauth/v2/token`, with its parameters in the query or in a form body."""
    state = state_of(request)
    given = {**request.query, **(await request.post())}
    refusal = reason_to_refuse(state, given)
    if refusal:
        return reply({"error": refusal})
    if is_throttled(state):
        return reply(THROTTLED, status=400)
    return reply(
        {
            "access_token": mint(state, given.get("refresh_token") == state.settings.person_refresh_token),
            "scope": SCOPES,
            "api_domain": f"{request.scheme}://{request.host}",
            "token_type": "Bearer",
            "expires_in": state.settings.token_seconds,
        }
    )


def reason_to_refuse(state: State, given: Mapping[str, object]) -> str | None:
    settings = state.settings
    if given.get("client_id") != settings.client_id or given.get("client_secret") != settings.client_secret:
        return "invalid_client"
    if given.get("grant_type") != "refresh_token":
        return "unsupported_grant_type"  # the word OAuth itself uses; Zoho's own is not documented
    if given.get("refresh_token") not in (settings.refresh_token, settings.person_refresh_token):
        return "invalid_code"
    return None


def is_throttled(state: State) -> bool:
    """Ten requests in ten minutes are free; then none until the first of them is ten minutes old."""
    now = time.time()
    window = state.settings.token_window_seconds
    recent = [
        moment
        for moment in state.store.values.get("token_requests", {}).get("at", [])
        if moment > now - window
    ]
    allowed = state.settings.token_refreshes
    if allowed and len(recent) >= allowed:
        return True
    state.store.set_value("token_requests", {"at": [*recent, now]})
    return False


def mint(state: State, of_person: bool) -> str:
    """A new token, of the program's user or of an ordinary person. The oldest dies when there are too many; the dead stay known for a while as expired."""
    now = time.time()
    name = f"1000.{secrets.token_hex(16)}.{secrets.token_hex(16)}"
    state.tokens.put(
        {
            "id": state.store.new_id(),
            "access_token": name,
            "expires_at": now + state.settings.token_seconds,
            "issued_at": now,
            "of_person": of_person,
        }
    )
    live = [each for each in state.tokens if each["expires_at"] > now]
    for each in (
        live[: max(0, len(live) - state.settings.token_refreshes)] if state.settings.token_refreshes else []
    ):
        state.tokens.put({**each, "expires_at": 0})
    for each in list(state.tokens)[:-50]:
        state.tokens.remove(each["id"])
    return name


def is_of_person(state: State, name: str | None) -> bool:
    """Does the token belong to the ordinary user rather than to the program's?"""
    known = state.tokens.first("access_token", name) if name else None
    return bool(known and known.get("of_person"))


def standing(state: State, name: str | None) -> str:
    """What a token is worth: `live`, `expired`, `unknown` or, when none was sent, `missing`."""
    if name is None:
        return "missing"
    known = state.tokens.first("access_token", name)
    if known is None:
        return "unknown"
    return "live" if known["expires_at"] > time.time() else "expired"
