"""Each window is described by one document: valid, with examples that fit, and free of what is ours alone."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import drf_spectacular.validation
import jsonschema
import pytest
from django.core.management import call_command

from circletel import windows
from tests.catalogue.api.packages import SECRETS

SPECIFICATION = Path(drf_spectacular.validation.__file__).with_name("openapi_3_1_schema.json")
METHODS = {"get", "post", "put", "patch", "delete"}


def operations(window):
    for path, item in windows.description(window)["paths"].items():
        for method in METHODS & set(item):
            yield path, method, item[method]


@pytest.mark.parametrize("window", windows.WINDOWS)
def test_it_is_valid_openapi_3_1(window):
    document = windows.description(window)

    assert document["openapi"] == "3.1.0"
    jsonschema.validate(document, json.loads(SPECIFICATION.read_text()))
    ids = [operation["operationId"] for *_, operation in operations(window)]
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize("window", windows.WINDOWS)
def test_every_example_fits_its_schema(window):
    document = windows.description(window)
    examples = 0
    for path, method, operation in operations(window):
        answers = [
            body for answer in operation["responses"].values() for body in answer.get("content", {}).values()
        ]
        for body in [*answers, *operation.get("requestBody", {}).get("content", {}).values()]:
            for example in body.get("examples", {}).values():
                judge = jsonschema.Draft202012Validator({**document, **body["schema"]})
                wrong = [
                    f"{error.json_path}: {error.message[:200]}"
                    for error in judge.iter_errors(example["value"])
                ]
                assert not wrong, (method, path, wrong)
                examples += 1
    assert examples >= 4


@pytest.mark.parametrize("window", windows.WINDOWS)
def test_every_operation_says_how_it_refuses(window):
    for path, method, operation in operations(window):
        refused = {status for status in operation["responses"] if status >= "400"}
        assert refused, (method, path)
        if window == "admin":
            assert {"401", "403"} <= refused, (method, path)
            keyed = "Idempotency-Key" in {one["name"] for one in operation.get("parameters", [])}
            assert keyed == (method == "post"), (method, path)


def test_windows_are_served_apart(client):
    for window in windows.WINDOWS:
        assert client.get(f"/api/schema/{window}/").json() == windows.description(window)
        assert client.get(f"/api/docs/{window}/").status_code == 200
    assert all(path.startswith("/api/v1/") for path, *_ in operations("storefront"))
    assert all(path.startswith("/api/admin/") for path, *_ in operations("admin"))
    shown = client.get("/api/schema/storefront/").text
    assert [secret for secret in SECRETS if secret in shown] == []


def test_a_typescript_client_compiles(tmp_path):
    """Needs node and the two packages that `make client` installs; NODE_PATH or build/client/node_modules."""
    tools = Path(os.environ.get("CIRCLETEL_CLIENT_TOOLS", "build/client")).resolve() / "node_modules/.bin"
    if shutil.which("node") is None or not (tools / "tsc").exists():
        pytest.skip(
            "node or the TypeScript tools are missing: `make client` installs them, and does this check"
        )
    call_command("openapi", folder=tmp_path)
    for window in windows.WINDOWS:
        _run(tools / "openapi-typescript", f"{window}.json", "-o", f"{window}.ts", cwd=tmp_path)
    _run(tools / "tsc", "--noEmit", "--strict", *(f"{window}.ts" for window in windows.WINDOWS), cwd=tmp_path)


def _run(*words, cwd):
    done = subprocess.run([str(word) for word in words], cwd=cwd, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
