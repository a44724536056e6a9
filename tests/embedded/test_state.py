import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from circletel.embedded.console import EmbeddedError
from circletel.embedded.launcher import claim
from circletel.embedded.process import REPOSITORY
from circletel.embedded.state import Running, State

OWNER = """
import sys, time
from pathlib import Path
from circletel.embedded.state import Running, State
state = State(Path(sys.argv[1]))
assert state.try_claim("make run")
state.announce(Running(1, "make run", {"REDIS_URL": "redis://x"}, "http://127.0.0.1:8000"))
print("up", flush=True)
time.sleep(60)
"""


@contextmanager
def owner_of(folder: Path) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-c", OWNER, str(folder)], cwd=REPOSITORY, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout
    assert process.stdout.readline() == "up\n"
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def test_one_owner_at_a_time_and_the_second_hears_where_the_first_is(tmp_path: Path) -> None:
    with owner_of(tmp_path):
        state = State(tmp_path)

        assert not state.try_claim("make run")
        with pytest.raises(
            EmbeddedError, match=r"already running at http://127\.0\.0\.1:8000/admin/, process 1\b"
        ):
            claim(state)


def test_others_share_the_services_of_the_owner(tmp_path: Path) -> None:
    with owner_of(tmp_path):
        owner = State(tmp_path).owner_with_services()

    assert owner == Running(1, "make run", {"REDIS_URL": "redis://x"}, "http://127.0.0.1:8000")


def test_a_killed_owner_is_none(tmp_path: Path) -> None:
    with owner_of(tmp_path) as process:
        process.kill()
        process.wait()
        state = State(tmp_path)

        assert state.owner() is None
        assert state.try_claim("make run")


def test_what_the_owner_tells_is_for_its_user_only(tmp_path: Path) -> None:
    with owner_of(tmp_path):
        assert (tmp_path / "running.json").stat().st_mode & 0o077 == 0


def test_borrowers_are_noticed(tmp_path: Path) -> None:
    state = State(tmp_path)

    with state.borrowed():
        assert state.is_borrowed()
    assert not state.is_borrowed()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
def test_the_folder_of_another_user_is_left_alone(tmp_path: Path) -> None:
    os.chown(tmp_path, 12345, 12345)

    with pytest.raises(EmbeddedError, match="CIRCLETEL_STATE_DIR"):
        State(tmp_path)
