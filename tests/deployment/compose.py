"""The processes of docker-compose.yml without Docker: its commands, and the environment its files name."""

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests.processes import environment, kill_group

REPOSITORY = Path(__file__).resolve().parents[2]
COMPOSE = yaml.safe_load((REPOSITORY / "docker-compose.yml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = ("migrate", "web", "worker", "beat", "sandbox")
# Of a machine, not of the app.
BARE = {"PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin", "HOME": "/nonexistent", "LANG": "C.UTF-8"}


def example_names() -> dict[str, str]:
    """What .env.example sets."""
    text = (REPOSITORY / ".env.example").read_text()
    return dict(re.findall(r"^([A-Z0-9_]+)=(.*)$", text, re.MULTILINE))


def names_of(service: str) -> set[str]:
    """Every variable the container of `service` gets."""
    return {*example_names(), *SERVICES[service]["environment"]}


def environment_of(service: str, **more: Any) -> dict[str, str]:
    """Exactly those variables, with values that point at this test's services."""
    real = environment()
    values = {name: real.get(name) or value for name, value in example_names().items()}
    values |= {name: real.get(name, str(value)) for name, value in SERVICES[service]["environment"].items()}
    here = {
        "DJANGO_ALLOWED_HOSTS": "127.0.0.1",
        "DJANGO_CSRF_TRUSTED_ORIGINS": "https://127.0.0.1",
        # No mail leaves a test.
        "RESEND_API_KEY": "",
    }
    values |= {name: value for name, value in here.items() if name in values}
    return BARE | values | {name: str(value) for name, value in more.items()}


@dataclass
class Running:
    process: subprocess.Popen[bytes]
    log: Path

    def said(self) -> str:
        return self.log.read_text(errors="replace")

    def terminate(self) -> None:
        """As `docker stop` does: SIGTERM to the first process of the container only."""
        self.process.send_signal(signal.SIGTERM)

    def has_ended(self) -> bool:
        return self.process.poll() is not None


@contextmanager
def running(service: str, folder: Path, *, port: int = 0, number: int = 1, **more: Any) -> Iterator[Running]:
    """One container's process, in a group of its own that is killed at the end whatever happened."""
    command = [str(word) for word in SERVICES[service]["command"]]
    if port:
        command = [{"8000": str(port), "0.0.0.0": "127.0.0.1"}.get(word, word) for word in command]
    if service == "worker":
        # Containers have host names of their own.
        command += ["--hostname", f"container-{number}@%h"]
    program = shutil.which(command[0], path=BARE["PATH"])
    assert program, f"{command[0]} is not installed"
    log = folder / f"{service}-{number}.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [program, *command[1:]],
            cwd=REPOSITORY,
            env=environment_of(service, **more),
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        yield Running(process, log)
    finally:
        kill_group(process)


def manage(*arguments: str, **more: Any) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "manage.py", *arguments],
        cwd=REPOSITORY,
        env=os.environ | environment_of("migrate", **more),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
