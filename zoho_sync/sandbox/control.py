"""The sandbox's own doors, under `/_sandbox/`: look inside, order faults, edit behind a program's back.

Nothing here counts against any limit or shows up in the request log.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

from aiohttp import web

from .billing import renewals
from .billing.settings import define_custom_field
from .clock import billing_time, crm_time, parse_time
from .crm import people, records
from .crm.envelope import ItemRefused
from .seed import seed
from .state import State, state_of
from .store import Document, Table
from .web import reply, whole_number

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
# Records a person may edit, the field they are known by, and the one that says when they last changed.
EDITABLE = {
    "crm_products": ("id", "Modified_Time"),
    "billing_products": ("product_id", "updated_time"),
    "billing_plans": ("plan_code", "updated_time"),
    "billing_addons": ("addon_code", "updated_time"),
    # Another rate of VAT: `{"tax_percentage": 16}`.
    "billing_taxes": ("tax_id", "updated_time"),
    # A scheduled change, say, that shall not wait for the term's end: `{"scheduled_on": "2027-03-20"}`.
    "billing_subscriptions": ("subscription_id", "updated_time"),
}
SHOWN = (
    *EDITABLE,
    "crm_deleted",
    "crm_fields",
    "crm_profiles",
    "crm_users",
    "crm_timelines",
    "billing_custom_fields",
    "billing_coupons",
    "billing_customers",
    "billing_invoices",
    "billing_payments",
    "billing_creditnotes",
)


class Wrong(Exception):
    """What was asked of the sandbox itself makes no sense; the message says why."""

    def __init__(self, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.status = status


async def serve(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        response = await handler(request)
    except Wrong as wrong:
        response = reply({"error": str(wrong)}, wrong.status)
    except ValueError as error:
        response = reply({"error": str(error)}, 400)
    except ItemRefused as refused:
        response = reply({"error": refused.result["message"], **refused.result}, 409)
    state_of(request).store.commit()
    return response


async def show_state(request: web.Request) -> web.Response:
    """`GET /_sandbox/state`"""
    return reply(summary(state_of(request)))


def summary(state: State) -> dict[str, Any]:
    return {
        "now": crm_time(state.clock.now()),
        "counts": {kind: len(state.store.tables[kind]) for kind in SHOWN},
        "calls": state.journal.totals(),
        "limits": {"billing": state.billing_limits.as_json(), "crm": state.crm_limits.as_json()},
        "settings": public_settings(state),
        "faults": len(state.faults.orders),
        "last_request": state.journal.last_number,
    }


def public_settings(state: State) -> dict[str, Any]:
    secret = ("client_id", "client_secret", "refresh_token", "person_refresh_token")
    return {name: value for name, value in vars(state.settings).items() if name not in secret}


async def change_settings(request: web.Request) -> web.Response:
    """`POST /_sandbox/settings`: limits and habits by name.

    `{"billing_custom_fields": {"plan": ["Label"]}}` defines custom fields, as a person would in the screens.
    """
    state = state_of(request)
    wish = await json_body(request)
    for entity, labels in wish.pop("billing_custom_fields", {}).items():
        for label in labels:
            define_custom_field(state, entity, label)
    state.settings.change(wish)
    return reply(public_settings(state))


async def reset(request: web.Request) -> web.Response:
    """`POST /_sandbox/reset`: an empty organisation, no faults, nothing used up. Settings stay.

    With `{"to": "prepared"}` it is not empty but as it was when that snapshot was taken.
    """
    state = state_of(request)
    name = (await json_body(request)).get("to")
    if name is not None and name not in state.snapshots:
        raise Wrong(f"there is no snapshot {name!r} (there are: {sorted(state.snapshots)})", 404)
    state.clear()
    if name is None:
        seed(state)
    else:
        state.restore(name)
    return reply(summary(state))


async def take_snapshot(request: web.Request) -> web.Response:
    """`POST /_sandbox/snapshots` with `{"name": "prepared"}`: remember every record until this process ends."""
    state = state_of(request)
    name = (await json_body(request)).get("name")
    if not isinstance(name, str) or not name:
        raise Wrong("say `name`, a text")
    state.take_snapshot(name)
    return reply({"snapshots": sorted(state.snapshots)})


async def move_clock(request: web.Request) -> web.Response:
    """`POST /_sandbox/clock` with `{"days": 31}`, `{"hours": 6}` or `{"to": "2026-03-01T07:00:00+02:00"}`.

    The calendar goes forward, and every morning on the way bills what is due; while there is no subscription it may
    also go back, so that a story begins on any day. Limits and tokens keep real time.
    """
    state = state_of(request)
    wish = await json_body(request)
    until = state.clock.now()
    if "to" in wish:
        until = parse_time(str(wish["to"])) or until - timedelta(seconds=1)
    for unit in ("days", "hours"):
        if isinstance(count := wish.get(unit, 0), bool) or not isinstance(count, int):
            raise Wrong(f"{unit} is a whole number")
        until += timedelta(**{unit: count})
    made = renewals.advance(state, until)
    return reply({"now": crm_time(state.clock.now()), "invoices": made})


async def list_requests(request: web.Request) -> web.Response:
    """`GET /_sandbox/requests?since=N[&system=crm]`: those numbered above N, oldest first."""
    state = state_of(request)
    since = request.query.get("since", "0")
    if not since.isdecimal():
        raise Wrong("since is the number of a request")
    entries = state.journal.since(int(since), request.query.get("system"))
    return reply({"requests": [entry.as_json() for entry in entries], "last": state.journal.last_number})


async def forget_requests(request: web.Request) -> web.Response:
    """`DELETE /_sandbox/requests`: empties the log and starts counting calls from nought."""
    state_of(request).journal.clear()
    return reply({})


async def order_fault(request: web.Request) -> web.Response:
    """`POST /_sandbox/faults`: see `faults` for what can be ordered."""
    return reply(state_of(request).faults.order(await json_body(request)).as_json(), 201)


async def list_faults(request: web.Request) -> web.Response:
    return reply({"faults": [fault.as_json() for fault in state_of(request).faults.orders]})


async def clear_faults(request: web.Request) -> web.Response:
    state_of(request).faults.clear()
    return reply({"faults": []})


async def list_records(request: web.Request) -> web.Response:
    """`GET /_sandbox/records/{kind}`: all of them in full, or a page with `page` and `per_page`."""
    table = table_of(request, SHOWN)
    rows = list(table)
    page = whole_number(request.query.get("page"), 1)
    size = whole_number(request.query.get("per_page"), max(1, len(rows)))
    if page is None or size is None:
        raise Wrong("page and per_page are positive numbers")
    return reply({"count": len(rows), "records": rows[(page - 1) * size : page * size]})


async def add_record(request: web.Request) -> web.Response:
    """`POST /_sandbox/records/crm_products`: a person adds a product by hand."""
    if request.match_info["kind"] != "crm_products":
        raise Wrong("only crm_products can be added by hand; use the API for the others")
    state = state_of(request)
    values, author = edit_in(state, await json_body(request))
    return reply(records.insert(state, values, "$", author), 201)


async def edit_record(request: web.Request) -> web.Response:
    """`POST /_sandbox/records/{kind}/{id}` with `{"edited_by": "…", <field>: <value>, …}`.

    A person changes the record in Zoho's screens. In CRM that leaves a trace in the timeline.
    """
    table = table_of(request, tuple(EDITABLE))
    state, record = state_of(request), record_in(request, table)
    values, author = edit_in(state, await json_body(request))
    if table.kind == "crm_products":
        return reply(records.update(state, record, values, "$", author))
    fixed = {table.id_field, "created_time"} & set(values)
    if fixed:
        raise Wrong(f"{', '.join(sorted(fixed))} cannot be edited")
    if "custom_fields" in values and not isinstance(values["custom_fields"], dict):
        raise Wrong("custom_fields are kept by id: give an object")
    changed = {**record, **values, EDITABLE[table.kind][1]: billing_time(state.clock.now())}
    return reply(table.put(changed))


async def delete_record(request: web.Request) -> web.Response:
    """`DELETE /_sandbox/records/{kind}/{id}?edited_by=…`"""
    table = table_of(request, tuple(EDITABLE))
    state, record = state_of(request), record_in(request, table)
    if table.kind == "crm_products":
        _, author = edit_in(state, dict(request.query))
        records.delete(state, record, author)
    else:
        table.remove(record[table.id_field])
    return reply({})


def table_of(request: web.Request, allowed: tuple[str, ...]) -> Table:
    kind = request.match_info["kind"]
    if kind not in allowed:
        raise Wrong(f"there is no such kind; there are {', '.join(allowed)}", 404)
    return state_of(request).store.tables[kind]


def record_in(request: web.Request, table: Table) -> Document:
    """By id, or by the key people know it by."""
    wanted = request.match_info["id"]
    key = EDITABLE[table.kind][0]
    record = table.get(wanted) or (table.first(key, wanted) if key != table.id_field else None)
    if record is None:
        raise Wrong("there is no such record", 404)
    return record


def edit_in(state: State, body: dict[str, Any]) -> tuple[dict[str, Any], records.Author]:
    """The new values, and the person at the screen."""
    name = body.pop("edited_by", "Thandi Mokoena")
    return body, records.Author(people.short(people.user_named(state, name)), "crm_ui")


async def json_body(request: web.Request) -> dict[str, Any]:
    try:
        body = json.loads(await request.text() or "{}")
    except ValueError:
        raise Wrong("the body is not JSON") from None
    if not isinstance(body, dict):
        raise Wrong("the body must be a JSON object")
    return body


ROUTES = [
    web.get("/_sandbox/state", show_state),
    web.post("/_sandbox/settings", change_settings),
    web.post("/_sandbox/reset", reset),
    web.post("/_sandbox/snapshots", take_snapshot),
    web.post("/_sandbox/clock", move_clock),
    web.get("/_sandbox/requests", list_requests),
    web.delete("/_sandbox/requests", forget_requests),
    web.post("/_sandbox/faults", order_fault),
    web.get("/_sandbox/faults", list_faults),
    web.delete("/_sandbox/faults", clear_faults),
    web.get("/_sandbox/records/{kind}", list_records),
    web.post("/_sandbox/records/{kind}", add_record),
    web.post("/_sandbox/records/{kind}/{id}", edit_record),
    web.delete("/_sandbox/records/{kind}/{id}", delete_record),
]
