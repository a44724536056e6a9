"""What the person at the terminal reads: one line a step, with how long it took."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager


def say(line: str = "") -> None:
    print(line, flush=True)


def complain(line: str) -> None:
    """To standard error, so that a command's own output stays clean."""
    print(line, file=sys.stderr, flush=True)


def step(label: str, result: str, begun: float) -> None:
    """`  PostgreSQL   127.0.0.1:5433   0.4 s`"""
    say(f"  {label:<14}{result}  ({time.monotonic() - begun:.1f} s)")


@contextmanager
def timed(label: str) -> Iterator[list[str]]:
    """A step line when the block ends well; what is appended to the list is its result."""
    begun, words = time.monotonic(), list[str]()
    yield words
    step(label, ", ".join(words), begun)
