from pathlib import Path

import pytest

from circletel.embedded.environment import ZOHO, Needed, configured, needed, web_address
from circletel.embedded.errors import Misconfigured

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
        ({}, Needed(postgres=True, valkey=True, sandbox=True)),
        ({"DATABASE_URL": "x"}, Needed(postgres=False, valkey=True, sandbox=True)),
        ({"REDIS_URL": "x"}, Needed(postgres=True, valkey=False, sandbox=True)),
        (ALL_OF_ZOHO, Needed(postgres=True, valkey=True, sandbox=False)),
        (
            {"DATABASE_URL": "x", "REDIS_URL": "x", **ALL_OF_ZOHO},
            Needed(postgres=False, valkey=False, sandbox=False),
        ),
    ],
)
def test_each_part_is_replaced_by_itself(values: dict[str, str], left_to_us: Needed) -> None:
    assert needed(values) == left_to_us


def test_half_a_zoho_is_refused_and_what_is_missing_is_named() -> None:
    values = {name: "x" for name in ZOHO if name not in ("ZOHO_CLIENT_SECRET", "ZOHO_REFRESH_TOKEN")}

    with pytest.raises(Misconfigured, match="ZOHO_CLIENT_SECRET, ZOHO_REFRESH_TOKEN are missing"):
        needed(values)


def test_web_listens_on_loopback_unless_told_otherwise() -> None:
    assert web_address({}) == ("127.0.0.1", 8000)
    assert web_address({"HOST": "0.0.0.0", "PORT": "9000"}) == ("0.0.0.0", 9000)


@pytest.mark.parametrize("port", ["0", "65536", "-1", "http"])
def test_a_port_that_is_none_is_refused(port: str) -> None:
    with pytest.raises(Misconfigured, match="PORT"):
        web_address({"PORT": port})
