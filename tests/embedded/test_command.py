"""`make manage`. Here everything is configured, so nothing is embedded."""

import os
import subprocess
import sys
from pathlib import Path

from circletel.embedded.process import REPOSITORY


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
