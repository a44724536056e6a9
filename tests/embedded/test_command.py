"""`make manage` and the Django process behind `make run`. Here everything is configured, so nothing is embedded."""

import os
import subprocess
import sys
import time
from pathlib import Path

from circletel.embedded.chain import Chain
from circletel.embedded.program import REPOSITORY


def manage(
    folder: Path, *arguments: str, typed: str = "", **options: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "circletel.embedded", "manage", *arguments],
        cwd=REPOSITORY,
        env={**os.environ, "CIRCLETEL_STATE_DIR": str(folder), "CIRCLETEL_COMMAND": typed},
        capture_output=True,
        text=True,
        **options,
    )


def test_quotes_input_and_exit_code_reach_the_command_and_come_back(tmp_path: Path) -> None:
    typed = """shell -v 0 -c "import sys; print('two words', sys.stdin.read()); sys.exit(3)" """

    done = manage(tmp_path, typed=typed, input="from outside")

    assert done.returncode == 3, done.stderr
    assert done.stdout == "two words from outside\n"


def test_a_quote_that_never_ends_is_said(tmp_path: Path) -> None:
    done = manage(tmp_path, typed='shell -c "')

    assert done.returncode == 1
    assert "cannot be understood" in done.stderr


def test_several_commands_in_one_process(tmp_path: Path) -> None:
    chain = Chain(os.environ)
    try:
        first = finish(chain, ("shell", "-v", "0", "-c", "print('first')"), tmp_path / "first")
        second = finish(chain, ("shell", "-v", "0", "-c", "raise SystemExit(4)"), tmp_path / "second")
        third = finish(chain, ("no_such_command",), tmp_path / "third")
    finally:
        chain.stop()

    assert (first, second, third) == (0, 4, 1)
    assert (tmp_path / "first").read_text() == "first\n"
    assert "no_such_command" in (tmp_path / "third").read_text()


def test_a_chain_that_breaks_is_a_failed_command(tmp_path: Path) -> None:
    chain = Chain({**os.environ, "DJANGO_SETTINGS_MODULE": "no.such.settings"})
    try:
        assert finish(chain, ("check",), tmp_path / "log") == 1
    finally:
        chain.stop()


def finish(chain: Chain, arguments: tuple[str, ...], log: Path) -> int:
    chain.begin(arguments, log)
    deadline = time.monotonic() + 30
    while (code := chain.exit_code(1)) is None:
        assert time.monotonic() < deadline
    return code
