import socket
from pathlib import Path

import pytest

from circletel.embedded.console import EmbeddedError
from circletel.embedded.service import Valkey, first_free, is_free


def test_the_next_free_port_is_taken() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        taken = other.getsockname()[1]

        assert not is_free(taken)
        assert first_free(taken) > taken


def test_a_service_keeps_its_port_over_restarts(tmp_path: Path) -> None:
    first = Valkey(folder=tmp_path, log=tmp_path / "log")
    first.start()
    first.stop()

    assert Valkey(folder=tmp_path, log=tmp_path / "log").port == first.port


def test_a_port_that_is_taken_now_is_not_asked_for_again(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        taken = other.getsockname()[1]
        (tmp_path / "port").write_text(str(taken))

        assert Valkey(folder=tmp_path, log=tmp_path / "log").port != taken


def test_a_broken_memory_is_no_obstacle(tmp_path: Path) -> None:
    (tmp_path / "port").write_text("{")

    assert Valkey(folder=tmp_path, log=tmp_path / "log").port > 0


def test_an_address_of_another_machine_is_refused() -> None:
    with pytest.raises(EmbeddedError, match=r"192\.0\.2\.1"):
        first_free(8000, "192.0.2.1")
