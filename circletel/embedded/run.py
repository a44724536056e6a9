"""`make run`: everything from nothing to a catalogue in step with Zoho, and then it stays up."""

import os
import signal
import time
from pathlib import Path
from types import FrameType

from .app import Beat, Web, Worker
from .chain import Chain
from .console import complain, say, step, timed
from .environment import configured, web_address
from .errors import Busy, EmbeddedError, StartFailed
from .keeper import Keeper
from .ports import first_free
from .process import rotate, tail
from .program import REPOSITORY
from .stack import Stack, with_added
from .state import Running, State, state_folder

TEND_SECONDS = 0.1
PURPOSE = "make run"
INTERRUPTED = 130


class Stopped(BaseException):
    """Somebody asked us to stop. Not an error, and not to be caught as one."""


class OutOfStep(EmbeddedError):
    """Everything runs, but Zoho does not have what it should."""


def run(*, once: bool) -> int:
    """Returns the exit code: 0 when stopped by a person, or `once` in step; else not 0."""
    values = configured(REPOSITORY)
    state = State(state_folder(REPOSITORY))
    _claim(state)
    _listen_to_signals()
    launcher = Launcher(state, values)
    try:
        try:
            launcher.start()
        except OutOfStep as trouble:
            complain(f"\n{trouble}")
            if once:
                return 1
        launcher.say_where()
        if not once:
            launcher.stay()
        return 0
    except Stopped:
        return 0 if launcher.is_up else INTERRUPTED
    finally:
        _ignore_signals()
        launcher.stop()
        state.release()


class Launcher:
    """Starts the parts in order, as far as possible side by side, and ends them in the reverse order."""

    def __init__(self, state: State, values: dict[str, str]) -> None:
        self._state = state
        self._values = values
        self._stack = Stack(state, values)
        self._keeper = Keeper(lambda line: say(f"  {line}"))
        self._chain: Chain | None = None
        self._added: dict[str, str] = {}
        self._environment: dict[str, str] = {}
        self.is_up = False
        host, self._wanted_port = web_address(values)
        self._web_at = (host, first_free(self._wanted_port, host))
        self._begun = time.monotonic()
        self._people = ""

    def start(self) -> None:
        """Return when all is up and in step. Raises StartFailed or OutOfStep with the reason."""
        say("Starting the CircleTel catalogue")
        self._start_services()
        self._migrate()
        web = self._web()
        web.launch()
        self._keeper.keep(web)
        self._prepare_zoho()
        workers = (
            Worker(log=self._state.logs / "worker.log", environment=self._environment),
            Beat(log=self._state.logs / "beat.log", environment=self._environment),
        )
        for program in workers:
            program.launch()
        self._keeper.keep(*workers)
        with timed("Web") as words:
            web.wait(meanwhile=self._keeper.tend)
            words.append(f"{web.url} answers")
        if web.port != self._wanted_port:
            say(f"  {'':<14}port {self._wanted_port} is taken, so it is {web.port}; set PORT to choose")
        self._state.announce(
            Running(pid=os.getpid(), purpose=PURPOSE, environment=self._added, address=web.url)
        )
        self._show_demo()
        self._keeper.is_starting = False
        self.is_up = True

    def say_where(self) -> None:
        """Addresses and logins."""
        web = next(program for program in self._keeper.programs if isinstance(program, Web))
        places = [
            ("Admin", f"{web.url}/admin/"),
            ("Storefront API", f"{web.url}/api/v1/"),
            ("API docs", f"{web.url}/api/docs/"),
        ]
        if self._stack.sandbox:
            places.append(("Sandbox Zoho", f"{self._stack.sandbox.url}/"))
        places.append(("Logs", str(self._state.logs)))
        say()
        for name, place in places:
            say(f"  {name:<16}{place}")
        if self._people:
            say()
            say("\n".join(f"  {line}" for line in self._people.rstrip().splitlines()))
        say()

    def stay(self) -> None:
        """Keep everything running until somebody stops us."""
        say(f"Ready after {time.monotonic() - self._begun:.0f} s. Ctrl-C stops everything.")
        while True:
            self._keeper.tend()
            time.sleep(TEND_SECONDS)

    def stop(self) -> None:
        """End everything gracefully: first what uses the services, then the services."""
        if self._chain:
            self._chain.stop()
        app = [program for program in self._keeper.programs if program not in self._stack.services]
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
        needed = self._stack.needed
        postgres, valkey, sandbox = self._stack.postgres, self._stack.valkey, self._stack.sandbox
        step("PostgreSQL", f"on port {postgres.port}" if postgres else "yours (DATABASE_URL)", begun)
        step("Valkey", f"on port {valkey.port}" if valkey else "yours (REDIS_URL)", begun)
        step("Zoho", f"the sandbox, {sandbox.url}/" if sandbox else self._values["ZOHO_API_URL"], begun)
        if not all((needed.postgres, needed.valkey, needed.sandbox)):
            say(f"  {'':<14}what is yours is taken from the environment or .env")

    def _migrate(self) -> None:
        with timed("Database") as words:
            output = self._quietly("migrate", "migrate", "--noinput")
            (self._state.folder / "migrated").touch()
            applied = output.count("... OK")
            words.append(f"{applied} migrations applied" if applied else "up to date")

    def _prepare_zoho(self) -> None:
        with timed("Zoho fields") as words:
            output = self._quietly("zoho_fields", "zoho_fields", "create", "--yes")
            words.append(output.strip().splitlines()[-1] if output.strip() else "checked")

    def _web(self) -> Web:
        host, port = self._web_at
        return Web(log=self._state.logs / "web.log", environment=self._environment, host=host, port=port)

    def _show_demo(self) -> None:
        """The demo itself, and the wait until Zoho has what the catalogue owes it."""
        if self._environment.get("CIRCLETEL_DEMO") == "1" or self._values.get("CIRCLETEL_DEMO") == "1":
            say("Demo")
            if self._openly("demo"):
                raise StartFailed("manage.py demo failed; the reason is above.")
            self._people = self._quietly("people", "demo", "--people")
        say("Zoho")
        if self._openly("await_sync"):
            worker = next(program for program in self._keeper.programs if isinstance(program, Worker))
            raise OutOfStep(
                f"Not everything is in step with Zoho; the reasons are above. The end of {worker.log}:\n"
                + (worker.child.log_tail() if worker.child else "")
            )

    def _quietly(self, log_name: str, *arguments: str) -> str:
        """Run a manage.py command with its output in a log file; return the output."""
        log = self._state.logs / f"{log_name}.log"
        rotate(log)
        code = self._manage(arguments, log)
        text = log.read_text(errors="replace") if log.exists() else ""
        if code:
            raise StartFailed(f"manage.py {' '.join(arguments)} failed. It said:\n{tail(text)}")
        return text

    def _openly(self, *arguments: str) -> int:
        """Run a manage.py command whose output the person sees as it comes; return its exit code."""
        return self._manage(arguments)

    def _manage(self, arguments: tuple[str, ...], log: Path | None = None) -> int:
        """Wait for the command while looking after everything else."""
        self._chain = self._chain or Chain(self._environment)
        self._chain.begin(arguments, log)
        while (code := self._chain.exit_code(TEND_SECONDS)) is None:
            self._keeper.tend()
        return code


def _claim(state: State) -> None:
    if state.try_claim(PURPOSE):
        return
    owner = state.owner()
    if owner is not None and owner.purpose == PURPOSE:
        where = f" at {owner.address}/admin/" if owner.address else " (still starting)"
        raise Busy(
            f"It is already running{where}, process {owner.pid}. Stop that one first, "
            "or set CIRCLETEL_STATE_DIR to run a second one beside it."
        )
    words = f"{owner.purpose} (process {owner.pid})" if owner else "Another command"
    raise Busy(f"{words} uses the services in {state.folder}; try again when it has finished.")


def _listen_to_signals() -> None:
    def stop(_number: int, _frame: FrameType | None) -> None:
        _ignore_signals()
        raise Stopped

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, stop)


def _ignore_signals() -> None:
    """While stopping. The children are started afresh, so none of them inherits this."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: None)
