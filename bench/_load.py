"""Server processes to be measured, and wrk to measure them."""

import json
import math
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

PROCESSES = 2
CONNECTIONS = 8


class Missing(RuntimeError):
    """A tool that is not installed, and how to get it."""


@dataclass(frozen=True)
class Load:
    rate: float
    """Answers a second."""
    p50: float
    """Milliseconds."""
    p99: float


@dataclass(frozen=True)
class Server:
    url: str
    pid: int

    def get(self, path: str, **headers: str) -> tuple[int, Mapping[str, str], Any]:
        with urlopen(Request(self.url + path, headers=headers)) as answer:
            return answer.status, answer.headers, json.loads(answer.read() or "null")

    @property
    def memory(self) -> float:
        """MB of the largest server process."""
        children = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()
        return max(_resident(pid) for pid in (*map(int, children), self.pid))


def _resident(pid: int) -> float:
    found = re.search(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    return int(found[1]) / 1000 if found else 0.0


@contextmanager
def serving(**environment: Any) -> Iterator[Server]:
    """The product as it runs in production, two processes, with these settings."""
    from tests.processes import environment as environment_of

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "granian", "--interface", "wsgi", "--port", str(port), "--no-ws"]
    command += ["--workers", str(PROCESSES), "--blocking-threads", "2", "--log-level", "error"]
    command.append("bench._wsgi:application")
    more = environment_of(DJANGO_SETTINGS_MODULE="bench._settings", **environment)
    process = subprocess.Popen(command, env=more)
    server = Server(f"http://127.0.0.1:{port}", process.pid)
    try:
        _wait(server, process)
        yield server
    finally:
        process.terminate()
        process.wait(30)


def _wait(server: Server, process: subprocess.Popen[bytes]) -> None:
    for _ in range(300):
        try:
            if server.get("/floor")[0] == 200:
                return
        except OSError:
            if process.poll() is not None:
                raise
            time.sleep(0.1)
    raise TimeoutError("the server does not answer")


def wrk(url: str, seconds: float, **headers: str) -> Load:
    """Raises Missing without wrk, and AssertionError when anything but 200 and 304 was answered."""
    if shutil.which("wrk") is None:
        raise Missing("wrk is missing: apt-get install wrk")
    options = [
        part for name, value in headers.items() for part in ("-H", f"{name.replace('_', '-')}: {value}")
    ]
    command = [
        "wrk",
        "-t",
        "1",
        "-c",
        str(CONNECTIONS),
        "-d",
        f"{math.ceil(seconds)}s",
        "--latency",
        *options,
        url,
    ]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert "Non-2xx" not in told, told
    assert not re.search(r"(connect|read|write) [1-9]", told), told
    rate = re.search(r"Requests/sec:\s+([\d.]+)", told)
    assert rate, told
    return Load(float(rate[1]), _milliseconds(told, "50%"), _milliseconds(told, "99%"))


def _milliseconds(told: str, percentile: str) -> float:
    found = re.search(rf"{percentile}\s+([\d.]+)(us|ms|s)", told)
    assert found, told
    return float(found[1]) * {"us": 0.001, "ms": 1, "s": 1000}[found[2]]
