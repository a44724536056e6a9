from pathlib import Path

import pytest

from circletel.embedded.console import EmbeddedError
from circletel.embedded.launcher import web_address
from circletel.embedded.stack import ZOHO, Stack, configured
from circletel.embedded.state import State

ALL_OF_ZOHO = dict.fromkeys(ZOHO, "x")


def test_the_environment_wins_over_the_file(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("REDIS_URL=redis://file\nDATABASE_URL=postgres://file\n")

    values = configured(tmp_path, {"REDIS_URL": "redis://environment"})

    assert values == {"REDIS_URL": "redis://environment", "DATABASE_URL": "postgres://file"}


def test_empty_is_as_good_as_not_set(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("REDIS_URL=\n")

    assert configured(tmp_path, {"DATABASE_URL": ""}) == {}


@pytest.mark.parametrize(
    ("values", "left_to_us"),
    [
        ({}, ["Sandbox Zoho", "Valkey", "PostgreSQL"]),
        ({"DATABASE_URL": "x"}, ["Sandbox Zoho", "Valkey"]),
        ({"REDIS_URL": "x"}, ["Sandbox Zoho", "PostgreSQL"]),
        (ALL_OF_ZOHO, ["Valkey", "PostgreSQL"]),
        ({"DATABASE_URL": "x", "REDIS_URL": "x", **ALL_OF_ZOHO}, []),
    ],
)
def test_each_part_is_replaced_by_itself(
    tmp_path: Path, values: dict[str, str], left_to_us: list[str]
) -> None:
    assert [service.name for service in Stack(State(tmp_path), values).services] == left_to_us


def test_half_a_zoho_is_refused_and_what_is_missing_is_named(tmp_path: Path) -> None:
    values = {name: "x" for name in ZOHO if name not in ("ZOHO_CLIENT_SECRET", "ZOHO_REFRESH_TOKEN")}

    with pytest.raises(EmbeddedError, match="ZOHO_CLIENT_SECRET, ZOHO_REFRESH_TOKEN are missing"):
        Stack(State(tmp_path), values)


def test_web_listens_on_loopback_unless_told_otherwise() -> None:
    assert web_address({}) == ("127.0.0.1", 8000)
    assert web_address({"HOST": "0.0.0.0", "PORT": "9000"}) == ("0.0.0.0", 9000)


@pytest.mark.parametrize("port", ["0", "65536", "-1", "http"])
def test_a_port_that_is_none_is_refused(port: str) -> None:
    with pytest.raises(EmbeddedError, match="PORT"):
        web_address({"PORT": port})
