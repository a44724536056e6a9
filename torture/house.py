"""The processes of a run: services, web, workers and beat, as `make run` starts them, each to be broken and mended."""

import os
import shutil
import signal
import time
from collections.abc import Sequence
from pathlib import Path

from circletel.embedded.app import Beat, Web, Worker
from circletel.embedded.postgres import Postgres
from circletel.embedded.process import wait_until
from circletel.embedded.program import Program
from circletel.embedded.service import LOOPBACK, RAISED_LIMITS, Sandbox, Valkey, any_free

WORKERS = 2
READY_SECONDS = 120


class SmallWorker(Worker):
    """Two of them share a machine with everything else."""

    def __init__(self, number: int, **options: object) -> None:
        super().__init__(**options)  # type: ignore[arg-type]
        self.name = f"worker {number}"
        self._host = f"worker{number}@localhost"

    def command(self) -> Sequence[str | Path]:
        command = list(super().command())
        command[command.index("--concurrency") + 1] = "2"
        return [*command, "--hostname", self._host]


class House:
    """`start_services()`, then `start_app()`; whatever happened, `stop()`. Starts and kills from one thread only."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.postgres = Postgres(folder=folder / "postgres", log=folder / "postgres.log")
        self.valkey = Valkey(folder=folder / "valkey", log=folder / "valkey.log")
        self.sandbox = Sandbox(folder=folder / "sandbox", log=folder / "sandbox.log")
        self.web: Web
        self.workers: list[SmallWorker] = []
        self.beat: Beat
        self._running: list[Program] = []

    def start_services(self) -> None:
        """And let this process's environment point at them. A child must not outlive the thread that starts it."""
        services = [self.sandbox, self.valkey, self.postgres]
        self._running += services
        for service in services:
            service.launch()
        for service in services:
            service.wait()
        os.environ.update(
            RAISED_LIMITS,
            **self.sandbox.settings(),
            DATABASE_URL=self.postgres.url,
            REDIS_URL=self.valkey.url,
            DJANGO_SECRET_KEY="only-for-torture",
            DJANGO_SETTINGS_MODULE="circletel.settings",
        )

    def start_app(self) -> None:
        environment = dict(os.environ)
        log = self.folder
        self.web = Web(log=log / "web.log", environment=environment, host=LOOPBACK, port=any_free())
        self.workers = [
            SmallWorker(number, log=log / f"worker{number}.log", environment=environment)
            for number in range(1, WORKERS + 1)
        ]
        self.beat = Beat(log=log / "beat.log", environment=environment)
        programs: list[Program] = [self.web, *self.workers, self.beat]
        for program in programs:
            self._running.insert(0, program)
            program.launch()
        for program in programs:
            self.wait_for(program)

    def wait_for(self, program: Program) -> None:
        """Until it does its work. Raises EmbeddedError."""
        if isinstance(program, Web):
            program.wait(meanwhile=lambda: None)
            return
        words = {"beat": "beat: Starting"}.get(program.name, " ready.")
        if not wait_until(
            lambda: words in program.log_text() or not program.is_running(), READY_SECONDS, 0.2
        ):
            raise program.failure("did not get ready")
        if not program.is_running():
            raise program.failure("did not start")

    def kill(self, program: Program) -> None:
        """kill -9 for it and all its children."""
        program.kill()

    def revive(self, program: Program) -> None:
        program.launch()
        self.wait_for(program)

    def tend(self, meant: set[str]) -> list[str]:
        """Start again what ended by itself, as whatever runs us in production does; `meant` are down on purpose."""
        fallen = [each for each in self._running if each.name not in meant and not each.is_running()]
        for program in fallen:
            # Its last words would be gone with the second start after this one.
            last_words = self.folder / f"{program.log.stem}-ended-{time.monotonic():.0f}.log"
            shutil.copy(program.log, last_words)
            program.launch()
        return [program.name for program in fallen]

    def crash_postgres(self) -> None:
        """Immediate: no goodbye to anybody, and recovery from its log at the next start."""
        self.postgres.send(signal.SIGQUIT)
        self.postgres.ends_within(20)

    def crash_valkey(self, *, lose_everything: bool) -> None:
        self.kill(self.valkey)
        if lose_everything:
            shutil.rmtree(self.valkey.folder / "appendonlydir", ignore_errors=True)

    def warm_stop(self) -> None:
        """End the app, each with what it has in hand."""
        app = [program for program in self._running if program.name not in self._service_names]
        for program in app:
            program.ask_to_stop()
        for program in app:
            program.stop()
            self._running.remove(program)

    def stop(self) -> None:
        for program in self._running:
            program.stop()

    def keep_logs(self, where: Path) -> None:
        """Copy the logs, those of the processes before the last kill too."""
        where.mkdir(parents=True, exist_ok=True)
        for log in self.folder.glob("*.log*"):
            shutil.copy(log, where / log.name)

    @property
    def _service_names(self) -> set[str]:
        return {self.postgres.name, self.valkey.name, self.sandbox.name}


def pause_until(moment: float) -> None:
    """Sleep until `time.monotonic()` is `moment`."""
    time.sleep(max(0.0, moment - time.monotonic()))
