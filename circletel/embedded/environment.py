"""What the user has configured, and which embedded parts that leaves to us.

The environment wins over `.env`; an empty value counts as not set, in both.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import environ

from .errors import Misconfigured

ZOHO = (
    "ZOHO_ACCOUNTS_URL",
    "ZOHO_API_URL",
    "ZOHO_CLIENT_ID",
    "ZOHO_CLIENT_SECRET",
    "ZOHO_REFRESH_TOKEN",
    "ZOHO_BILLING_ORGANIZATION_ID",
)
DEFAULT_PORT = 8000


@dataclass(frozen=True)
class Needed:
    """The parts nobody has configured."""

    postgres: bool
    valkey: bool
    sandbox: bool


def configured(repository: Path, environment: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Everything that is set, by name."""

    class Reader(environ.Env):
        ENVIRON: Any = {}

    Reader.ENVIRON = {}
    file = repository / ".env"
    if file.is_file():
        Reader.read_env(file)
    values = Reader.ENVIRON | {name: value for name, value in environment.items() if value}
    return {name: value for name, value in values.items() if value}


def needed(values: Mapping[str, str]) -> Needed:
    """Which parts to bring along. Raises Misconfigured when Zoho is configured by half."""
    missing = [name for name in ZOHO if name not in values]
    if missing and len(missing) < len(ZOHO):
        present = [name for name in ZOHO if name in values]
        raise Misconfigured(
            f"Zoho is configured by half: {_listed(present)} set, {_listed(missing)} missing.\n"
            f"Set {'it' if len(missing) == 1 else 'these'} too (environment or .env), "
            "or none of the six to use the local sandbox Zoho."
        )
    return Needed(
        postgres="DATABASE_URL" not in values, valkey="REDIS_URL" not in values, sandbox=bool(missing)
    )


def web_address(values: Mapping[str, str]) -> tuple[str, int]:
    """The host and port that web shall listen on."""
    port = values.get("PORT", str(DEFAULT_PORT))
    if not port.isdecimal() or not 0 < int(port) < 65536:
        raise Misconfigured(f"PORT is {port!r}; it must be a number between 1 and 65535.")
    return values.get("HOST", "127.0.0.1"), int(port)


def _listed(names: list[str]) -> str:
    return f"{', '.join(names)} {'is' if len(names) == 1 else 'are'}"
