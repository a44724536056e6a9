"""pytest plugin: real PostgreSQL and Valkey for the tests, thrown away afterwards.

Loaded before Django's settings (`-p tests.services` in pyproject.toml). Starts what DATABASE_URL and REDIS_URL
do not name; xdist's workers inherit both and get a Redis database of their own.
"""

import fcntl
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from circletel.embedded.postgres import Postgres
from circletel.embedded.service import Valkey

PREFIX = "circletel-test-"
# Nothing listens on port 1: a test that reaches Zoho by accident fails at once.
NO_ZOHO = {
    "ZOHO_ACCOUNTS_URL": "http://127.0.0.1:1",
    "ZOHO_API_URL": "http://127.0.0.1:1",
    "ZOHO_CLIENT_ID": "sandbox-client",
    "ZOHO_CLIENT_SECRET": "sandbox-secret",
    "ZOHO_REFRESH_TOKEN": "sandbox-refresh",
    "ZOHO_BILLING_ORGANIZATION_ID": "10000001",
    "ZOHO_BILLING_RENEWAL_PRICING": "retain",
}
_running = ExitStack()


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> None:
    """Before pytest-django reads the settings: say where the services are."""
    os.environ.update(NO_ZOHO)
    os.environ["DJANGO_SECRET_KEY"] = "only-for-tests"
    if worker := os.environ.get("PYTEST_XDIST_WORKER"):
        os.environ["REDIS_URL"] = database_of_worker(os.environ["REDIS_URL"], worker)
    elif not early_config.known_args_namespace.help:
        start_missing_services()


def pytest_unconfigure() -> None:
    _running.close()


def start_missing_services() -> None:
    missing = {"DATABASE_URL": Postgres, "REDIS_URL": Valkey}
    missing = {variable: kind for variable, kind in missing.items() if not os.environ.get(variable)}
    if not missing:
        return
    folder = _running.enter_context(throwaway_folder())
    services = {
        variable: kind(folder=folder / kind.name, log=folder / f"{kind.name}.log", throwaway=True)
        for variable, kind in missing.items()
    }
    for service in services.values():
        _running.callback(service.stop)
        service.launch()
    for variable, service in services.items():
        service.wait()
        os.environ[variable] = service.url
        # A second run in this process must not take the ended service for a configured one.
        _running.callback(os.environ.pop, variable, None)


def database_of_worker(url: str, worker: str) -> str:
    """`redis://…/0` and `gw2` make `redis://…/3`; 0 stays with whoever runs without workers."""
    number = int(re.sub(r"\D", "", worker) or 0)
    return re.sub(r"/\d*$", "", url) + f"/{number + 1}"


@contextmanager
def throwaway_folder() -> Iterator[Path]:
    """A folder that is removed at the end, or by the next run when this one was killed."""
    remove_leftovers()
    folder = Path(tempfile.mkdtemp(prefix=PREFIX))
    with (folder / "in-use").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def remove_leftovers() -> None:
    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        try:
            if folder.stat().st_uid != os.geteuid():
                continue
            with (folder / "in-use").open("r+") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(folder, ignore_errors=True)
        except OSError:  # in use, just being made, or just being removed
            continue
