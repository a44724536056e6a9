"""Sorting more records than memory should hold: runs on disk, merged while they are read."""

import heapq
import pickle
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from operator import itemgetter
from typing import IO, Any

RUN = 4000
FIRST = itemgetter(0)


class Sorter:
    """Takes (key, item) pairs in any order and gives them back in the order of keys, once.

    Items are plain values. Memory stays flat: no more than `RUN` of them are held. Use it as a context, so that
    its files go away.
    """

    def __init__(self) -> None:
        self.count = 0
        self._held: list[tuple[str, bytes]] = []
        self._runs: list[IO[bytes]] = []
        self._files = ExitStack()

    def add(self, key: str, item: Any) -> None:
        self._held.append((key, pickle.dumps(item, pickle.HIGHEST_PROTOCOL)))
        self.count += 1
        if len(self._held) >= RUN:
            self._write_run()

    def __iter__(self) -> Iterator[tuple[str, Any]]:
        self._held.sort(key=FIRST)
        runs = [_read(file) for file in self._runs]
        for key, item in heapq.merge(self._held, *runs, key=FIRST):
            yield key, pickle.loads(item)  # noqa: S301  (written above, in a file without a name)

    def __enter__(self) -> "Sorter":
        return self

    def __exit__(self, *_: object) -> None:
        self._files.close()
        self._held = []

    def _write_run(self) -> None:
        self._held.sort(key=FIRST)
        file = self._files.enter_context(tempfile.TemporaryFile("w+b"))  # noqa: SIM115  (the stack closes it)
        for pair in self._held:
            pickle.dump(pair, file, pickle.HIGHEST_PROTOCOL)
        self._runs.append(file)
        self._held = []


def _read(file: IO[bytes]) -> Iterator[tuple[str, bytes]]:
    file.seek(0)
    while True:
        try:
            yield pickle.load(file)  # noqa: S301  (as above)
        except EOFError:
            return
