"""Make `.venv` hold what `requirements/<name>.txt` says: `python3 circletel/embedded/install.py run|dev`.

Run by the machine's own Python, so nothing but the standard library here. Costs milliseconds when nothing has
changed: a stamp in `.venv` remembers the folder, the Python and the content of the requirements it was made for.
"""

import sys

if sys.version_info < (3, 11):  # noqa: UP036  (it may be any Python)
    sys.exit("Python 3.11 or newer is needed. Name one: make PYTHON=/path/to/python3.11 …")

import fcntl
import hashlib
import json
import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
VENV = REPOSITORY / ".venv"
STAMP = VENV / "installed.json"
VENV_PYTHON = VENV / "bin" / "python"
# What each set contains besides itself: `dev` pins the same versions as `run` and adds to them.
CONTAINS = {"run": ("run",), "dev": ("dev", "run")}
# uv does not read pip's configuration; a machine that reaches its packages through a mirror says so there.
PIP_TO_UV = {
    "index-url": "UV_DEFAULT_INDEX",
    "extra-index-url": "UV_INDEX",
    "find-links": "UV_FIND_LINKS",
    "cert": "SSL_CERT_FILE",
    "trusted-host": "UV_INSECURE_HOST",
    "proxy": "ALL_PROXY",
}


def main(name: str) -> None:
    """Install what is missing, or leave with a message that says what to do."""
    if is_installed(name):
        return
    with only_one_at_a_time():
        if is_installed(name):
            return
        print(f"Setting up .venv ({name}); the first time takes a minute or two", flush=True)
        if not is_usable():
            create()
        install(REPOSITORY / "requirements" / f"{name}.txt")
        note_installed(name)


def is_installed(name: str) -> bool:
    stamp = read_stamp()
    return (
        stamp.get("made_for") == made_for() and stamp.get(name) == fingerprint(name) and VENV_PYTHON.exists()
    )


def made_for() -> str:
    """A `.venv` that was copied or moved, or whose Python has gone, is not the one we made."""
    return f"{VENV} {VENV_PYTHON.resolve()}"


def fingerprint(name: str) -> str:
    return hashlib.sha256((REPOSITORY / "requirements" / f"{name}.txt").read_bytes()).hexdigest()


def read_stamp() -> dict[str, str]:
    with suppress(OSError, ValueError):
        stamp = json.loads(STAMP.read_text())
        if isinstance(stamp, dict):
            return stamp
    return {}


def note_installed(name: str) -> None:
    stamp = read_stamp() | {each: fingerprint(each) for each in CONTAINS[name]} | {"made_for": made_for()}
    STAMP.write_text(json.dumps(stamp, indent=1))


def is_usable() -> bool:
    """Whether `.venv` can be installed into as it is."""
    if not VENV_PYTHON.exists() or read_stamp().get("made_for", made_for()) != made_for():
        return False
    question = "import sys, uv; sys.exit(sys.version_info < (3, 11))"
    return subprocess.run([VENV_PYTHON, "-c", question], capture_output=True).returncode == 0


def create() -> None:
    """A new `.venv` with uv in it."""
    if find_spec("ensurepip") is None or find_spec("venv") is None:
        install_venv_package()
    shutil.rmtree(VENV, ignore_errors=True)
    run_or_leave([sys.executable, "-m", "venv", str(VENV)], "A virtual environment could not be made")
    run_or_leave([*pip(), "-r", str(REPOSITORY / "requirements" / "uv.txt")], "uv could not be installed")


def install_venv_package() -> None:
    """Debian packs venv by itself."""
    package = f"python{sys.version_info[0]}.{sys.version_info[1]}-venv"
    wanted = f"Python's venv is missing. Install it: apt-get install {package}"
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        sys.exit(f"{wanted} (as root), then run make again.")
    print(f"Installing {package}", flush=True)
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for arguments in (["update"], ["install", "-y", "--no-install-recommends", package]):
        run_or_leave(["apt-get", "-qq", *arguments], wanted, environment)


def install(requirements: Path) -> None:
    """With uv, which is several times quicker; with pip where uv does not get through."""
    command = [str(VENV_PYTHON), "-m", "uv", "pip", "install", "--python", str(VENV_PYTHON)]
    command += ["--quiet", "--require-hashes", "--compile-bytecode", "-r", str(requirements)]
    # Hashes make every index as good as any other.
    command += ["--index-strategy", "unsafe-best-match"]
    done = subprocess.run(command, env=environment_for_uv(), capture_output=True, text=True)
    if done.returncode:
        print(
            "uv could not install it; trying pip, which takes longer. uv said:",
            done.stderr,
            sep="\n",
            flush=True,
        )
        run_or_leave([*pip(), "-r", str(requirements)], "The packages could not be installed")


def environment_for_uv() -> dict[str, str]:
    """Ours, plus what pip is told about where packages come from."""
    told: dict[str, str] = {}
    listed = subprocess.run([VENV_PYTHON, "-m", "pip", "config", "list"], capture_output=True, text=True)
    for line in listed.stdout.splitlines():
        name, _, value = line.partition("=")
        if variable := PIP_TO_UV.get(name.rpartition(".")[2]):
            separator = "," if variable == "UV_FIND_LINKS" else " "
            told[variable] = separator.join(value.strip("'\"").replace("\\n", " ").split())
    return {**told, **os.environ}


def pip() -> list[str]:
    options = ["--quiet", "--disable-pip-version-check", "--require-hashes", "--no-input"]
    return [str(VENV_PYTHON), "-m", "pip", "install", *options]


def run_or_leave(command: Sequence[str], failure: str, environment: dict[str, str] | None = None) -> None:
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{failure}. `{' '.join(command)}` said:\n{done.stdout}{done.stderr}")


@contextmanager
def only_one_at_a_time() -> Iterator[None]:
    """Two `make` at once must not build the same folder. The lock is this file: it is there already."""
    with Path(__file__).open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


if __name__ == "__main__":
    try:
        main(sys.argv[1])
    except OSError as error:
        sys.exit(f".venv cannot be set up: {error}")
