"""Keeps programs running: one that ends unasked is started again, with a growing pause."""

import time
from collections.abc import Callable

from .program import Program

PAUSES = (1, 2, 4, 8, 15, 30)
# Whoever ran this long is forgiven earlier failures.
SETTLED_SECONDS = 60
FAILURES_WHILE_STARTING = 3


class Kept:
    """One program, and how often it ended of late."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.failures = 0
        self.launched_at = time.monotonic()
        self.start_again_at: float | None = None


class Keeper:
    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._kept: list[Kept] = []
        # While starting, a program that keeps failing ends the whole start: nobody waits for the impossible.
        self.is_starting = True

    @property
    def programs(self) -> list[Program]:
        return [each.program for each in self._kept]

    def keep(self, *programs: Program) -> None:
        """Look after programs that are already running."""
        self._kept += [Kept(program) for program in programs]

    def tend(self) -> None:
        """Call often. Raises StartFailed only while `is_starting`."""
        now = time.monotonic()
        for each in self._kept:
            if each.start_again_at is not None:
                if now >= each.start_again_at:
                    self._start_again(each)
            elif not each.program.is_running():
                self._mourn(each, now)

    def _mourn(self, each: Kept, now: float) -> None:
        program, child = each.program, each.program.child
        if now - each.launched_at > SETTLED_SECONDS:
            each.failures = 0
        each.failures += 1
        if self.is_starting and each.failures >= FAILURES_WHILE_STARTING:
            raise program.failure("does not stay up")
        pause = PAUSES[min(each.failures, len(PAUSES)) - 1]
        each.start_again_at = now + pause
        how = child.ended() if child else "gone"
        self._say(f"{program.name} stopped ({how}); starting it again in {pause} s. Its log: {program.log}")

    def _start_again(self, each: Kept) -> None:
        each.start_again_at = None
        each.launched_at = time.monotonic()
        each.program.launch()
