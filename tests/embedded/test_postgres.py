import os
import shutil
import socket
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from circletel.embedded import postgres
from circletel.embedded.console import EmbeddedError
from circletel.embedded.postgres import Postgres
from circletel.embedded.process import is_alive
from tests.embedded.test_kill import supervised


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a cluster that was set up and stopped; setting one up takes a second."""
    folder = tmp_path_factory.mktemp("cluster")
    server = Postgres(folder=folder, log=folder / "log")
    server.prepare()
    return folder


@pytest.fixture
def server(cluster: Path) -> Iterator[Postgres]:
    server = Postgres(folder=cluster, log=cluster / "log")
    yield server
    server.stop()


def test_a_new_cluster_holds_the_database_of_the_app(server: Postgres) -> None:
    server.start()

    with psycopg.connect(server.url) as connection:
        encoding = connection.execute("SHOW server_encoding").fetchone()
    assert encoding == ("UTF8",)
    assert server.url.endswith("/circletel")


def test_it_asks_for_the_password(server: Postgres) -> None:
    server.start()

    with pytest.raises(psycopg.OperationalError, match="password"):
        psycopg.connect(f"postgres://app:wrong@127.0.0.1:{server.port}/circletel")


def test_stopping_ends_it(server: Postgres) -> None:
    server.start()
    assert server.process
    pid = server.process.pid

    server.stop()

    assert not is_alive(pid)
    assert not server.is_running()


def test_a_port_that_was_taken_meanwhile_is_replaced(server: Postgres) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        server.port = taken = other.getsockname()[1]

        server.start()

    assert server.port != taken
    with psycopg.connect(server.url) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)


def test_a_stale_pid_file_that_names_a_stranger_does_no_harm(server: Postgres) -> None:
    (server.data / "postmaster.pid").write_text(f"{os.getpid()}\n{server.data}\n")

    server.start()

    assert server.is_ready()


def test_a_set_up_that_was_interrupted_is_begun_afresh(tmp_path: Path) -> None:
    half_done = tmp_path / "data.unfinished"
    half_done.mkdir()
    (half_done / "PG_VERSION").write_text("18\n")
    server = Postgres(folder=tmp_path, log=tmp_path / "log", throwaway=True)

    server.prepare()

    assert not half_done.exists()
    assert (server.data / "postgresql.conf").exists()


def test_when_it_cannot_start_the_reason_is_in_the_message(tmp_path: Path, cluster: Path) -> None:
    shutil.copytree(cluster / "data", tmp_path / "data")
    (tmp_path / "data" / "postgresql.conf").write_text("no_such_setting = 1\n")
    server = Postgres(folder=tmp_path, log=tmp_path / "log")

    with pytest.raises(EmbeddedError, match="no_such_setting"):
        server.start()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has to become somebody else")
def test_root_where_unshare_is_refused(server: Postgres, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgres, "AS_NOBODY_WITHIN", ("false",))
    postgres.prefix.cache_clear()
    if not postgres._works(postgres.AS_NOBODY):
        pytest.skip("setpriv is refused as well")

    try:
        server.start()

        assert server.data.stat().st_uid == postgres.NOBODY
        with psycopg.connect(server.url) as connection:
            assert connection.execute("SELECT 1").fetchone() == (1,)
    finally:
        server.stop()
        monkeypatch.undo()
        postgres.prefix.cache_clear()


@pytest.mark.skipif(os.geteuid() != 0, reason="the other tests run as an ordinary user already")
@pytest.mark.parametrize("uid", [65534, 54321], ids=["with a name", "without a name"])
def test_an_ordinary_user(tmp_path: Path, uid: int) -> None:
    become = ("setpriv", f"--reuid={uid}", f"--regid={uid}", "--clear-groups", "--")
    if not postgres._works([*become, sys.executable, "-c", "import psycopg"]):
        pytest.skip("another user cannot reach this Python")
    if uid != postgres.NOBODY and not postgres._works([*become, *postgres.AS_NOBODY_WITHIN]):
        pytest.skip("unshare is refused here")
    folder = tmp_path / "theirs"
    folder.mkdir()
    os.chown(folder, uid, uid)
    for parent in (tmp_path, *tmp_path.parents):
        if parent == Path(tempfile.gettempdir()):
            break
        parent.chmod(0o755)

    supervisor, pids, url, _ = supervised(folder, *become)

    try:
        assert Path(f"/proc/{pids[0]}").stat().st_uid == uid
        with psycopg.connect(url) as connection:
            assert connection.execute("SELECT 1").fetchone() == (1,)
    finally:
        supervisor.kill()
        supervisor.communicate()
