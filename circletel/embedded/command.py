"""`make manage`: one manage.py command against the same services as `make run`."""

import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from .console import complain
from .process import REPOSITORY, dies_with_parent
from .stack import Stack, configured
from .state import Running, State, state_folder

MANAGE = str(REPOSITORY / "manage.py")
# Commands that look after the schema themselves, or need none.
WITHOUT_SCHEMA = {"migrate", "makemigrations", "help", "check", "version", "--help", "--version"}


def manage(arguments: Sequence[str]) -> int:
    """Run the command and return its exit code. Its input, output and terminal are ours.

    Uses the services of whoever has started them in this folder; else starts them for its own duration.
    """
    values = configured()
    state = State(state_folder(values))
    purpose = f"manage.py {arguments[0]}"
    while not state.try_claim(purpose):
        if owner := state.owner_with_services():
            with state.borrowed() as borrowed:
                os.set_inheritable(borrowed.fileno(), True)
                environment = {**os.environ, **owner.environment}
                os.execve(sys.executable, [sys.executable, MANAGE, *arguments], environment)
    return _with_own_services(arguments, purpose, state, values)


def _with_own_services(
    arguments: Sequence[str], purpose: str, state: State, values: Mapping[str, str]
) -> int:
    stack = Stack(state, values)
    # Ctrl-C in the terminal is meant for the command; it reaches us as well.
    signal.signal(signal.SIGINT, lambda *_: None)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    signal.signal(signal.SIGHUP, lambda *_: sys.exit(128 + signal.SIGHUP))
    try:
        stack.start()
        added = stack.environment()
        if stack.postgres and not state.is_migrated and arguments[0] not in WITHOUT_SCHEMA:
            complain("New database: running manage.py migrate first.")
            migrate = ("migrate", "--noinput", "--verbosity", "0")
            if _django(migrate, added, stdin=subprocess.DEVNULL, stdout=sys.stderr):
                return 1
            state.note_migrated()
        state.announce(Running(os.getpid(), purpose, added))
        code = _django(arguments, added)
        if state.is_borrowed():
            complain("Another command still uses these services; waiting for it.")
            state.wait_for_borrowers()
        return code
    finally:
        stack.stop()
        state.release()


def _django(arguments: Sequence[str], added: Mapping[str, str], **files: Any) -> int:
    process = subprocess.Popen(
        [sys.executable, MANAGE, *arguments],
        env={**os.environ, **added},
        preexec_fn=dies_with_parent(signal.SIGTERM),
        **files,
    )
    try:
        code = process.wait()
    except SystemExit:  # we were told to end: so is the command
        process.terminate()
        process.wait()
        raise
    return code if code >= 0 else 128 - code
