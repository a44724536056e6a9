"""docker-compose.yml, Dockerfile and .env.example say what a deployment relies on."""

import json
import re
import subprocess
import sys

import pytest

from tests.deployment.compose import BARE, OURS, REPOSITORY, SERVICES, example_names

STAYS_UP = [name for name in SERVICES if name != "migrate"]


@pytest.mark.parametrize("name", STAYS_UP)
def test_what_stays_up_is_watched_and_started_again(name):
    service = SERVICES[name]
    assert service["healthcheck"]["test"]
    assert service["restart"] == "unless-stopped"


@pytest.mark.parametrize("name", SERVICES)
def test_everything_has_limits(name):
    service = SERVICES[name]
    assert service["mem_limit"]
    assert service["cpus"]
    assert service["logging"]["options"]["max-size"]
    assert "no-new-privileges:true" in service["security_opt"]


@pytest.mark.parametrize("name", [*OURS, "redis"])
def test_ours_can_write_nowhere_and_do_nothing_special(name):
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert "privileged" not in service


def test_migrations_come_first_and_end():
    assert SERVICES["migrate"]["restart"] == "no"
    for name in ("web", "worker", "beat"):
        assert SERVICES[name]["depends_on"]["migrate"] == {"condition": "service_completed_successfully"}


def test_a_worker_is_given_longer_than_a_turn_of_sending():
    from inspect import signature

    from zoho_sync.sync import drain

    assert (
        int(SERVICES["worker"]["stop_grace_period"].rstrip("s"))
        > 2 * signature(drain).parameters["seconds"].default
    )


def test_only_the_web_server_is_reached_from_outside_and_by_this_machine_only():
    published = {name: service["ports"] for name, service in SERVICES.items() if "ports" in service}
    assert published.keys() == {"web", "sandbox"}
    assert published["web"] == ["${BIND:-127.0.0.1}:${PORT:-8000}:8000"]
    assert published["sandbox"] == ["127.0.0.1:4000:4000"]


def test_the_image_runs_what_compose_runs_and_not_as_root():
    text = (REPOSITORY / "Dockerfile").read_text()
    last_stage = text[text.rindex("\nFROM ") :]
    command = re.search(r"^CMD (\[.*\])", last_stage.replace("\\\n", ""), re.MULTILINE)
    assert command
    assert json.loads(command[1]) == SERVICES["web"]["command"]
    assert re.findall(r"^USER (\S+)", last_stage, re.MULTILINE) == ["10001"]
    assert "pip install --require-hashes" in text
    assert "pip install" not in last_stage
    ignored = (REPOSITORY / ".dockerignore").read_text().split()
    assert {".git", ".env", ".env.*", "tests", ".venv"} <= set(ignored)


def test_the_example_is_complete_documented_and_without_secrets():
    example = example_names()
    documented = (REPOSITORY / "docs" / "configuration.md").read_text()
    assert [name for name in example if f"`{name}`" not in documented and name != "POSTGRES_PASSWORD"] == []
    secret = re.compile("SECRET|PASSWORD|TOKEN$|API_KEY")
    assert [name for name, value in example.items() if secret.search(name) and value] == []
    assert "POSTGRES_PASSWORD" in example


def test_the_example_filled_in_passes_the_checks_for_production():
    filled = {name: value or "1234567890" for name, value in example_names().items()}
    filled |= {
        "DJANGO_SECRET_KEY": "k7$Q" * 15 + "zxcvbnmasdfghjkl",
        "DATABASE_URL": "postgres://nobody@127.0.0.1:1/none",
        "REDIS_URL": "redis://127.0.0.1:1/0",
        # Somebody has looked.
        "ZOHO_BILLING_RENEWAL_PRICING": "retain",
    }
    checked = subprocess.run(
        [sys.executable, "manage.py", "check", "--deploy", "--fail-level", "WARNING"],
        cwd=REPOSITORY,
        env=BARE | filled,
        capture_output=True,
        text=True,
    )
    assert checked.returncode == 0, checked.stderr
