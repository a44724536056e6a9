"""One person or program at the other end of HTTP: asks, and writes down what came back and what it promises."""

import json
import threading
from typing import Any

import httpx

from torture.beginning import CSRF
from torture.records import Deed, Outcome, Records, Request

# Longer than anybody waits; whoever is still not answered then counts as not answered.
PATIENCE_SECONDS = 60.0


class Browser:
    def __init__(
        self,
        records: Records,
        who: str,
        url: str,
        stop: threading.Event,
        cookies: dict[str, str] | None = None,
    ) -> None:
        self.records, self.who, self.stop = records, who, stop
        # Cookies by hand: a jar would carry the messages of pages nobody opens.
        headers = {"X-CSRFToken": CSRF}
        if cookies:
            headers["Cookie"] = "; ".join(f"{name}={value}" for name, value in cookies.items())
        self._http = httpx.Client(base_url=url, headers=headers, timeout=PATIENCE_SECONDS)

    def close(self) -> None:
        self._http.close()

    def ask(self, method: str, path: str, **options: Any) -> httpx.Response | None:
        """The answer, or None when none came."""
        begun = self.records.now()
        try:
            answer = self._http.request(method, path, **options)
        except httpx.HTTPError:
            answer = None
        status = answer.status_code if answer is not None else 0
        self.records.note(Request(begun, self.records.now(), self.who, method, path.split("?")[0], status))
        if answer is None or status >= 500:
            self.stop.wait(0.5)  # nobody hammers at a door that is closed
        return answer

    def do(self, name: str, target: str, method: str, path: str, **options: Any) -> httpx.Response | None:
        """`ask` for a deed; what it promises is written down."""
        answer = self.ask(method, path, **options)
        self.promise(name, target, answer)
        return answer

    def promise(self, name: str, target: str, answer: httpx.Response | None) -> Outcome:
        outcome = outcome_of(answer)
        self.records.note(Deed(name, target, outcome))
        return outcome


def outcome_of(answer: httpx.Response | None) -> Outcome:
    if answer is None or answer.status_code >= 500:
        return Outcome.UNKNOWN
    return Outcome.DONE if answer.status_code < 400 else Outcome.REFUSED


def body_of(answer: httpx.Response | None) -> dict[str, Any]:
    """The JSON object of a success; empty for anything else."""
    if outcome_of(answer) is not Outcome.DONE or answer is None:
        return {}
    try:
        body = answer.json()
    except json.JSONDecodeError:
        return {}
    return body if isinstance(body, dict) else {}
