"""A sandbox in its own process, spoken to over its socket like the real thing."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

ROOT = Path(__file__).resolve().parents[2]
CREDENTIALS = {
    "client_id": "sandbox-client",
    "client_secret": "sandbox-secret",
    "refresh_token": "sandbox-refresh",
    "grant_type": "refresh_token",
}
# Out of the way of tests that are not about limits.
NO_LIMITS = {
    "billing_per_minute": 0,
    "billing_per_day": 0,
    "billing_concurrency": 0,
    "billing_block_seconds": 60,
    "crm_credits": 0,
    "crm_concurrency": 0,
    "crm_heavy_concurrency": 0,
    "crm_module_customization": True,
    "token_refreshes": 10,
    "token_window_seconds": 600,
    "token_seconds": 3600,
    "search_lag_seconds": 0,
    "latency_ms": 0,
}


class Sandbox:
    """One running sandbox and a client with a token for it."""

    def __init__(self, *options: str) -> None:
        command = [sys.executable, "-m", "zoho_sync.sandbox", "--port", "0", *options]
        self.process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line.startswith("sandbox listening on http://"), line
        self.url = line.split()[-1]
        self.http = httpx.Client(base_url=self.url, timeout=10)
        self.token = ""

    def stop(self) -> int:
        self.http.close()
        self.process.terminate()
        return self.process.wait(timeout=10)

    def kill(self) -> None:
        self.http.close()
        self.process.kill()
        self.process.wait(timeout=10)

    def refresh(self, **changed: str) -> httpx.Response:
        return self.http.post("/oauth/v2/token", data={**CREDENTIALS, **changed})

    def sign_in(self) -> None:
        self.token = self.refresh().json()["access_token"]

    def headers(self) -> dict[str, str]:
        return {
            "Authorization": f"Zoho-oauthtoken {self.token}",
            "X-com-zoho-subscriptions-organizationid": "10000001",
        }

    def call(self, method: str, path: str, **request: Any) -> httpx.Response:
        headers = {**self.headers(), **request.pop("headers", {})}
        return self.http.request(method, path, headers=headers, **request)

    def crm(self, method: str, path: str, **request: Any) -> httpx.Response:
        return self.call(method, f"/crm/v8{path}", **request)

    def billing(self, method: str, path: str, **request: Any) -> httpx.Response:
        return self.call(method, f"/billing/v1{path}", **request)

    def upsert(self, *records: dict[str, Any], **body: Any) -> httpx.Response:
        return self.crm("POST", "/Products/upsert", json={"data": list(records), **body})

    def control(self, method: str, path: str, **request: Any) -> Any:
        answer = self.http.request(method, f"/_sandbox{path}", **request)
        assert answer.status_code < 300, answer.text
        return answer.json()

    def set(self, **settings: Any) -> None:
        self.control("POST", "/settings", json=settings)

    def order(self, *, match: dict[str, str] | None = None, times: int | None = 1, **action: Any) -> None:
        self.control("POST", "/faults", json={"match": match or {}, "action": action, "times": times})

    def records(self, kind: str) -> list[dict[str, Any]]:
        return list(self.control("GET", f"/records/{kind}")["records"])

    def unique_field(self, label: str = "Ext Key") -> str:
        """Somebody adds a unique text field to Products; returns its API name."""
        field = {"field_label": label, "data_type": "text", "unique": {"case_sensitive": False}}
        answer = self.crm("POST", "/settings/fields", params={"module": "Products"}, json={"fields": [field]})
        assert answer.status_code == 201, answer.text
        return label.replace(" ", "_")

    def billing_product(self, name: str = "Fibre") -> str:
        answer = self.billing("POST", "/products", json={"name": name})
        assert answer.status_code == 201, answer.text
        return str(answer.json()["product"]["product_id"])


@pytest.fixture(scope="session")
def shared_sandbox() -> Iterator[Sandbox]:
    sandbox = Sandbox()
    yield sandbox
    sandbox.stop()


@pytest.fixture
def zoho(shared_sandbox: Sandbox) -> Sandbox:
    """An empty Zoho without limits, and a fresh token."""
    shared_sandbox.control("POST", "/reset")
    shared_sandbox.set(**NO_LIMITS)
    shared_sandbox.sign_in()
    return shared_sandbox


@pytest.fixture
def start() -> Iterator[Callable[..., Sandbox]]:
    """Starts further sandboxes, with options of their own."""
    started: list[Sandbox] = []

    def start_one(*options: str) -> Sandbox:
        sandbox = Sandbox(*options)
        started.append(sandbox)
        return sandbox

    yield start_one
    for sandbox in started:
        if sandbox.process.poll() is None:
            sandbox.stop()
