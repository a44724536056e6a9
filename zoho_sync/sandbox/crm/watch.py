"""Notification channels: CRM calls an address when a product is added, changed or deleted, by whomever.

Zoho CRM API v8: "Enable Notifications", "Update Details of Notifications", "Disable Notifications". There is no
signature: the token that was given with the channel comes back with each call. A call that fails is not repeated,
because Zoho does not promise it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from aiohttp import ClientError, ClientSession, ClientTimeout, web

from zoho_sync.sandbox.clock import crm_time, parse_time
from zoho_sync.sandbox.state import State, state_of
from zoho_sync.sandbox.store import Document
from zoho_sync.sandbox.web import reply

from .envelope import ItemRefused, Result, batch, invalid_data, items, no_content, required_parameter

log = logging.getLogger(__name__)
CHANNELS_PER_CALL = 10
TOKEN_LENGTH = 50
LONGEST = timedelta(days=7)
# What a channel lives for that named no expiry, or one too far away.
OTHERWISE = timedelta(hours=1)
EVENTS = {"Products.create": "insert", "Products.edit": "update", "Products.delete": "delete"}
TIMEOUT = ClientTimeout(total=10)
_under_way: set[asyncio.Task[None]] = set()


async def list_channels(request: web.Request) -> web.Response:
    """`GET /actions/watch`"""
    channels = list(state_of(request).crm_watches)
    if not channels:
        return no_content()
    info = {"per_page": 200, "page": 1, "count": len(channels), "more_records": False}
    return reply({"watch": channels, "info": info})


async def create(request: web.Request) -> web.Response:
    """`POST /actions/watch`"""
    state = state_of(request)
    words = "Successfully subscribed for actions-watch of the given module"
    sent = await items(request, "watch", CHANNELS_PER_CALL)
    return batch("watch", _each(sent, words, lambda wish, path: _written(state, wish, path)), all_good=201)


async def update(request: web.Request) -> web.Response:
    """`PUT` or `PATCH /actions/watch`: the channel must be there."""
    state = state_of(request)

    def renewed(wish: dict[str, Any], path: str) -> Document:
        known = _alive(state, str(wish.get("channel_id")))
        if known is None:
            raise ItemRefused("NOT_SUBSCRIBED", "Invalid channel id", {"json_path": f"{path}.channel_id"})
        return _written(state, {**known, **wish}, path)

    sent = await items(request, "watch", CHANNELS_PER_CALL)
    return batch("watch", _each(sent, "Successfully updated the subscribe details", renewed), all_good=200)


async def remove(request: web.Request) -> web.Response:
    """`DELETE /actions/watch?channel_ids=a,b`"""
    state = state_of(request)

    def removed(wish: dict[str, Any], path: str) -> Document:
        known = _alive(state, wish["channel_id"])
        if known is None:
            raise ItemRefused("NOT_SUBSCRIBED", "Invalid channel id", {"json_path": path})
        state.crm_watches.remove(known["channel_id"])
        return known

    ids = [{"channel_id": id.strip()} for id in required_parameter(request, "channel_ids").split(",")]
    return batch("watch", _each(ids, "Successfully un-subscribed from actions-watch", removed), all_good=200)


def tell(state: State, operation: str, id: str) -> None:
    """Call every channel that wants to hear of it, without waiting for anybody."""
    for channel in list(state.crm_watches):
        wants = any(EVENTS.get(event, operation) == operation for event in channel["events"])
        if wants and _alive(state, channel["channel_id"]):
            task = asyncio.get_running_loop().create_task(
                _call(channel, _message(state, channel, operation, id))
            )
            _under_way.add(task)
            task.add_done_callback(_under_way.discard)


def _message(state: State, channel: Document, operation: str, id: str) -> dict[str, Any]:
    return {
        "server_time": int(state.clock.now().timestamp() * 1000),
        "query_params": {},
        "module": "Products",
        "resource_uri": "https://www.zohoapis.com/crm/v8/Products",
        "ids": [id],
        "affected_fields": [],
        "operation": operation,
        "channel_id": channel["channel_id"],
        "token": channel["token"],
    }


async def _call(channel: Document, message: dict[str, Any]) -> None:
    try:
        async with (
            ClientSession(timeout=TIMEOUT) as session,
            session.post(channel["notify_url"], json=message) as answer,
        ):
            log.info("notified %s: %s", channel["notify_url"], answer.status)
    except (ClientError, TimeoutError) as trouble:
        log.warning("could not notify %s: %s", channel["notify_url"], trouble)


def _alive(state: State, channel_id: str) -> Document | None:
    channel = state.crm_watches.get(channel_id)
    expiry = parse_time(channel["channel_expiry"]) if channel else None
    return channel if expiry and expiry > state.clock.now() else None


def _written(state: State, wish: dict[str, Any], path: str) -> Document:
    for name in ("channel_id", "events", "notify_url"):
        if not wish.get(name):
            place = {"api_name": name, "json_path": f"{path}.{name}"}
            raise ItemRefused("MANDATORY_NOT_FOUND", "required field not found", place)
    id, events, token = str(wish["channel_id"]), wish["events"], str(wish.get("token") or "")
    if not id.isdecimal():
        raise invalid_data("channel_id", f"{path}.channel_id", expected_data_type="bigint")
    if not isinstance(events, list) or not {*events} <= {*EVENTS, "Products.all"}:
        raise invalid_data("events", f"{path}.events")
    if not str(wish["notify_url"]).startswith(("http://", "https://")):
        raise invalid_data("notify_url", f"{path}.notify_url")
    if len(token) > TOKEN_LENGTH:
        raise invalid_data("token", f"{path}.token", maximum_length=TOKEN_LENGTH)
    return state.crm_watches.put(
        {
            "channel_id": id,
            "events": events,
            "notify_url": wish["notify_url"],
            "token": token or None,
            "channel_expiry": crm_time(_expiry(state, wish.get("channel_expiry"))),
            "notify_on_related_action": wish.get("notify_on_related_action", True),
            "return_affected_field_values": wish.get("return_affected_field_values", False),
        }
    )


def _expiry(state: State, wanted: Any) -> datetime:
    now = state.clock.now()
    asked = parse_time(str(wanted or ""))
    return asked if asked and now < asked <= now + LONGEST else now + OTHERWISE


def _each(
    sent: list[dict[str, Any]], message: str, deed: Callable[[dict[str, Any], str], Document]
) -> list[Result]:
    results: list[Result] = []
    for index, wish in enumerate(sent):
        try:
            channel = deed(wish, f"$.watch[{index}]")
        except ItemRefused as refused:
            results.append(refused.result)
            continue
        event = {
            "channel_expiry": channel["channel_expiry"],
            "resource_uri": "https://www.zohoapis.com/crm/v8/Products",
            "resource_id": "584321000000002175",
            "resource_name": "Products",
            "channel_id": channel["channel_id"],
        }
        results.append(
            {"code": "SUCCESS", "details": {"events": [event]}, "message": message, "status": "success"}
        )
    return results
