"""Zoho CRM v8: Products, their fields, and who may do what. See `ROUTES` for the doors."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable

from aiohttp import web

from zoho_sync.sandbox import oauth
from zoho_sync.sandbox.limits import LimitReached
from zoho_sync.sandbox.state import state_of
from zoho_sync.sandbox.web import access_token

from . import coql, reads, settings, writes
from .envelope import internal_error, refusal

V8 = "/crm/v8"
ROUTES = [
    web.post(f"{V8}/coql", coql.run),
    web.get(f"{V8}/org", settings.get_organisation),
    web.get(f"{V8}/users", settings.list_users),
    web.get(f"{V8}/settings/fields", settings.list_fields),
    web.post(f"{V8}/settings/fields", settings.create_fields),
    web.patch(f"{V8}/settings/fields", settings.update_fields),
    web.get(f"{V8}/settings/fields/{{id}}", settings.get_field),
    web.patch(f"{V8}/settings/fields/{{id}}", settings.update_fields),
    web.get(f"{V8}/settings/profiles", settings.list_profiles),
    web.get(f"{V8}/settings/profiles/{{id}}", settings.get_profile),
    web.get(f"{V8}/settings/layouts", settings.list_layouts),
    web.post(f"{V8}/{{module}}/upsert", writes.upsert),
    web.get(f"{V8}/{{module}}/search", reads.search),
    web.get(f"{V8}/{{module}}/deleted", reads.list_deleted),
    web.get(f"{V8}/{{module}}/actions/count", reads.count),
    web.get(f"{V8}/{{module}}/{{id}}/__timeline", reads.timeline),
    web.get(f"{V8}/{{module}}/{{id}}", reads.get_record),
    web.put(f"{V8}/{{module}}/{{id}}", writes.update_one),
    web.delete(f"{V8}/{{module}}/{{id}}", writes.delete_one),
    web.get(f"{V8}/{{module}}", reads.list_records),
    web.post(f"{V8}/{{module}}", writes.insert),
    web.put(f"{V8}/{{module}}", writes.update_many),
    web.delete(f"{V8}/{{module}}", writes.delete_many),
]

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
RECORDS_PER_CREDIT = 10
SEARCH_CREDITS = 3  # second-hand: what filtered reads cost is not in the official text


async def gate(request: web.Request, handler: Handler) -> web.Response:
    """Whose token, within which limits; then the call itself."""
    state = state_of(request)
    limits = state.crm_limits
    check_token(request)
    credits, heavy = await price(request)
    try:
        with limits.slot(heavy):
            limits.spend(credits)
            await asyncio.sleep(state.settings.latency_ms / 1000)
            response = await handler(request)
    except LimitReached as limit:
        raise refusal(429, str(limit.code), limit.message) from None
    except web.HTTPNotFound:
        message = "Please check if the URL trying to access is a correct one"
        raise refusal(404, "INVALID_URL_PATTERN", message) from None
    except web.HTTPMethodNotAllowed:
        message = "The http request method type is not a valid one"
        raise refusal(400, "INVALID_REQUEST_METHOD", message) from None
    assert isinstance(response, web.Response)
    response.headers.update(limits.headers())
    return response


def check_token(request: web.Request) -> None:
    """A bad or expired token is INVALID_TOKEN; no token at all is AUTHENTICATION_FAILURE."""
    standing = oauth.standing(state_of(request), access_token(request))
    if standing == "missing":
        raise refusal(401, "AUTHENTICATION_FAILURE", "Authentication failed")
    if standing != "live":
        raise refusal(401, "INVALID_TOKEN", "invalid oauth token")


async def price(request: web.Request) -> tuple[int, bool]:
    """Credits, and whether it is one of the heavy calls. Zoho CRM API: "API Limits"."""
    if request.path == f"{V8}/coql":
        rows = coql.rows_asked_for(await request.text())
        return (1 if rows <= 200 else 2 if rows <= 1000 else 3), True
    if request.path.endswith("/search"):
        return SEARCH_CREDITS, True
    if request.method in ("POST", "PUT") and "/settings/" not in request.path:
        count = await records_sent(request)
        return max(1, -(-count // RECORDS_PER_CREDIT)), count > RECORDS_PER_CREDIT
    if request.method == "GET" and {"sort_by", "cvid"} & set(request.query):
        return SEARCH_CREDITS, True
    return 1, False


async def records_sent(request: web.Request) -> int:
    try:
        data = json.loads(await request.text())["data"]
    except (ValueError, KeyError, TypeError):
        return 0
    return len(data) if isinstance(data, list) else 0


__all__ = ["ROUTES", "gate", "internal_error"]
