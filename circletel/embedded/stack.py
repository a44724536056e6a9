"""The embedded services this machine needs, together, and the environment that points the app at them."""

import os
import socket
from collections.abc import Mapping
from contextlib import suppress
from typing import TypeVar

from .environment import Needed, needed
from .ports import Remembered
from .postgres import Postgres
from .sandbox import RAISED_LIMITS, Sandbox
from .service import Service, secret_in
from .state import State
from .valkey import Valkey

LOOPBACK_NAMES = ("127.0.0.1", "localhost", "::1")
Kind = TypeVar("Kind", bound=Service)


class Stack:
    """Created for a state folder that we own and for what the user has configured."""

    def __init__(self, state: State, values: Mapping[str, str]) -> None:
        self._state = state
        self._values = values
        self._ports = Remembered(state.folder / "ports.json")
        self.needed: Needed = needed(values)
        self.postgres = self._service(Postgres, "postgres") if self.needed.postgres else None
        self.valkey = self._service(Valkey, "valkey") if self.needed.valkey else None
        self.sandbox = self._service(Sandbox, "sandbox") if self.needed.sandbox else None

    @property
    def services(self) -> list[Service]:
        """Quickest to launch first; stopped in this order too, PostgreSQL last."""
        return [each for each in (self.sandbox, self.valkey, self.postgres) if each is not None]

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
        self._ports.keep({service.name: service.port for service in self.services})

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
        if (host := self._values.get("HOST", LOOPBACK_NAMES[0])) not in LOOPBACK_NAMES:
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
        return kind(
            folder=self._state.folder / short,
            log=self._state.logs / f"{short}.log",
            port=self._ports.pick(kind.name),
        )


def _names_of_this_machine(host: str) -> list[str]:
    """What a browser may put into its address bar when we listen on more than loopback."""
    names = {*LOOPBACK_NAMES[:2], "[::1]", host, socket.gethostname()}
    with suppress(OSError):
        names |= set(socket.gethostbyname_ex(socket.gethostname())[2])
    return sorted(names)


def with_added(added: Mapping[str, str]) -> dict[str, str]:
    """Our own environment with `added` on top, for a child process."""
    return {**os.environ, **added}
