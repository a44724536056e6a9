import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from circletel.embedded.service import Valkey


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Valkey]:
    server = Valkey(folder=tmp_path / "a folder", log=tmp_path / "log")
    yield server
    server.stop()


def test_it_answers_whoever_knows_the_password(server: Valkey) -> None:
    server.start()

    assert redis.Redis.from_url(server.url).ping()
    with socket.create_connection(("127.0.0.1", server.port)) as stranger:
        stranger.sendall(b"PING\r\n")
        assert stranger.recv(100).startswith(b"-NOAUTH")


def test_only_its_owner_can_read_the_password(server: Valkey) -> None:
    server.start()

    for file in ("valkey.conf", "password"):
        assert (server.folder / file).stat().st_mode & 0o077 == 0


def test_a_port_that_was_taken_meanwhile_is_replaced(server: Valkey) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        server.port = taken = other.getsockname()[1]

        server.start()

    assert server.port != taken
    assert redis.Redis.from_url(server.url).ping()
