"""Child processes that never outlive us: when this process is gone, even by kill -9, the kernel ends them."""

import ctypes
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO

REPOSITORY = Path(__file__).resolve().parents[2]
PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True)
TAIL_LINES = 25


def die_with_parent(with_signal: signal.Signals) -> None:
    """Get `with_signal` when the thread that started this process ends."""
    _libc.prctl(PR_SET_PDEATHSIG, int(with_signal), 0, 0, 0)


def dies_with_parent(with_signal: signal.Signals = signal.SIGKILL) -> Callable[[], None]:
    """A `preexec_fn`: the child does `die_with_parent`."""
    parent = os.getpid()

    def arrange() -> None:
        die_with_parent(with_signal)
        if os.getppid() != parent:  # it went away before we asked
            os._exit(1)

    return arrange


def start(
    command: Sequence[str | Path],
    *,
    environment: Mapping[str, str],
    folder: Path,
    output: IO[bytes] | None = None,
    at_our_death: signal.Signals = signal.SIGKILL,
) -> subprocess.Popen[bytes]:
    """Start `command` in a process group of its own, without standard input."""
    return subprocess.Popen(
        [str(part) for part in command],
        env=dict(environment),
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT if output else None,
        start_new_session=True,
        preexec_fn=dies_with_parent(at_our_death),
    )


def rotate(log: Path) -> None:
    """Keep the former log as `<name>.log.1`."""
    log.parent.mkdir(parents=True, exist_ok=True)
    if log.exists():
        log.replace(log.with_name(log.name + ".1"))


def tail(log: Path) -> str:
    """The last lines of a log, indented for the terminal."""
    lines = log.read_text(errors="replace").splitlines()[-TAIL_LINES:]
    return "\n".join(f"    {line}" for line in lines) or "    (nothing was logged)"


def is_alive(pid: int) -> bool:
    """Whether a process with this id exists and is more than a zombie."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def wait_until(condition: Callable[[], bool], seconds: float, pause: float = 0.02) -> bool:
    """Whether `condition` came true within `seconds`."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(pause)
    return True
