"""An installation of its own for a benchmark: PostgreSQL, Valkey and a sandbox Zoho, all gone when it is done."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Installation:
    """`environment` points manage.py at it."""

    environment: dict[str, str]
    zoho: str

    def manage(self, *arguments: str, may_exit: tuple[int, ...] = (0,)) -> str:
        """Run manage.py in a process of its own; what it printed. Raises where it exits otherwise."""
        command = [sys.executable, "-W", "ignore", "manage.py", *arguments]
        done = subprocess.run(command, cwd=ROOT, env=self.environment, stdout=subprocess.PIPE, text=True)
        if done.returncode not in may_exit:
            raise RuntimeError(
                f"manage.py {arguments[0]} ended with {done.returncode}: {done.stdout[-2000:]}"
            )
        return done.stdout

    def ask(self, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        """The sandbox's own doors."""
        data = json.dumps(body).encode() if body is not None else None
        with urlopen(Request(f"{self.zoho}/_sandbox/{path}", data=data)) as answer:
            answered: dict[str, Any] = json.load(answer)
        return answered


@contextmanager
def installation() -> Iterator[Installation]:
    """Migrated, empty, and with a Zoho without limits that has the fields the mapping writes."""
    from circletel.embedded.postgres import Postgres
    from circletel.embedded.service import RAISED_LIMITS, Sandbox, Valkey

    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="circletel-bench-")))
        # A throwaway PostgreSQL has no database and never waits for the disk.
        postgres = Postgres(folder=folder / "postgres", log=folder / "postgres.log")
        valkey = Valkey(folder=folder / "valkey", log=folder / "valkey.log", throwaway=True)
        sandbox = Sandbox(folder=folder / "sandbox", log=folder / "sandbox.log", throwaway=True)
        for service in (postgres, valkey, sandbox):
            service.start()
            stack.callback(service.stop)
        mine = Installation(
            {
                **os.environ,
                "DJANGO_SECRET_KEY": "bench",
                "DATABASE_URL": postgres.url,
                "REDIS_URL": valkey.url,
                **RAISED_LIMITS,
                **sandbox.settings(),
            },
            sandbox.url,
        )
        mine.manage("migrate", "-v0")
        mine.ask("settings", {"billing_per_minute": 0, "billing_per_day": 0, "billing_concurrency": 10})
        mine.manage("zoho_fields", "create", "--yes")
        yield mine
