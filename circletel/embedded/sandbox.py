"""The local Zoho as a child process, for demo and tests. What it does is its own affair."""

import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from .program import REPOSITORY
from .service import Service

CREDENTIALS = {
    "ZOHO_CLIENT_ID": "sandbox-client",
    "ZOHO_CLIENT_SECRET": "sandbox-secret",
    "ZOHO_REFRESH_TOKEN": "sandbox-refresh",
    "ZOHO_BILLING_ORGANIZATION_ID": "10000001",
}
# What the sandbox allows, and, below that, what we allow ourselves: a demo should not wait for anybody's quota.
ALLOWED = {"--billing-per-minute": 100_000, "--billing-per-day": 10_000_000, "--billing-concurrency": 10}
RAISED_LIMITS = {
    "ZOHO_BILLING_CALLS_PER_MINUTE": "6000",
    "ZOHO_BILLING_CALLS_PER_DAY": "1000000",
    "ZOHO_BILLING_CONCURRENCY": "10",
    # Its own habit, unless somebody orders another one.
    "ZOHO_BILLING_RENEWAL_PRICING": "retain",
}


class Sandbox(Service):
    """Keeps its records in `folder/zoho.sqlite`; with `throwaway` in memory only, under Zoho's real limits."""

    name = "Sandbox Zoho"
    ready_words = "sandbox listening on "

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def settings(self) -> dict[str, str]:
        """The six variables by which the app reaches it."""
        return {"ZOHO_ACCOUNTS_URL": self.url, "ZOHO_API_URL": self.url, **CREDENTIALS}

    def command(self) -> Sequence[str | Path]:
        command: list[str | Path] = [sys.executable, "-m", "zoho_sync.sandbox", "--host", "127.0.0.1"]
        command += ["--port", str(self.port)]
        for variable, flag in (
            ("ZOHO_CLIENT_ID", "--client-id"),
            ("ZOHO_CLIENT_SECRET", "--client-secret"),
            ("ZOHO_REFRESH_TOKEN", "--refresh-token"),
            ("ZOHO_BILLING_ORGANIZATION_ID", "--organization-id"),
        ):
            command += [flag, CREDENTIALS[variable]]
        if not self.throwaway:
            command += ["--state", self.folder / "zoho.sqlite"]
            for flag, number in ALLOWED.items():
                command += [flag, str(number)]
        return command

    def environment(self) -> Mapping[str, str]:
        return {**os.environ, "PYTHONUNBUFFERED": "1"}

    def working_folder(self) -> Path:
        return REPOSITORY  # where `zoho_sync` is found
