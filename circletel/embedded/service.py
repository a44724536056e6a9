"""What PostgreSQL, Valkey and the sandbox have in common: a server on a free loopback port."""

import secrets
from abc import abstractmethod
from collections.abc import Mapping
from pathlib import Path

from .ports import any_free
from .process import Child, wait_until
from .program import Program

ATTEMPTS = 5
START_SECONDS = 60
PORT_TAKEN = "address already in use"
# Servers run without the user's locale and without variables such as PGPORT that would change them.
BARE_ENVIRONMENT = {"PATH": "/usr/local/bin:/usr/bin:/bin", "LC_ALL": "C.UTF-8", "TZ": "UTC"}


class Service(Program):
    """`launch()` several, then `wait()` for each, and they come up side by side."""

    ready_words: str  # what its log says once it accepts connections

    def __init__(self, *, folder: Path, log: Path, port: int | None = None, throwaway: bool = False) -> None:
        super().__init__(log=log)
        self.folder = folder
        self.port = port or any_free()
        self.throwaway = throwaway

    @property
    @abstractmethod
    def url(self) -> str:
        """How the app reaches it. Final once `wait()` has returned."""

    def prepare(self) -> None:
        """Whatever must be there before it starts. Safe to repeat."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def environment(self) -> Mapping[str, str]:
        return BARE_ENVIRONMENT

    def working_folder(self) -> Path:
        return self.folder

    def launch(self) -> None:
        self.prepare()
        super().launch()

    def wait(self) -> None:
        """Return once it accepts connections, trying other ports when its own was taken meanwhile."""
        for _ in range(ATTEMPTS):
            child = self._launched()
            wait_until(lambda: self.is_ready() or not self.is_running(), START_SECONDS)
            if self.is_ready():
                return
            if self.is_running() or PORT_TAKEN not in child.log_text().lower():
                break
            self.port = any_free()
            self.launch()
        failure = self.failure("did not start")
        self.stop()
        raise failure

    def is_ready(self) -> bool:
        return self.is_running() and self.ready_words in self._launched().log_text()

    def start(self) -> None:
        self.launch()
        self.wait()

    def _launched(self) -> Child:
        assert self.child is not None, f"{self.name} was never launched"
        return self.child


def secret_in(file: Path) -> str:
    """The secret kept in `file`, made on first use and readable by its owner only."""
    if not file.exists():
        unfinished = file.with_name(file.name + ".unfinished")
        unfinished.touch(mode=0o600)
        unfinished.write_text(secrets.token_urlsafe(40))
        unfinished.rename(file)
    return file.read_text().strip()
