"""Misfortune to order: the next call that looks so goes wrong in such a way.

A fault is `{"match": {...}, "action": {...}, "times": N or null, "skip": N}`. `match` may name `method`,
`path` (a glob, or a regular expression when it begins with `^`; tried with and without the query) and
`contains` (text in the body); what it leaves out, matches all. `action` may combine:

  delay_ms       wait first
  drop           "before": cut the connection, nothing done; "after": do it, then cut: the outcome is unknown
  status         answer with this status, with `body` (any JSON, or a text) and `headers`; nothing is done
  garbage        answer 200 with this text, or with an HTML page when true; nothing is done
  perform        with status or garbage: do what was asked all the same, then answer so
  slow_drip_ms   send the answer in twenty pieces with this pause between
"""

from __future__ import annotations

import fnmatch
import json
import re
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

MATCH_KEYS = {"method", "path", "contains"}
ACTION_KEYS = {"delay_ms", "drop", "status", "body", "headers", "garbage", "perform", "slow_drip_ms"}
GARBAGE = "<html><head><title>Oops</title></head><body>Sorry, something went wrong.</body></html>"


@dataclass
class Fault:
    """One order. `times` counts down; None means until it is taken away."""

    number: int
    match: dict[str, str]
    action: dict[str, Any]
    times: int | None
    skip: int
    hits: int = 0
    _pattern: re.Pattern[str] | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        path = self.match.get("path")
        if path:
            self._pattern = re.compile(path if path.startswith("^") else fnmatch.translate(path))

    def fits(self, method: str, path: str, query: str, body: str) -> bool:
        if self.match.get("method", method).upper() != method:
            return False
        if self._pattern and not (self._pattern.match(path) or self._pattern.match(f"{path}?{query}")):
            return False
        return self.match.get("contains", "") in body

    def as_json(self) -> dict[str, Any]:
        names = ("number", "match", "action", "times", "skip", "hits")
        return {name: getattr(self, name) for name in names}

    @property
    def replaces_answer(self) -> bool:
        return "status" in self.action or "garbage" in self.action

    def answer(self) -> web.Response:
        """The answer that was ordered in place of the true one."""
        if "garbage" in self.action:
            text = self.action["garbage"]
            return web.Response(text=text if isinstance(text, str) else GARBAGE, content_type="text/html")
        body = self.action.get("body", "")
        is_text = isinstance(body, str)
        response = web.Response(
            status=self.action["status"],
            text=body if is_text else json.dumps(body),
            content_type="text/plain" if is_text else "application/json",
        )
        response.headers.update(self.action.get("headers", {}))
        return response


class Faults:
    """The orders that stand, in the order they were given; the first that fits is used."""

    def __init__(self) -> None:
        self.orders: list[Fault] = []
        self._last = 0

    def order(self, wish: dict[str, Any]) -> Fault:
        """Take an order; ValueError says what is wrong with it."""
        match, action = wish.get("match") or {}, wish.get("action") or {}
        times, skip = wish.get("times", 1), wish.get("skip", 0)
        for known, given, name in ((MATCH_KEYS, match, "match"), (ACTION_KEYS, action, "action")):
            if not isinstance(given, dict) or set(given) - known:
                raise ValueError(f"{name} may hold {', '.join(sorted(known))}")
        if set(wish) - {"match", "action", "times", "skip"}:
            raise ValueError("a fault has match, action, times and skip")
        if not action:
            raise ValueError("action must say what goes wrong")
        for name in ("delay_ms", "slow_drip_ms", "status"):
            if not isinstance(action.get(name, 0), int):
                raise ValueError(f"{name} is a whole number")
        if action.get("drop") not in (None, "before", "after"):
            raise ValueError('drop is "before" or "after"')
        if not (times is None or (isinstance(times, int) and times > 0)) or not isinstance(skip, int):
            raise ValueError("times is a positive number or null, skip a number")
        try:
            fault = Fault(self._last + 1, match, action, times, skip)
        except re.error as error:
            raise ValueError(f"path: {error}") from None
        self._last = fault.number
        self.orders.append(fault)
        return fault

    def take(self, method: str, path: str, query: str, body: str) -> Fault | None:
        """The fault due for this call, if any; its count goes down."""
        for fault in self.orders:
            if not fault.fits(method, path, query, body):
                continue
            if fault.skip > 0:
                fault.skip -= 1
                continue
            fault.hits += 1
            if fault.times is not None:
                fault.times -= 1
                if fault.times == 0:
                    self.orders.remove(fault)
            return fault
        return None

    def clear(self) -> None:
        self.orders.clear()
