"""The app's own processes: web, the Celery worker and beat."""

import signal
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from http.client import HTTPConnection, HTTPException
from pathlib import Path

from .program import Program
from .service import LOOPBACK

WEB_START_SECONDS = 60


class Worker(Program):
    name = "worker"
    # Warm: finish what is in hand. Then cold: leave it to the next worker.
    stop_signals = (signal.SIGTERM, signal.SIGQUIT)
    patience = 20.0

    def command(self) -> Sequence[str | Path]:
        options = ("--concurrency", "4", "--loglevel", "INFO", "--without-mingle", "--without-gossip")
        return [sys.executable, "-m", "celery", "-A", "circletel", "worker", *options]


class Beat(Program):
    name = "beat"

    def command(self) -> Sequence[str | Path]:
        options = ("--loglevel", "INFO", "--pidfile=")
        return [sys.executable, "-m", "celery", "-A", "circletel", "beat", *options]


class Web(Program):
    name = "web"
    at_our_death = signal.SIGTERM  # its workers go with it only when it ends by itself

    def __init__(self, *, log: Path, environment: Mapping[str, str], host: str, port: int) -> None:
        super().__init__(log=log, environment=environment)
        self.host = host
        self.port = port

    @property
    def url(self) -> str:
        """An address that works on this machine."""
        host = self._reachable_host()
        return f"http://[{host}]:{self.port}" if ":" in host else f"http://{host}:{self.port}"

    def command(self) -> Sequence[str | Path]:
        options = ["--interface", "wsgi", "--host", self.host, "--port", str(self.port), "--workers", "2"]
        # As in docker-compose.yml, which says why there are no more.
        options += ["--blocking-threads", "2"]
        application = "circletel.wsgi:application"
        return [sys.executable, "-m", "granian", *options, "--no-ws", "--respawn-failed-workers", application]

    def wait(self, *, meanwhile: Callable[[], None]) -> None:
        """Return once it answers; raises EmbeddedError when it does not."""
        deadline = time.monotonic() + WEB_START_SECONDS
        while not self.answers():
            if not self.is_running():
                raise self.failure("did not start")
            if time.monotonic() > deadline:
                raise self.failure("does not answer")
            meanwhile()
            time.sleep(0.05)

    def answers(self) -> bool:
        connection = HTTPConnection(self._reachable_host(), self.port, timeout=5)
        try:
            connection.request("GET", "/healthz")
            return connection.getresponse().status == 200
        except (OSError, HTTPException):
            return False
        finally:
            connection.close()

    def _reachable_host(self) -> str:
        return LOOPBACK if self.host in ("0.0.0.0", "", "::", "localhost") else self.host
