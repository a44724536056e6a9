"""`make manage`: one manage.py command against the same services as `make run`."""

import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence

from .console import complain
from .environment import configured
from .process import dies_with_parent
from .program import REPOSITORY
from .stack import Stack, with_added
from .state import Running, State, state_folder

MANAGE = str(REPOSITORY / "manage.py")
# Commands that look after the schema themselves, or need none.
WITHOUT_SCHEMA = {"migrate", "makemigrations", "help", "check", "version", "--help", "--version"}


def manage(arguments: Sequence[str]) -> int:
    """Run the command and return its exit code. Its input, output and terminal are ours.

    Uses the services of whoever has started them in this folder; else starts them for its own duration.
    """
    values = configured(REPOSITORY)
    state = State(state_folder(REPOSITORY, values))
    while not state.try_claim(_purpose(arguments)):
        if owner := state.owner_with_services():
            with state.borrowed() as borrowed:
                os.set_inheritable(borrowed.fileno(), True)
                os.execve(sys.executable, [sys.executable, MANAGE, *arguments], with_added(owner.environment))
    return _with_own_services(arguments, state, values)


def _with_own_services(arguments: Sequence[str], state: State, values: Mapping[str, str]) -> int:
    stack = Stack(state, values)
    # Ctrl-C in the terminal is meant for the command; it reaches us as well.
    signal.signal(signal.SIGINT, lambda *_: None)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    signal.signal(signal.SIGHUP, lambda *_: sys.exit(128 + signal.SIGHUP))
    try:
        stack.start()
        added = stack.environment()
        if stack.postgres and not _prepare_schema(arguments, state, added):
            return 1
        state.announce(Running(pid=os.getpid(), purpose=_purpose(arguments), environment=added))
        code = _run(arguments, added)
        if state.is_borrowed():
            complain("Another command still uses these services; waiting for it.")
            state.wait_for_borrowers()
        return code
    finally:
        stack.stop()
        state.release()


def _prepare_schema(arguments: Sequence[str], state: State, added: Mapping[str, str]) -> bool:
    """A fresh clone has an empty database: give it its tables before the first command."""
    if state.is_migrated or (arguments and arguments[0] in WITHOUT_SCHEMA):
        return True
    complain("New database: running manage.py migrate first.")
    done = subprocess.run(
        [sys.executable, MANAGE, "migrate", "--noinput", "--verbosity", "0"],
        env=with_added(added),
        stdin=subprocess.DEVNULL,
        stdout=sys.stderr,
        preexec_fn=dies_with_parent(),
    )
    if done.returncode == 0:
        state.note_migrated()
    return done.returncode == 0


def _run(arguments: Sequence[str], added: Mapping[str, str]) -> int:
    process = subprocess.Popen(
        [sys.executable, MANAGE, *arguments],
        env=with_added(added),
        preexec_fn=dies_with_parent(signal.SIGTERM),
    )
    try:
        code = process.wait()
    except SystemExit:  # we were told to end: so is the command
        process.terminate()
        process.wait()
        raise
    return code if code >= 0 else 128 - code


def _purpose(arguments: Sequence[str]) -> str:
    return f"manage.py {arguments[0]}" if arguments else "manage.py"
