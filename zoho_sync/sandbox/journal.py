"""The calls that arrived: a bounded log of the latest, and counts of all since the start."""

from __future__ import annotations

import json
import time
from collections import Counter, deque
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

SECRET_WORDS = ("client_secret", "refresh_token", "access_token")


@dataclass
class Entry:
    """One call. `status` is None while it runs and when the connection was dropped on purpose."""

    number: int
    system: str
    method: str
    path: str
    query: str
    body: str
    at: float = field(default_factory=time.time)
    status: int | None = None
    milliseconds: int | None = None
    fault: int | None = None

    def as_json(self) -> dict[str, Any]:
        body: Any = self.body
        with suppress(ValueError):
            body = json.loads(self.body)
        moment = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(self.at)) + f".{int(self.at % 1 * 1000):03d}Z"
        return {**self.__dict__, "at": moment, "body": body}


class Journal:
    """The last `most` calls, within `most_bytes` of bodies altogether."""

    def __init__(self, most: int = 5000, most_bytes: int = 32_000_000) -> None:
        self.entries: deque[Entry] = deque()
        self.calls: dict[str, Counter[str]] = {}
        self.last_number = 0
        self._most = most
        self._most_bytes = most_bytes
        self._bytes = 0

    def arrived(self, *, system: str, endpoint: str, method: str, path: str, query: str, body: str) -> Entry:
        if system == "oauth":
            query, body = without_secrets(query), without_secrets(body)
        self.calls.setdefault(system, Counter())[endpoint] += 1
        self.last_number += 1
        entry = Entry(self.last_number, system, method, path, query, body)
        self.entries.append(entry)
        self._bytes += len(body)
        while len(self.entries) > self._most or (self._bytes > self._most_bytes and len(self.entries) > 1):
            self._bytes -= len(self.entries.popleft().body)
        return entry

    def since(self, number: int, system: str | None = None) -> list[Entry]:
        return [e for e in self.entries if e.number > number and system in (None, e.system)]

    def totals(self) -> dict[str, dict[str, Any]]:
        return {
            system: {"total": sum(calls.values()), "endpoints": dict(sorted(calls.items()))}
            for system, calls in sorted(self.calls.items())
        }

    def clear(self) -> None:
        """Forget calls and counts. Numbers go on, so a reader's `since` stays true."""
        self.entries.clear()
        self.calls.clear()
        self._bytes = 0


def without_secrets(form: str) -> str:
    """The form with the values of secrets struck out; the log is open to anyone who can see the sandbox."""
    pairs = [pair.partition("=") for pair in form.split("&")]
    return "&".join(
        f"{name}=***" if name in SECRET_WORDS else name + sep + value for name, sep, value in pairs
    )
