"""A long-running program of ours: launched, stopped in its own way, and started again when it ends unasked."""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from .console import EmbeddedError
from .process import REPOSITORY, rotate, start, tail

PAUSES = (1, 2, 4, 8, 15, 30)
# Whoever ran this long is forgiven earlier failures.
SETTLED_SECONDS = 60
FAILURES_WHILE_STARTING = 3


class Program:
    """What to run and how to end it. Runs in a process group of its own and writes to a log file.

    `launch()` again after it has ended starts it anew.
    """

    name: str
    stop_signals: tuple[signal.Signals, ...] = (signal.SIGTERM,)
    patience = 10.0  # seconds each stop signal is given
    at_our_death = signal.SIGKILL

    def __init__(self, *, log: Path, environment: Mapping[str, str]) -> None:
        self.log = log
        self.environment = {**environment, "PYTHONUNBUFFERED": "1"}
        self.process: subprocess.Popen[bytes] | None = None

    def command(self) -> Sequence[str | Path]:
        raise NotImplementedError

    def working_folder(self) -> Path:
        return REPOSITORY

    def launch(self) -> None:
        """Start it and return at once. What an earlier one left behind is ended first."""
        self.kill()
        rotate(self.log)
        with self.log.open("wb") as output:
            self.process = start(
                self.command(),
                environment=self.environment,
                folder=self.working_folder(),
                output=output,
                at_our_death=self.at_our_death,
            )

    def is_running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def send(self, number: signal.Signals) -> None:
        if self.process is not None:
            self.process.send_signal(number)

    def ends_within(self, seconds: float) -> bool:
        """Wait for its end, and say whether it came."""
        with suppress(subprocess.TimeoutExpired):
            if self.process is not None:
                self.process.wait(seconds)
        return not self.is_running()

    def ask_to_stop(self) -> None:
        """Send the first stop signal without waiting, so that several can end side by side."""
        self.send(self.stop_signals[0])

    def stop(self) -> None:
        """Send each stop signal in turn, then kill whatever is left."""
        for number in self.stop_signals:
            self.send(number)
            if self.ends_within(self.patience):
                break
        self.kill()
        self.process = None

    def kill(self) -> None:
        """End it and everything it started. Quiet when nothing is left."""
        if self.process is not None:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()

    def log_text(self) -> str:
        return self.log.read_text(errors="replace")

    def ended(self) -> str:
        """How it ended, in words."""
        code = self.process.poll() if self.process else None
        if code is None:
            return "still runs" if self.process else "gone"
        return f"exit code {code}" if code >= 0 else f"ended by {signal.Signals(-code).name}"

    def failure(self, words: str) -> EmbeddedError:
        """`words`, how it ended and the end of its log, as an exception to raise."""
        end = f" The end of {self.log}:\n{tail(self.log)}" if self.process else ""
        return EmbeddedError(f"{self.name} {words} ({self.ended()}).{end}")


class Kept:
    """One program, and how often it ended of late."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.failures = 0
        self.launched_at = time.monotonic()
        self.start_again_at: float | None = None


class Keeper:
    """Keeps programs running: one that ends unasked is started again, with a growing pause."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._kept: list[Kept] = []
        # While starting, a program that keeps failing ends the whole start: nobody waits for the impossible.
        self.is_starting = True

    def keep(self, *programs: Program) -> None:
        """Look after programs that are already running."""
        self._kept += [Kept(program) for program in programs]

    def tend(self) -> None:
        """Call often. Raises EmbeddedError only while `is_starting`."""
        now = time.monotonic()
        for each in self._kept:
            if each.start_again_at is not None:
                if now >= each.start_again_at:
                    each.start_again_at, each.launched_at = None, now
                    each.program.launch()
            elif not each.program.is_running():
                self._mourn(each, now)

    def _mourn(self, each: Kept, now: float) -> None:
        program = each.program
        if now - each.launched_at > SETTLED_SECONDS:
            each.failures = 0
        each.failures += 1
        if self.is_starting and each.failures >= FAILURES_WHILE_STARTING:
            raise program.failure("does not stay up")
        pause = PAUSES[min(each.failures, len(PAUSES)) - 1]
        each.start_again_at = now + pause
        self._say(
            f"{program.name} stopped ({program.ended()}); starting it again in {pause} s."
            f" Its log: {program.log}"
        )
