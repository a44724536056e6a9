import socket
from pathlib import Path

import pytest

from circletel.embedded.errors import Misconfigured
from circletel.embedded.ports import Remembered, any_free, first_free, is_free


def test_the_next_free_port_is_taken() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        taken = other.getsockname()[1]

        assert not is_free(taken)
        assert first_free(taken) > taken


def test_a_service_keeps_its_port_over_restarts(tmp_path: Path) -> None:
    port = any_free()
    Remembered(tmp_path / "ports.json").keep({"Valkey": port})

    assert Remembered(tmp_path / "ports.json").pick("Valkey") == port


def test_a_broken_memory_is_no_obstacle(tmp_path: Path) -> None:
    (tmp_path / "ports.json").write_text("{")

    assert Remembered(tmp_path / "ports.json").pick("Valkey") > 0


def test_an_address_of_another_machine_is_refused() -> None:
    with pytest.raises(Misconfigured, match=r"192\.0\.2\.1"):
        first_free(8000, "192.0.2.1")
