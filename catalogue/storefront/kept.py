"""Answers kept in the process, by epoch and address: bounded in bytes, dropped together when the epoch changes."""

from collections import OrderedDict
from threading import Lock

from catalogue.storefront.epoch import Epoch

# What an entry takes beside its body: keys, objects, links.
OVERHEAD = 600


class Kept:
    """The least recently asked go first. For all threads of one process."""

    def __init__(self, most_bytes: int) -> None:
        self.most_bytes = most_bytes
        self._epoch: Epoch | None = None
        self._bodies: OrderedDict[str, bytes] = OrderedDict()
        self._bytes = 0
        self._lock = Lock()

    def get(self, epoch: Epoch, address: str) -> bytes | None:
        with self._lock:
            if self._epoch is not epoch:
                return None
            body = self._bodies.get(address)
            if body is not None:
                self._bodies.move_to_end(address)
            return body

    def put(self, epoch: Epoch, address: str, body: bytes) -> None:
        size = _size(address, body)
        if size > self.most_bytes:
            return
        with self._lock:
            if self._epoch is not epoch:
                self._epoch, self._bytes = epoch, 0
                self._bodies.clear()
            if (before := self._bodies.pop(address, None)) is not None:
                self._bytes -= _size(address, before)
            self._bodies[address] = body
            self._bytes += size
            while self._bytes > self.most_bytes:
                self._bytes -= _size(*self._bodies.popitem(last=False))


def _size(address: str, body: bytes) -> int:
    return len(address) + len(body) + OVERHEAD
