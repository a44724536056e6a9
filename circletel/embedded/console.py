"""What the person at the terminal reads: one line a step, with how long it took, and what went wrong."""

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO


class EmbeddedError(Exception):
    """The message says what is wrong and what to do, fit for the terminal; nothing more needs to be shown."""


def say(line: str = "") -> None:
    _write(line, sys.stdout)


def complain(line: str) -> None:
    """To standard error, so that a command's own output stays clean."""
    _write(line, sys.stderr)


def _write(line: str, stream: TextIO) -> None:
    """A terminal that was closed is no reason to stop in the middle of a graceful end."""
    try:
        print(line, file=stream, flush=True)
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def step(label: str, result: str, begun: float) -> None:
    """`  PostgreSQL   127.0.0.1:5433   0.4 s`"""
    say(f"  {label:<14}{result}  ({time.monotonic() - begun:.1f} s)")


@contextmanager
def timed(label: str) -> Iterator[list[str]]:
    """A step line when the block ends well; what is appended to the list is its result."""
    begun, words = time.monotonic(), list[str]()
    yield words
    step(label, ", ".join(words), begun)
