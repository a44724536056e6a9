"""Real Celery processes for tests: against the test database, the test broker and the sandbox Zoho."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote

from django.conf import settings
from django.db import connection

from zoho_sync import timing

ZOHO_NAMES = (
    "ZOHO_ACCOUNTS_URL",
    "ZOHO_API_URL",
    "ZOHO_CLIENT_ID",
    "ZOHO_CLIENT_SECRET",
    "ZOHO_REFRESH_TOKEN",
    "ZOHO_BILLING_ORGANIZATION_ID",
    "ZOHO_BILLING_CALLS_PER_MINUTE",
    "ZOHO_BILLING_CALLS_PER_DAY",
    "ZOHO_BILLING_CONCURRENCY",
)


def environment(**more: Any) -> dict[str, str]:
    """The environment that points a process of ours at what this test uses."""
    database = connection.settings_dict
    where = f"{database['HOST']}:{database['PORT']}/{database['NAME']}"
    values = {
        "DATABASE_URL": f"postgres://{quote(database['USER'])}:{quote(database['PASSWORD'] or '')}@{where}",
        "REDIS_URL": settings.REDIS_URL,
        "DJANGO_SECRET_KEY": settings.SECRET_KEY,
        "DJANGO_SETTINGS_MODULE": "tests.quick_settings",
        "TEST_LATE_CALL_SECONDS": timing.LATE_CALL_SECONDS,
        "TEST_GATHER_SECONDS": timing.GATHER_SECONDS,
        **{name: getattr(settings, name) for name in ZOHO_NAMES},
        **more,
    }
    return os.environ | {name: str(value) for name, value in values.items()}


@contextlib.contextmanager
def celery(*arguments: str, **more: Any) -> Iterator[subprocess.Popen[bytes]]:
    """`celery -A circletel …` in a process group of its own, killed at the end whatever happened."""
    command = [sys.executable, "-m", "celery", "-A", "circletel", *arguments, "--loglevel", "WARNING"]
    process = subprocess.Popen(command, env=environment(**more), start_new_session=True)
    try:
        yield process
    finally:
        kill_group(process)


def worker(**more: Any) -> contextlib.AbstractContextManager[subprocess.Popen[bytes]]:
    return celery("worker", "--concurrency", "2", **more)


def beat(**more: Any) -> contextlib.AbstractContextManager[subprocess.Popen[bytes]]:
    return celery("beat", "--max-interval", "1", "--pidfile=", **more)


def kill_group(process: subprocess.Popen[bytes]) -> None:
    """kill -9 for the process and all its children."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def wait_until(true: Callable[[], Any], *, seconds: float = 60, what: str = "condition") -> None:
    """Wait for a condition, looking ten times a second; fail with `what` when it does not come."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, f"{what} did not come within {seconds} s"
        time.sleep(0.1)
