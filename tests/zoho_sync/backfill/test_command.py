"""The command itself: exit codes, what it prints, the JSON report, and a run that is killed."""

import json
import os
import signal
import subprocess
import sys
import time
from io import StringIO
from threading import Event

import pytest
from django.core.management import CommandError, call_command

from circletel.core import jobs
from circletel.core.models import Job, JobState
from tests.zoho_sync.backfill.conftest import unsynced
from zoho_sync import sync
from zoho_sync.backfill.run import BACKFILL
from zoho_sync.models import ProductIntegration, SyncStatus

pytestmark = pytest.mark.django_db


def run(*arguments, **options):
    """(exit code, what was printed)."""
    out, code = StringIO(), 0
    try:
        call_command("backfill_zoho", *arguments, stdout=out, stderr=out, **options)
    except SystemExit as end:
        code = end.code
    return code, out.getvalue()


def test_it_prints_the_plan_then_the_progress_and_ends_with_nought(zoho):
    unsynced(2)

    code, printed = run("crm")

    lines = [" ".join(line.split()) for line in printed.splitlines()]
    assert code == 0
    assert lines[0] == "Zoho CRM holds 0 records. The plan:"
    assert lines[1] == "create 2 to be made"
    assert lines[7].startswith("calls needed 1 less than a minute, done at ")
    assert lines[-1].startswith("2 of 2 records, 2 calls")


def test_a_dry_run_that_finds_something_to_do_ends_with_five(zoho):
    unsynced(1)

    assert run("crm", dry_run=True)[0] == 5
    assert run("crm")[0] == 0
    assert run("crm", dry_run=True)[0] == 0


def test_what_needs_a_person_ends_with_three_and_is_named(zoho):
    unsynced(1, sku="S" * 41)

    code, printed = run("crm")

    assert code == 3
    assert "Product_Code holds 40 characters, SKU has 41" in printed
    assert "1 record of Zoho CRM needs a person" in printed


def test_used_up_calls_end_with_four(zoho):
    unsynced(101)

    code, printed = run("crm", max_calls=2)

    assert code == 4
    assert "1 record still owed: the 2 calls allowed to this run are used up. The sweep goes on" in printed


def test_the_json_report_has_the_plan_the_states_and_the_exit_code(zoho, tmp_path):
    unsynced(1)
    unsynced(1, first=2, sku="S" * 41)
    file = tmp_path / "report.json"

    code, _printed = run("crm", json=str(file))

    report = json.loads(file.read_text())
    crm = report["systems"]["crm"]
    assert (code, report["exit_code"], report["ending"]) == (3, 3, "needs_person")
    assert (crm["plan"]["create"], crm["plan"]["refused"], crm["calls_used"]) == (1, 1, 2)
    assert crm["states"] == {"pending": 0, "ok": 1, "failed": 0, "dead": 1, "given_up": 0}
    assert crm["plan"]["refused_records"] == [
        {
            "kind": "crm_product",
            "key": f"{'S' * 41}_consumer_DFA",
            "sku": "S" * 41,
            "words": "Product_Code holds 40 characters, SKU has 41",
        }
    ]


def test_what_it_did_is_a_job_and_what_it_only_showed_is_none(zoho):
    unsynced(2)
    run("all", dry_run=True)
    assert not Job.objects.exists()

    run("crm", max_calls=5)

    job = Job.objects.get()
    assert (job.kind, job.state, job.done, job.total) == ("zoho_sync.backfill", JobState.DONE, 2, 2)
    assert (job.parameters["systems"], job.parameters["max_calls"]) == (["crm"], 5)
    assert job.result == "Zoho CRM: in step, 2 calls."


def test_cancelling_the_job_stops_it_like_ctrl_c(zoho, monkeypatch):
    unsynced(250)
    send, drain, turns = sync._send_crm_batch, sync.drain, []

    def one_batch(system, **options):
        turns.append(options["stop"] if options["stop"].is_set() else Event())
        return drain(system, **options | {"stop": turns[-1]})

    def cancelling(http, held):
        Job.objects.update(cancel_requested=True)
        turns[-1].set()
        return send(http, held)

    monkeypatch.setattr(sync, "drain", one_batch)
    monkeypatch.setattr(sync, "_send_crm_batch", cancelling)

    code, printed = run("crm")

    assert code == 130
    assert "150 records still owed; the sweep goes on with them, and so does --resume." in printed
    job = Job.objects.get()
    assert job.state == "cancelled"
    assert job.result.startswith("Zoho CRM: interrupted, 2 calls. Stopped.")


def test_a_worker_runs_it_too(zoho):
    unsynced(1)
    order = {"systems": ["crm"], "dry_run": False, "verify": False, "skus": None, "resume": False}
    job = jobs.request(BACKFILL, actor=None, **order, max_calls=None)

    assert jobs.run(job.pk)

    job.refresh_from_db()
    assert (job.state, job.result) == (JobState.DONE, "Zoho CRM: in step, 2 calls.")
    assert job.log[0][1] == "Zoho CRM holds 0 records. The plan:"


def test_json_on_standard_output_is_alone_there(zoho):
    unsynced(1)
    out = StringIO()

    call_command("backfill_zoho", "crm", json="-", stdout=out, stderr=StringIO())

    assert json.loads(out.getvalue())["exit_code"] == 0


def test_unknown_skus_and_missing_settings_are_named(zoho, settings):
    with pytest.raises(CommandError, match="No package has the SKU NONE, NEITHER"):
        run("crm", only=["NONE", "NEITHER"])
    settings.ZOHO_API_URL = ""
    with pytest.raises(CommandError, match="ZOHO_API_URL"):
        run("crm")


def test_resume_and_dry_run_exclude_each_other(zoho):
    with pytest.raises(CommandError) as refusal:
        run("crm", resume=True, dry_run=True)
    assert refusal.value.returncode == 2


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
@pytest.mark.parametrize("how", [pytest.param(signal.SIGINT, marks=pytest.mark.torture), signal.SIGKILL])
def test_a_run_that_is_stopped_or_killed_is_taken_up_without_doubling_anything(zoho, settings, how):
    unsynced(301)
    zoho.set(latency_ms=300)
    command = [sys.executable, "-W", "ignore", "manage.py", "backfill_zoho", "crm"]
    environment = os.environ | {
        "DATABASE_URL": os.environ["DATABASE_URL"].rpartition("/")[0]
        + "/"
        + settings.DATABASES["default"]["NAME"],
        "ZOHO_ACCOUNTS_URL": zoho.url,
        "ZOHO_API_URL": zoho.url,
        "DJANGO_SETTINGS_MODULE": "tests.quick_settings",
        "TEST_LEASE_SECONDS": "2",
    }
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    deadline = time.monotonic() + 30
    while not zoho.records("crm_products") and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(how)
    printed = process.communicate(timeout=30)[0].decode()

    assert process.returncode == (130 if how is signal.SIGINT else -signal.SIGKILL), printed
    upserts = zoho.state()["calls"]["crm"]["endpoints"]["POST /crm/v8/Products/upsert"]
    assert ProductIntegration.objects.filter(status=SyncStatus.PENDING).exists()
    zoho.set(latency_ms=0)
    again = subprocess.run(
        [*command, "--resume"], env=environment, capture_output=True, text=True, check=False
    )

    assert again.returncode == 0, again.stdout + again.stderr
    assert not ProductIntegration.objects.exclude(status=SyncStatus.OK).exists()
    keys = [product["ct_Package_Key"] for product in zoho.records("crm_products")]
    assert len(keys) == len(set(keys)) == 301
    endpoints = zoho.state()["calls"]["crm"]["endpoints"]
    assert endpoints["GET /crm/v8/Products"] == 1
    # What was on its way when the process was killed is sent once more; what was acknowledged is not.
    assert endpoints["POST /crm/v8/Products/upsert"] <= 4 + (how is signal.SIGKILL)
    assert upserts < 4
