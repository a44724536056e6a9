"""`python -m circletel.embedded run|manage|idle`: what the Makefile calls."""

import argparse
import os
import shlex
import signal
import sys

from .console import EmbeddedError, complain
from .process import die_with_parent
from .state import State, state_folder


def main(arguments: list[str]) -> int:
    try:
        # Everything after `manage` belongs to manage.py, whatever it looks like.
        if arguments[:1] == ["manage"]:
            return _manage(arguments[1:])
        options = _parser().parse_args(arguments)
        return _idle() if options.deed == "idle" else _run(options)
    except EmbeddedError as error:
        complain(str(error))
        return 1
    except KeyboardInterrupt:
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m circletel.embedded")
    deeds = parser.add_subparsers(dest="deed", required=True)
    run = deeds.add_parser("run", help="start everything and stay up")
    run.add_argument("--once", action="store_true", help="stop after the table; exit 0 when all is in step")
    run.add_argument("--stop-with-parent", action="store_true", help="end when the starting process ends")
    deeds.add_parser("manage", help="run one manage.py command against the same services")
    deeds.add_parser("idle", help="exit 0 when nobody uses the state folder")
    return parser


def _run(options: argparse.Namespace) -> int:
    from .launcher import run

    if options.stop_with_parent:
        # `make` killed by kill -9 could not tell us, and everything would stay up unseen.
        die_with_parent(signal.SIGTERM)
    return run(once=options.once)


def _manage(arguments: list[str]) -> int:
    """The command is on the command line, or in CIRCLETEL_COMMAND as one would type it."""
    from .command import manage

    typed = os.environ.pop("CIRCLETEL_COMMAND", "")
    try:
        return manage(arguments or shlex.split(typed) or ["help"])
    except ValueError as error:
        raise EmbeddedError(f"{typed!r} cannot be understood: {error}") from None


def _idle() -> int:
    folder = state_folder()
    if folder.exists() and (owner := State(folder).owner()):
        raise EmbeddedError(f"{owner.purpose} (process {owner.pid}) is running. Stop it first.")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
