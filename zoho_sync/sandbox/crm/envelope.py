"""How CRM says yes and no.

A whole request is refused with one object; records in a batch each get their own, in the order sent. The
four keys are the same: code, details, message, status. Zoho CRM API v8: "Upsert Records", "Status Codes".
"""

from __future__ import annotations

import json
from typing import Any

from aiohttp import web

from zoho_sync.sandbox.web import Refused, reply

Result = dict[str, Any]


def refusal(status: int, code: str, message: str, details: dict[str, Any] | None = None) -> Refused:
    """The whole request is refused."""
    return Refused(status, {"code": code, "details": details or {}, "message": message, "status": "error"})


class ItemRefused(Exception):
    """One record of a batch is refused; the others go on."""

    def __init__(self, code: str, message: str, details: dict[str, Any], **extra: Any) -> None:
        super().__init__(message)
        self.result: Result = {
            "code": code,
            "details": details,
            "message": message,
            "status": "error",
            **extra,
        }


def invalid_data(api_name: str, path: str, message: str = "invalid data", **details: Any) -> ItemRefused:
    return ItemRefused("INVALID_DATA", message, {**details, "api_name": api_name, "json_path": path})


def batch(root: str, results: list[Result], all_good: int) -> web.Response:
    """All good: `all_good`. Some bad: 207. All bad: 400. The body is the same list either way."""
    bad = sum(result["status"] == "error" for result in results)
    status = all_good if not bad else 400 if bad == len(results) else 207
    return reply({root: results}, status)


def no_content() -> web.Response:
    """No rows: 204 without a body, on every kind of read."""
    return web.Response(status=204)


async def json_body(request: web.Request) -> dict[str, Any]:
    """The JSON object that was sent."""
    try:
        body = json.loads(await request.text())
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise refusal(400, "INVALID_DATA", "body", {"expected_data_type": "jsonobject"})
    return body


async def items(request: web.Request, root: str, most: int) -> list[dict[str, Any]]:
    """The list under `root`, with at least one and no more than `most` objects in it."""
    body = await json_body(request)
    place = {"api_name": root, "json_path": f"$.{root}"}
    if root not in body:
        raise refusal(400, "MANDATORY_NOT_FOUND", "required field not found", place)
    sent = body[root]
    if not isinstance(sent, list) or not sent or not all(isinstance(each, dict) for each in sent):
        raise refusal(400, "INVALID_DATA", "invalid data", {**place, "expected_data_type": "jsonarray"})
    if len(sent) > most:
        raise refusal(400, "LIMIT_EXCEEDED", "Record count exceeded", {**place, "limit": most})
    return sent


def required_parameter(request: web.Request, name: str) -> str:
    value = request.query.get(name, "")
    if not value:
        message = "One of the expected parameter is missing"
        raise refusal(400, "REQUIRED_PARAM_MISSING", message, {"param_name": name})
    return value


def check_module(name: str) -> None:
    """This organisation has Products and nothing else."""
    if name != "Products":
        message = "The module name given seems to be invalid"
        raise refusal(400, "INVALID_MODULE", message, {"resource_path_index": 0})


def internal_error() -> web.Response:
    return reply(
        {
            "code": "INTERNAL_ERROR",
            "details": {},
            "message": "Internal server error occurred.",
            "status": "error",
        },
        500,
    )
