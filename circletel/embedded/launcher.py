"""`make run`: everything from nothing to a catalogue in step with Zoho, as far as possible side by side, and it stays up."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import nullcontext, suppress
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType

from .app import Beat, Web, Worker
from .console import EmbeddedError, complain, say, step, timed
from .process import REPOSITORY, rotate, start, tail
from .program import Keeper, Program
from .service import LOOPBACK, first_free
from .stack import Stack, configured
from .state import Running, State, state_folder

TEND_SECONDS = 0.1
PURPOSE = "make run"
INTERRUPTED = 130


class Stopped(BaseException):
    """Somebody asked us to stop. Not an error, and not to be caught as one."""


def run(*, once: bool) -> int:
    """Returns the exit code: 0 when stopped by a person, or `once` in step; else not 0."""
    values = configured()
    state = State(state_folder(values))
    claim(state)
    launcher = Launcher(state, values)
    try:
        _on_signals(_stop)
        launcher.start()
        in_step = launcher.sync()
        launcher.say_where()
        if not once:
            say("Ctrl-C stops everything.")
            launcher.stay()
        return 0 if in_step else 1
    except Stopped:
        return 0 if launcher.is_up else INTERRUPTED
    except EmbeddedError as error:
        complain(f"\n{error}")
        return 1
    finally:
        # A second Ctrl-C changes nothing: stopping takes seconds and must not be left half done.
        _on_signals(lambda *_: None)
        launcher.stop()
        state.release()


def claim(state: State) -> None:
    """Own the state folder. Raises EmbeddedError that says who does, and where it answers."""
    if state.try_claim(PURPOSE):
        return
    owner = state.owner()
    if owner is not None and owner.purpose == PURPOSE:
        where = f" at {owner.address}/admin/" if owner.address else " (still starting)"
        raise EmbeddedError(
            f"It is already running{where}, process {owner.pid}. Stop that one first, "
            "or set CIRCLETEL_STATE_DIR to run a second one beside it."
        )
    words = f"{owner.purpose} (process {owner.pid})" if owner else "Another command"
    raise EmbeddedError(f"{words} uses the services in {state.folder}; try again when it has finished.")


def web_address(values: Mapping[str, str]) -> tuple[str, int]:
    """The host and port that web shall listen on."""
    port = values.get("PORT", "8000")
    if not port.isdecimal() or not 0 < int(port) < 65536:
        raise EmbeddedError(f"PORT is {port!r}; it must be a number between 1 and 65535.")
    return values.get("HOST", LOOPBACK), int(port)


def _on_signals(deed: "signal._HANDLER") -> None:
    # Never SIG_IGN: children would inherit it.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, deed)


def _stop(_number: int, _frame: FrameType | None) -> None:
    _on_signals(lambda *_: None)
    raise Stopped


class Launcher:
    """`start()`, `sync()`, `stay()`; whatever happened, `stop()` at the end."""

    def __init__(self, state: State, values: dict[str, str]) -> None:
        """`values` is what the user has configured. Raises EmbeddedError; starts nothing yet."""
        self._state = state
        self._values = values
        self._stack = Stack(state, values)
        self._host, self._wanted_port = web_address(values)
        self._keeper = Keeper(lambda line: say(f"  {line}"))
        self._added: dict[str, str] = {}
        self._environment: dict[str, str] = {}
        self._command: subprocess.Popen[bytes] | None = None
        self._app: list[Program] = []  # the last launched first
        self._begun = time.monotonic()
        self._begun_at = datetime.now(UTC)
        self._url = ""
        self.is_up = False

    def start(self) -> None:
        """Return when every process is up and the demo is on sale. Raises EmbeddedError with the reason."""
        say("Starting the CircleTel catalogue")
        self._start_services()
        # Web reads nothing until somebody asks, and takes longest to come up.
        web = self._launch_web()
        self._prepare()
        self._announce()
        for kind in (Worker, Beat):
            self._launch(kind(log=self._log(kind.name), environment=self._environment))
        if self._is_demo():
            say("Demo")
            if self._manage("demo"):
                raise EmbeddedError("manage.py demo failed: see above.")
        with timed("Web") as words:
            web.wait(meanwhile=self._keeper.tend)
            words.append(f"{web.url} answers")
        self._url = web.url
        self._announce()
        self._keeper.is_starting = False
        self.is_up = True

    def sync(self) -> bool:
        """Wait until Zoho has what the catalogue owes it, and say whether it got it."""
        say("In step with Zoho?")
        if not self._manage("await_sync", "--since", self._begun_at.isoformat()):
            return True
        log = self._log(Worker.name)
        complain(f"\nNot everything is in step with Zoho: see above.\nThe end of {log}:\n{tail(log)}")
        return False

    def say_where(self) -> None:
        """The addresses."""
        places = {
            "Admin": f"{self._url}/admin/",
            "Storefront API": f"{self._url}/api/v1/",
            "API docs": f"{self._url}/api/docs/",
            "Sandbox Zoho": self._stack.sandbox and f"{self._stack.sandbox.url}/",
            "Logs": f"{self._state.logs}/",
        }
        say()
        for name, place in places.items():
            if place:
                say(f"  {name:<16}{place}")
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
        if any(program.is_running() for program in self._app):
            say("Stopping: work in hand is finished first.")
        for program in self._app:
            program.ask_to_stop()
        for program in self._app:
            program.stop()
        self._stack.stop()

    def _start_services(self) -> None:
        begun = time.monotonic()
        self._stack.start()
        self._added = self._stack.environment()
        self._environment = {**os.environ, **self._added}
        self._keeper.keep(*self._stack.services)
        postgres, valkey, sandbox = self._stack.postgres, self._stack.valkey, self._stack.sandbox
        step("PostgreSQL", f"on port {postgres.port}" if postgres else "as DATABASE_URL says", begun)
        step("Valkey", f"on port {valkey.port}" if valkey else "as REDIS_URL says", begun)
        step("Zoho", f"the sandbox, {sandbox.url}/" if sandbox else self._values["ZOHO_API_URL"], begun)

    def _launch_web(self) -> Web:
        port = first_free(self._wanted_port, self._host)
        if port != self._wanted_port:
            say(f"  {'':<14}Port {self._wanted_port} is taken: web takes {port}. Set PORT to choose another.")
        web = Web(log=self._log(Web.name), environment=self._environment, host=self._host, port=port)
        self._launch(web)
        return web

    def _launch(self, program: Program) -> None:
        self._app.insert(0, program)
        program.launch()
        self._keeper.keep(program)

    def _prepare(self) -> None:
        """Tables and fields, with the output in a log file."""
        with timed("Prepared") as words:
            log = self._log("bootstrap")
            rotate(log)
            if self._manage("bootstrap", log=log):
                raise EmbeddedError(f"manage.py bootstrap failed. It said:\n{tail(log)}")
            self._state.note_migrated()
            output = log.read_text(errors="replace")
            applied = output.count("... OK")
            words.append(f"{applied} migrations applied" if applied else "tables are up to date")
            words.append(output.strip().splitlines()[-1])

    def _announce(self) -> None:
        """Let `make manage` share the services from now on."""
        self._state.announce(Running(os.getpid(), PURPOSE, self._added, self._url))

    def _is_demo(self) -> bool:
        """Unless CIRCLETEL_DEMO says otherwise, this is the demo."""
        return (self._values | self._added).get("CIRCLETEL_DEMO", "").lower() in ("1", "true", "yes", "on")

    def _log(self, name: str) -> Path:
        return self._state.logs / f"{name}.log"

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
