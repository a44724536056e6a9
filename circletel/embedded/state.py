"""The folder that everything embedded lives in, and who uses it now.

One owner at a time starts services: the holder of `lock`. Others read `running.json` to share them. Both are
judged by the lock, which the kernel releases even after kill -9, never by a process id left in a file.
"""

import fcntl
import json
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO

from .console import EmbeddedError
from .process import REPOSITORY

OWNER_READY_SECONDS = 90


@dataclass(frozen=True)
class Running:
    """What an owner tells those who come later."""

    pid: int
    purpose: str  # the command it was started with: "make run", …
    environment: dict[str, str] = field(default_factory=dict)  # empty until its services are up
    address: str = ""


def state_folder(environment: Mapping[str, str] = os.environ) -> Path:
    """`CIRCLETEL_STATE_DIR`, or `.run` in the repository."""
    return Path(environment.get("CIRCLETEL_STATE_DIR") or REPOSITORY / ".run").absolute()


class State:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.logs = folder / "logs"
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            if folder.stat().st_uid != os.geteuid():
                raise EmbeddedError(
                    f"{folder} belongs to another user. Remove it, or set CIRCLETEL_STATE_DIR to a folder of yours."
                )
            self._lock = (folder / "lock").open("a+")
        except OSError as error:
            raise EmbeddedError(
                f"{folder} cannot be used: {error.strerror}. Set CIRCLETEL_STATE_DIR."
            ) from None

    def try_claim(self, purpose: str) -> bool:
        """Become the owner until this process ends. False when there is one already."""
        if not _locked(self._lock, fcntl.LOCK_EX):
            return False
        self.announce(Running(pid=os.getpid(), purpose=purpose))
        return True

    @property
    def is_migrated(self) -> bool:
        """Whether the embedded database was ever given its tables."""
        return (self.folder / "migrated").exists()

    def note_migrated(self) -> None:
        (self.folder / "migrated").touch()

    def announce(self, running: Running) -> None:
        file = self.folder / "running.json"
        unfinished = file.with_name("running.json.unfinished")
        unfinished.touch(mode=0o600)  # it holds passwords
        unfinished.write_text(json.dumps(asdict(running)))
        unfinished.replace(file)

    def release(self) -> None:
        """Give the place up. Call when the services are stopped."""
        (self.folder / "running.json").unlink(missing_ok=True)
        fcntl.flock(self._lock, fcntl.LOCK_UN)

    def owner(self) -> Running | None:
        """Who owns the folder at this moment, if anybody does."""
        if _locked(self._lock, fcntl.LOCK_SH):
            fcntl.flock(self._lock, fcntl.LOCK_UN)
            return None
        with suppress(OSError, ValueError, TypeError):
            return Running(**json.loads((self.folder / "running.json").read_text()))
        return Running(pid=0, purpose="another command")

    def owner_with_services(self) -> Running | None:
        """The owner once its services are up; None as soon as there is no owner."""
        deadline = time.monotonic() + OWNER_READY_SECONDS
        while (owner := self.owner()) is not None and not owner.environment:
            if time.monotonic() > deadline:
                raise EmbeddedError(
                    f"{owner.purpose} (process {owner.pid}) is starting and does not get ready."
                )
            time.sleep(0.1)
        return owner

    @contextmanager
    def borrowed(self) -> Iterator[IO[str]]:
        """While this is open, an owner that asks `wait_for_borrowers` keeps its services up."""
        with (self.folder / "borrowed").open("a+") as borrowed:
            fcntl.flock(borrowed, fcntl.LOCK_SH)
            yield borrowed

    def is_borrowed(self) -> bool:
        with (self.folder / "borrowed").open("a+") as borrowed:
            return not _locked(borrowed, fcntl.LOCK_EX)

    def wait_for_borrowers(self) -> None:
        with (self.folder / "borrowed").open("a+") as borrowed:
            fcntl.flock(borrowed, fcntl.LOCK_EX)


def _locked(file: IO[str], how: int) -> bool:
    """Whether the lock was free."""
    try:
        fcntl.flock(file, how | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
