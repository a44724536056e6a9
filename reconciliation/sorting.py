"""Sorting more records than memory should hold: runs on disk, merged while they are read."""

import heapq
import json
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from typing import IO, Any

RUN = 4000


class Sorter:
    """Takes (key, item) pairs in any order and gives them back in the order of keys, once.

    Items are plain JSON values. Memory stays flat: no more than `RUN` of them are held. Use it as a context,
    so that its files go away.
    """

    def __init__(self) -> None:
        self.count = 0
        self._held: list[tuple[str, str]] = []
        self._runs: list[IO[str]] = []
        self._files = ExitStack()

    def add(self, key: str, item: Any) -> None:
        self._held.append((key, json.dumps(item, ensure_ascii=True)))
        self.count += 1
        if len(self._held) >= RUN:
            self._write_run()

    def __iter__(self) -> Iterator[tuple[str, Any]]:
        self._held.sort()
        runs = [_read(file) for file in self._runs]
        for key, line in heapq.merge(self._held, *runs):
            yield key, json.loads(line)

    def __enter__(self) -> "Sorter":
        return self

    def __exit__(self, *_: object) -> None:
        self._files.close()
        self._held = []

    def _write_run(self) -> None:
        self._held.sort()
        file = self._files.enter_context(_nameless())
        file.writelines(f"{json.dumps(key)}\t{line}\n" for key, line in self._held)
        self._runs.append(file)
        self._held = []


def _nameless() -> IO[str]:
    return tempfile.TemporaryFile("w+", encoding="utf-8")


def _read(file: IO[str]) -> Iterator[tuple[str, str]]:
    file.seek(0)
    for line in file:
        key, _, item = line.rstrip("\n").partition("\t")
        yield json.loads(key), item
