"""Loopback ports: free ones, and the ones used last time, so that addresses stay the same over restarts."""

import errno
import json
import socket
from contextlib import suppress
from pathlib import Path

from .errors import Misconfigured

LOOPBACK = "127.0.0.1"


def is_free(port: int, host: str = LOOPBACK) -> bool:
    """Whether a server could listen there now. Misconfigured when none ever could."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                return False
            raise Misconfigured(f"Nothing can listen on {host} port {port}: {error.strerror}.") from None
    return True


def any_free() -> int:
    """A port nobody listens on at this moment. Somebody may be quicker: be ready to ask again."""
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])


def first_free(wanted: int, host: str = LOOPBACK) -> int:
    """`wanted`, or the next port above it that is free."""
    for port in range(wanted, min(wanted + 200, 65536)):
        if is_free(port, host):
            return port
    return any_free()


class Remembered:
    """Which service had which port last time. A lost or broken file only costs the memory."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def pick(self, name: str) -> int:
        """The port `name` had before if it is free, else any."""
        port = self._read().get(name)
        return port if isinstance(port, int) and 0 < port < 65536 and is_free(port) else any_free()

    def keep(self, ports: dict[str, int]) -> None:
        self._file.write_text(json.dumps(self._read() | ports))

    def _read(self) -> dict[str, object]:
        with suppress(OSError, ValueError):
            read = json.loads(self._file.read_text())
            if isinstance(read, dict):
                return read
        return {}
