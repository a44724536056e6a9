"""The parts of `make run` in their order, as far as possible side by side."""

import os
import subprocess
import sys
import time
from contextlib import nullcontext, suppress
from datetime import UTC, datetime
from pathlib import Path

from .app import Beat, Web, Worker
from .console import say, step, timed
from .environment import web_address
from .errors import OutOfStep, StartFailed
from .keeper import Keeper
from .ports import first_free
from .process import rotate, start, tail
from .program import REPOSITORY
from .stack import Stack, with_added
from .state import Running, State

TEND_SECONDS = 0.1
PURPOSE = "make run"


class Launcher:
    """`start()`, `sync()`, `stay()`; whatever happened, `stop()` at the end."""

    def __init__(self, state: State, values: dict[str, str]) -> None:
        """`values` is what the user has configured. Raises Misconfigured; starts nothing yet."""
        self._state = state
        self._values = values
        self._stack = Stack(state, values)
        self._host, self._wanted_port = web_address(values)
        self._keeper = Keeper(lambda line: say(f"  {line}"))
        self._added: dict[str, str] = {}
        self._environment: dict[str, str] = {}
        self._command: subprocess.Popen[bytes] | None = None
        self._web: Web | None = None
        self._worker: Worker | None = None
        self._beat: Beat | None = None
        self._begun = time.monotonic()
        self._begun_at = datetime.now(UTC)
        self.is_up = False

    def start(self) -> None:
        """Return when every process is up and the demo is on sale. Raises StartFailed with the reason."""
        say("Starting the CircleTel catalogue")
        self._start_services()
        # Web reads nothing until somebody asks, and takes longest to come up.
        self._web = self._start_web()
        self._prepare()
        self._announce()
        self._start_workers()
        self._put_demo_on_sale()
        self._wait_for_web(self._web)
        self._keeper.is_starting = False
        self.is_up = True

    def sync(self) -> None:
        """Wait until Zoho has what the catalogue owes it. Raises OutOfStep when it does not get it."""
        say("In step with Zoho?")
        if self._manage("await_sync", "--since", self._begun_at.isoformat()):
            raise OutOfStep(f"Not everything is in step with Zoho: see above.\n{self._end_of_worker_log()}")

    def say_where(self) -> None:
        """The addresses."""
        assert self._web is not None
        say()
        self._say_place("Admin", f"{self._web.url}/admin/")
        self._say_place("Storefront API", f"{self._web.url}/api/v1/")
        self._say_place("API docs", f"{self._web.url}/api/docs/")
        if self._stack.sandbox:
            self._say_place("Sandbox Zoho", f"{self._stack.sandbox.url}/")
        self._say_place("Logs", f"{self._state.logs}/")
        say()
        say(f"Ready after {time.monotonic() - self._begun:.0f} s.")

    def stay(self) -> None:
        """Keep everything running until a signal ends it."""
        while True:
            self._keeper.tend()
            time.sleep(TEND_SECONDS)

    def stop(self) -> None:
        """End everything gracefully: first what uses the services, then the services."""
        if self._command and self._command.poll() is None:
            self._command.terminate()
            with suppress(subprocess.TimeoutExpired):
                self._command.wait(5)
            self._command.kill()
        app = [program for program in (self._beat, self._worker, self._web) if program]
        if any(program.is_running() for program in app):
            say("Stopping: work in hand is finished first.")
        for program in app:
            program.ask_to_stop()
        for program in app:
            program.stop()
        self._stack.stop()

    def _start_services(self) -> None:
        begun = time.monotonic()
        self._stack.start()
        self._added = self._stack.environment()
        self._environment = with_added(self._added)
        self._keeper.keep(*self._stack.services)
        postgres, valkey, sandbox = self._stack.postgres, self._stack.valkey, self._stack.sandbox
        step("PostgreSQL", f"on port {postgres.port}" if postgres else "as DATABASE_URL says", begun)
        step("Valkey", f"on port {valkey.port}" if valkey else "as REDIS_URL says", begun)
        step("Zoho", f"the sandbox, {sandbox.url}/" if sandbox else self._values["ZOHO_API_URL"], begun)

    def _prepare(self) -> None:
        with timed("Prepared") as words:
            output = self._quietly("bootstrap")
            self._state.note_migrated()
            applied = output.count("... OK")
            words.append(f"{applied} migrations applied" if applied else "tables are up to date")
            words.append(output.strip().splitlines()[-1])

    def _start_web(self) -> Web:
        port = first_free(self._wanted_port, self._host)
        if port != self._wanted_port:
            say(f"  {'':<14}Port {self._wanted_port} is taken: web takes {port}. Set PORT to choose another.")
        log = self._state.logs / "web.log"
        web = Web(log=log, environment=self._environment, host=self._host, port=port)
        web.launch()
        self._keeper.keep(web)
        return web

    def _start_workers(self) -> None:
        self._worker = Worker(log=self._state.logs / "worker.log", environment=self._environment)
        self._beat = Beat(log=self._state.logs / "beat.log", environment=self._environment)
        for program in (self._worker, self._beat):
            program.launch()
            self._keeper.keep(program)

    def _wait_for_web(self, web: Web) -> None:
        with timed("Web") as words:
            web.wait(meanwhile=self._keeper.tend)
            words.append(f"{web.url} answers")
        self._announce(address=web.url)

    def _put_demo_on_sale(self) -> None:
        if not self._is_demo():
            return
        say("Demo")
        if self._manage("demo"):
            raise StartFailed("manage.py demo failed: see above.")

    def _announce(self, address: str = "") -> None:
        """Let `make manage` share the services from now on."""
        self._state.announce(
            Running(pid=os.getpid(), purpose=PURPOSE, environment=self._added, address=address)
        )

    def _is_demo(self) -> bool:
        """Unless CIRCLETEL_DEMO says otherwise, this is the demo."""
        return (self._values | self._added).get("CIRCLETEL_DEMO", "").lower() in ("1", "true", "yes", "on")

    def _end_of_worker_log(self) -> str:
        if self._worker is None or self._worker.child is None:
            return ""
        return f"The end of {self._worker.log}:\n{self._worker.child.log_tail()}"

    def _quietly(self, command: str) -> str:
        """Run a manage.py command with its output in a log file; return the output."""
        log = self._state.logs / f"{command}.log"
        rotate(log)
        code = self._manage(command, log=log)
        output = log.read_text(errors="replace")
        if code:
            raise StartFailed(f"manage.py {command} failed. It said:\n{tail(output)}")
        return output

    def _manage(self, *arguments: str, log: Path | None = None) -> int:
        """Run a manage.py command while looking after everything else; return its exit code.

        With `log`, its output goes there, else to the terminal.
        """
        command = [sys.executable, str(REPOSITORY / "manage.py"), *arguments]
        environment = {**self._environment, "PYTHONUNBUFFERED": "1"}
        with log.open("wb") if log else nullcontext() as output:
            self._command = start(command, environment=environment, folder=REPOSITORY, output=output)
        while (code := self._command.poll()) is None:
            self._keeper.tend()
            time.sleep(TEND_SECONDS)
        return code

    @staticmethod
    def _say_place(name: str, place: str) -> None:
        say(f"  {name:<16}{place}")
