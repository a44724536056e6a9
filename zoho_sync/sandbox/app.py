"""The server: which room answers which path, and what happens to every call on its way there and back."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from time import monotonic

from aiohttp import web

from . import billing, control, crm, oauth, page
from .faults import Fault
from .journal import Entry
from .seed import seed
from .settings import Settings
from .state import STATE, State, state_of
from .web import Refused, reply

log = logging.getLogger(__name__)
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
PIECES_OF_A_SLOW_ANSWER = 20
BODY_LIMIT = 16 * 1024 * 1024


def build(settings: Settings, path: str | None = None) -> web.Application:
    """The sandbox as an application, with what the file at `path` remembers."""
    state = State(settings, path)
    state.load()
    seed(state)
    app = web.Application(middlewares=[serve], client_max_size=BODY_LIMIT)
    app[STATE] = state
    app.add_routes([web.post("/oauth/v2/token", oauth.token), web.get("/", page.show)])
    app.add_routes(control.ROUTES)
    app.add_routes(crm.ROUTES)
    app.add_routes(billing.ROUTES)
    app.on_cleanup.append(close)
    return app


async def close(app: web.Application) -> None:
    app[STATE].store.close()


def system_of(path: str) -> str | None:
    """Which Zoho a path belongs to; None for the sandbox's own doors."""
    for prefix, system in (("/oauth/", "oauth"), ("/crm/", "crm"), ("/billing/", "billing")):
        if path.startswith(prefix):
            return system
    return None


@web.middleware
async def serve(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Log the call, let it go wrong if so ordered, answer it, and write down what changed."""
    system = system_of(request.path)
    state = state_of(request)
    if system is None:
        return await control.serve(request, handler)
    body = (await request.read()).decode("utf-8", "replace")
    entry = state.journal.arrived(
        system=system,
        endpoint=f"{request.method} {endpoint_of(request)}",
        method=request.method,
        path=request.path,
        query=request.query_string,
        body=body,
    )
    fault = state.faults.take(request.method, request.path, request.query_string, body)
    entry.fault = fault.number if fault else None
    started = monotonic()
    try:
        return await respond(request, handler, system, fault, entry)
    finally:
        entry.milliseconds = round((monotonic() - started) * 1000)


def endpoint_of(request: web.Request) -> str:
    """The route as it was declared, so that calls for different records count together."""
    resource = request.match_info.route.resource
    if resource is None:
        return "(unknown)"
    return resource.canonical.replace("{module}", request.match_info.get("module", ""))


async def respond(
    request: web.Request, handler: Handler, system: str, fault: Fault | None, entry: Entry
) -> web.StreamResponse:
    if fault is None:
        response = await answer(request, handler, system)
        entry.status = response.status
        return response
    action = fault.action
    await asyncio.sleep(action.get("delay_ms", 0) / 1000)
    if action.get("drop") == "before":
        return cut(request)
    if fault.replaces_answer:
        if action.get("perform"):
            await answer(request, handler, system)
        response = fault.answer()
    else:
        response = await answer(request, handler, system)
    if action.get("drop") == "after":
        return cut(request)
    entry.status = response.status
    if "slow_drip_ms" in action:
        return await drip(request, response, action["slow_drip_ms"] / 1000)
    return response


async def answer(request: web.Request, handler: Handler, system: str) -> web.Response:
    """The true answer of Accounts, CRM or Billing. What it changed is on file before it leaves."""
    state = state_of(request)
    gate = {"crm": crm.gate, "billing": billing.gate, "oauth": open_gate}[system]
    try:
        response = await gate(request, handler)
    except Refused as refused:
        response = reply(refused.body, refused.status)
    except Exception:
        log.exception("%s %s", request.method, request.path)
        response = {
            "crm": crm.internal_error,
            "billing": billing.internal_error,
            "oauth": crm.internal_error,
        }[system]()
    state.store.commit()
    return response


async def open_gate(request: web.Request, handler: Handler) -> web.Response:
    await asyncio.sleep(state_of(request).settings.latency_ms / 1000)
    response = await handler(request)
    assert isinstance(response, web.Response)
    return response


def cut(request: web.Request) -> web.Response:
    """Hang up. The response is for aiohttp's peace of mind; nobody receives it."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response()


async def drip(request: web.Request, response: web.Response, pause: float) -> web.StreamResponse:
    """Send the answer in small pieces: slow as a whole, but never silent long enough to be noticed."""
    body = response.body if isinstance(response.body, bytes) else b""
    stream = web.StreamResponse(status=response.status, headers={"Content-Type": response.content_type})
    stream.content_length = len(body)
    await stream.prepare(request)
    size = max(1, -(-len(body) // PIECES_OF_A_SLOW_ANSWER))
    for start in range(0, len(body), size):
        await stream.write(body[start : start + size])
        await asyncio.sleep(pause)
    await stream.write_eof()
    return stream
