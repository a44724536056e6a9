"""What the user has configured, the services that leaves to us, and the environment that points the app at them.

The environment wins over `.env`; an empty value counts as not set, in both.
"""

import os
import socket
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

import environ

from .console import EmbeddedError
from .postgres import Postgres
from .process import REPOSITORY
from .service import LOOPBACK, RAISED_LIMITS, Sandbox, Service, Valkey, secret_in
from .state import State

LOOPBACK_NAMES = (LOOPBACK, "localhost", "::1")
ZOHO = (
    "ZOHO_ACCOUNTS_URL",
    "ZOHO_API_URL",
    "ZOHO_CLIENT_ID",
    "ZOHO_CLIENT_SECRET",
    "ZOHO_REFRESH_TOKEN",
    "ZOHO_BILLING_ORGANIZATION_ID",
)
Kind = TypeVar("Kind", bound=Service)


def configured(repository: Path = REPOSITORY, environment: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Everything that is set, by name."""

    class Reader(environ.Env):
        ENVIRON: Any = {}

    Reader.ENVIRON = {}
    file = repository / ".env"
    if file.is_file():
        Reader.read_env(file)
    values = Reader.ENVIRON | {name: value for name, value in environment.items() if value}
    return {name: value for name, value in values.items() if value}


def has_zoho(values: Mapping[str, str]) -> bool:
    """Whether a Zoho is configured. Raises EmbeddedError when it is by half."""
    missing = [name for name in ZOHO if name not in values]
    if missing and len(missing) < len(ZOHO):
        present = [name for name in ZOHO if name in values]
        raise EmbeddedError(
            f"Zoho is configured by half: {_listed(present)} set, {_listed(missing)} missing.\n"
            f"Set {'it' if len(missing) == 1 else 'these'} too (environment or .env), "
            "or none of the six to use the local sandbox Zoho."
        )
    return not missing


def _listed(names: list[str]) -> str:
    return f"{', '.join(names)} {'is' if len(names) == 1 else 'are'}"


class Stack:
    """Created for a state folder that we own and for what the user has configured. Raises EmbeddedError."""

    def __init__(self, state: State, values: Mapping[str, str]) -> None:
        self._state = state
        self._values = values
        self.sandbox = None if has_zoho(values) else self._service(Sandbox, "sandbox")
        self.valkey = None if "REDIS_URL" in values else self._service(Valkey, "valkey")
        self.postgres = None if "DATABASE_URL" in values else self._service(Postgres, "postgres")
        # Quickest to launch first; stopped in this order too, PostgreSQL last.
        self.services: list[Service] = [
            each for each in (self.sandbox, self.valkey, self.postgres) if each is not None
        ]

    def start(self) -> None:
        """Return when every service accepts connections. When one does not, none is left running."""
        try:
            for service in self.services:
                service.launch()
            for service in self.services:
                service.wait()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        for service in self.services:
            service.stop()

    def environment(self) -> dict[str, str]:
        """What to add to the environment of every process of the app. Call after `start()`."""
        added = {
            "DJANGO_SECRET_KEY": secret_in(self._state.folder / "secret_key"),
            "CIRCLETEL_DEMO": "1",
        }
        if self.sandbox:
            added |= RAISED_LIMITS
        if (host := self._values.get("HOST", LOOPBACK)) not in LOOPBACK_NAMES:
            added["DJANGO_ALLOWED_HOSTS"] = ",".join(_names_of_this_machine(host))
        added = {name: value for name, value in added.items() if name not in self._values}
        if self.postgres:
            added["DATABASE_URL"] = self.postgres.url
        if self.valkey:
            added["REDIS_URL"] = self.valkey.url
        if self.sandbox:
            added |= self.sandbox.settings()
        return added

    def _service(self, kind: type[Kind], short: str) -> Kind:
        return kind(folder=self._state.folder / short, log=self._state.logs / f"{short}.log")


def _names_of_this_machine(host: str) -> list[str]:
    """What a browser may put into its address bar when we listen on more than loopback."""
    names = {*LOOPBACK_NAMES[:2], "[::1]", host, socket.gethostname()}
    with suppress(OSError):
        names |= set(socket.gethostbyname_ex(socket.gethostname())[2])
    return sorted(names)
