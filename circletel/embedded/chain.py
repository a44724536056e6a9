"""Several manage.py commands in one Django process: starting Django takes longer than most of them.

This file is both ends. `Chain` asks from outside, free of Django; `serve()` answers in the child process.
One JSON line per command goes in by standard input; its exit code comes back on a pipe.
"""

import json
import os
import select
import signal
import subprocess
import sys
import traceback
from collections.abc import Mapping
from pathlib import Path

from .process import dies_with_parent
from .program import REPOSITORY


class Chain:
    """`begin()` a command, then ask `exit_code()` until it is there."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._answers, answer_end = os.pipe()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "circletel.embedded.chain", str(answer_end)],
            env={**environment, "PYTHONUNBUFFERED": "1"},
            cwd=REPOSITORY,
            stdin=subprocess.PIPE,
            pass_fds=[answer_end],
            start_new_session=True,
            preexec_fn=dies_with_parent(signal.SIGKILL),
        )
        os.close(answer_end)

    def begin(self, arguments: tuple[str, ...], log: Path | None = None) -> None:
        """With `log`, the command's output goes there, else to the terminal."""
        assert self._process.stdin is not None
        order = json.dumps({"arguments": arguments, "log": str(log) if log else None})
        try:
            self._process.stdin.write(order.encode() + b"\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            pass  # it has died; `exit_code` will say so

    def exit_code(self, wait: float) -> int | None:
        """None when the command has not ended after `wait` seconds."""
        if not select.select([self._answers], [], [], wait)[0]:
            return None
        answer = os.read(self._answers, 16)
        return int(answer) if answer else self._process.wait() or 1

    def stop(self) -> None:
        """End it, in the middle of a command if need be."""
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(5)
            except subprocess.TimeoutExpired:
                self._process.kill()
        self._process.wait()


def serve(answer_end: int) -> None:
    orders = os.fdopen(os.dup(0))
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "circletel.settings")
    for line in orders:
        order = json.loads(line)
        os.write(answer_end, f"{_carry_out(order['arguments'], order['log'])}\n".encode())


def _carry_out(arguments: list[str], log: str | None) -> int:
    """The exit code. The whole process writes to `log` meanwhile, whoever holds a stream of it."""
    terminal = os.dup(1), os.dup(2)
    if log:
        file = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        os.dup2(file, 1)
        os.dup2(file, 2)
        os.close(file)
    try:
        return _execute(arguments)
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        for number, stream in enumerate(terminal, start=1):
            os.dup2(stream, number)
            os.close(stream)


def _execute(arguments: list[str]) -> int:
    from django.core.management import execute_from_command_line

    try:
        execute_from_command_line(["manage.py", *arguments])
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    except Exception:
        traceback.print_exc()
        return 1
    return 0


if __name__ == "__main__":
    serve(int(sys.argv[1]))
