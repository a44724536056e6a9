"""Small things every room needs to answer over HTTP."""

from __future__ import annotations

import json
from typing import Any

from aiohttp import web


class Refused(Exception):
    """The request ends here with this status and this JSON. Each system has its own shape of it."""

    def __init__(self, status: int, body: dict[str, Any]) -> None:
        super().__init__(str(body))
        self.status = status
        self.body = body


def reply(body: Any, status: int = 200, headers: dict[str, str] | None = None) -> web.Response:
    return web.Response(
        status=status, text=json.dumps(body), content_type="application/json", headers=headers
    )


def access_token(request: web.Request) -> str | None:
    """The token of an `Authorization: Zoho-oauthtoken …` header. `Bearer` is not understood."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return token.strip() if scheme == "Zoho-oauthtoken" and token.strip() else None


def whole_number(text: str | None, default: int) -> int | None:
    """A positive number from a query parameter; `default` when absent, None when it is no such number."""
    if text is None or text == "":
        return default
    return int(text) if text.isdecimal() and int(text) > 0 else None
