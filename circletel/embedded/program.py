"""A long-running program of ours: launched, and stopped in its own way."""

import os
import signal
from collections.abc import Mapping, Sequence
from pathlib import Path

from .errors import StartFailed
from .process import Child

REPOSITORY = Path(__file__).resolve().parents[2]


class Program:
    """What to run and how to end it. `launch()` again after it has ended starts it anew."""

    name: str
    stop_signals: tuple[signal.Signals, ...] = (signal.SIGTERM,)
    patience = 10.0  # seconds each stop signal is given
    at_our_death = signal.SIGKILL

    def __init__(self, *, log: Path) -> None:
        self.log = log
        self.child: Child | None = None

    def command(self) -> Sequence[str | Path]:
        raise NotImplementedError

    def environment(self) -> Mapping[str, str]:
        return os.environ

    def working_folder(self) -> Path:
        return REPOSITORY

    def launch(self) -> None:
        """Start it and return at once. What an earlier one left behind is ended first."""
        if self.child is not None:
            self.child.kill_group()
        self.child = Child(
            self.name,
            self.command(),
            log=self.log,
            environment=self.environment(),
            folder=self.working_folder(),
            at_our_death=self.at_our_death,
        )

    def is_running(self) -> bool:
        return self.child is not None and self.child.exit_code is None

    def ask_to_stop(self) -> None:
        """Send the first stop signal without waiting, so that several can end side by side."""
        if self.child is not None:
            self.child.send(self.stop_signals[0])

    def stop(self) -> None:
        if self.child is not None:
            self.child.stop(*self.stop_signals, patience=self.patience)
            self.child = None

    def failure(self, words: str) -> StartFailed:
        """`words`, how it ended and the end of its log, as an exception to raise."""
        if self.child is None:
            return StartFailed(f"{self.name} {words}.")
        return StartFailed(
            f"{self.name} {words} ({self.child.ended()}). The end of {self.log}:\n{self.child.log_tail()}"
        )
