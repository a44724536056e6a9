"""What PostgreSQL, Valkey and the sandbox have in common: launched on a port, waited for, stopped."""

import secrets
import signal
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path

from .errors import StartFailed
from .ports import any_free
from .process import Child, wait_until

ATTEMPTS = 5
PORT_TAKEN = "address already in use"
# Servers run without the user's locale and without variables such as PGPORT that would change them.
BARE_ENVIRONMENT = {"PATH": "/usr/local/bin:/usr/bin:/bin", "LC_ALL": "C.UTF-8", "TZ": "UTC"}


class Service(ABC):
    """A server on a loopback port. `launch()` returns at once, so that several can come up side by side."""

    name: str
    ready_words: str  # what its log says once it accepts connections
    stop_signals: tuple[signal.Signals, ...] = (signal.SIGTERM,)
    at_our_death = signal.SIGKILL
    patience = 60.0  # seconds until it must have come up

    def __init__(self, *, folder: Path, log: Path, port: int | None = None) -> None:
        self.folder = folder
        self.log = log
        self.port = port or any_free()
        self.child: Child | None = None

    @property
    @abstractmethod
    def url(self) -> str:
        """How the app reaches it. Final once `wait()` has returned."""

    @abstractmethod
    def command(self) -> Sequence[str | Path]: ...

    def prepare(self) -> None:
        """Whatever must be there before it starts. Safe to repeat."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def environment(self) -> Mapping[str, str]:
        return BARE_ENVIRONMENT

    def launch(self) -> None:
        self.prepare()
        self.child = Child(
            self.name,
            self.command(),
            log=self.log,
            environment=self.environment(),
            folder=self.working_folder(),
            at_our_death=self.at_our_death,
        )

    def working_folder(self) -> Path | None:
        return self.folder

    def wait(self) -> None:
        """Return once it accepts connections, trying other ports when its own was taken meanwhile."""
        for _ in range(ATTEMPTS):
            child = self._launched()
            wait_until(lambda child=child: self.is_ready() or child.exit_code is not None, self.patience)  # type: ignore[misc]
            if self.is_ready():
                return
            if child.exit_code is None or PORT_TAKEN not in child.log_text().lower():
                break
            self.port = any_free()
            self.launch()
        child = self._launched()
        ended = "no answer yet" if child.exit_code is None else child.ended()
        self.stop()
        raise StartFailed(f"{self.name} did not start ({ended}). The end of {child.log}:\n{child.log_tail()}")

    def is_ready(self) -> bool:
        child = self._launched()
        return child.exit_code is None and self.ready_words in child.log_text()

    def is_running(self) -> bool:
        return self.child is not None and self.child.exit_code is None

    def start(self) -> None:
        self.launch()
        self.wait()

    def stop(self) -> None:
        if self.child is not None:
            self.child.stop(*self.stop_signals)
            self.child = None

    def _launched(self) -> Child:
        if self.child is None:
            raise RuntimeError(f"{self.name} was never launched")
        return self.child


def secret_in(file: Path) -> str:
    """The secret kept in `file`, made on first use and readable by its owner only."""
    if not file.exists():
        file.touch(mode=0o600)
        file.write_text(secrets.token_urlsafe(40))
    return file.read_text().strip()
