"""`make run`: everything from nothing to a catalogue in step with Zoho, and then it stays up."""

import signal
from types import FrameType

from .console import complain, say
from .environment import configured
from .errors import Busy, EmbeddedError, OutOfStep
from .launcher import PURPOSE, Launcher
from .program import REPOSITORY
from .state import State, state_folder

INTERRUPTED = 130


class Stopped(BaseException):
    """Somebody asked us to stop. Not an error, and not to be caught as one."""


def run(*, once: bool) -> int:
    """Returns the exit code: 0 when stopped by a person, or `once` in step; else not 0."""
    values = configured(REPOSITORY)
    state = State(state_folder(REPOSITORY, values))
    _claim(state)
    launcher = Launcher(state, values)
    try:
        _on_signals(_stop)
        return _run(launcher, once)
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


def _run(launcher: Launcher, once: bool) -> int:
    launcher.start()
    code = 0
    try:
        launcher.sync()
    except OutOfStep as trouble:
        complain(f"\n{trouble}")
        code = 1
    launcher.say_where()
    if not once:
        say("Ctrl-C stops everything.")
        launcher.stay()
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


def _on_signals(deed: "signal._HANDLER") -> None:
    # Never SIG_IGN: children would inherit it.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, deed)


def _stop(_number: int, _frame: FrameType | None) -> None:
    _on_signals(lambda *_: None)
    raise Stopped
