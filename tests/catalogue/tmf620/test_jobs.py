"""Export and import jobs: from the request to the file and to the drafts."""

import json
from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone

from catalogue.models import Product, ServicePackage, TmfDraft, TmfJob, VatRate
from catalogue.tmf620 import deliver, jobs, tasks
from tests.catalogue.tmf620 import contract
from tests.catalogue.tmf620.world import BASES, READABLE, V4, small_catalogue
from tests.factories import ms_naidoo, person

pytestmark = pytest.mark.django_db
URL = "http://8.8.8.8/catalogue.json"


@pytest.fixture
def lerato(client):
    user = person("lerato.khumalo", "TMF620 integrator")
    client.force_login(user)
    return user


@pytest.fixture(autouse=True)
def begun(sent_tasks):
    """Messages that ask a worker to run a job."""
    return sent_tasks


def ask(client, address, **body):
    return client.post(address, {"url": URL, **body}, content_type="application/json")


@pytest.mark.parametrize("version", ["v4", "v5"])
def test_an_export_from_request_to_file(client, lerato, version, begun, django_capture_on_commit_callbacks):
    contract.folder()
    small_catalogue()
    base = BASES[version]
    with django_capture_on_commit_callbacks(execute=True):
        made = ask(client, f"{base}/exportJob")
    assert made.status_code == 201, made.content
    contract.ensure_answer_valid(version, "post", "/exportJob", made)
    assert made.json()["status"] == "Not Started"
    assert begun == [("catalogue.tmf620.tasks.run_job", (made.json()["id"],), 0)]
    assert client.get(made.json()["url"]).status_code == 404
    tasks.run_job(made.json()["id"])
    done = client.get(made.json()["href"])
    contract.ensure_answer_valid(version, "get", "/exportJob/{id}", done)
    assert done.json()["status"] == "Succeeded"
    listed = client.get(f"{base}/exportJob", {"status": "Succeeded", "fields": "status"})
    contract.ensure_answer_valid(version, "get", "/exportJob", listed)
    assert [item["status"] for item in listed.json()] == ["Succeeded"]
    client.logout()
    exported = client.get(done.json()["url"])
    assert "attachment" in exported["Content-Disposition"]
    assert set(exported.json()) == set(READABLE[version])
    for name, documents in exported.json().items():
        assert documents == client.get(f"{base}/{name}").json()
    client.force_login(lerato)
    gone = client.delete(made.json()["href"])
    contract.ensure_answer_valid(version, "delete", "/exportJob/{id}", gone)
    assert gone.status_code == 204
    assert client.get(made.json()["url"]).status_code == client.get(made.json()["href"]).status_code == 404


def test_an_export_of_one_resource_filtered(client, lerato):
    small_catalogue()
    made = ask(client, f"{V4}/exportJob", path="productOffering", query="marketSegment.id=business")
    jobs.run(made.json()["id"])
    exported = client.get(made.json()["url"]).json()
    assert [offering["name"] for offering in exported["productOffering"]] == ["Biz Mobile, 5G"]
    assert list(exported) == ["productOffering"]


def test_an_export_in_pages_is_whole(client, lerato, monkeypatch):
    small_catalogue()
    monkeypatch.setattr(jobs, "PAGE", 2)
    made = ask(client, f"{V4}/exportJob", path="productOfferingPrice")
    jobs.run(made.json()["id"])
    exported = client.get(made.json()["url"]).json()["productOfferingPrice"]
    assert exported == client.get(f"{V4}/productOfferingPrice").json()
    assert len(exported) == 7


@pytest.mark.parametrize("version", ["v4", "v5"])
def test_an_import_makes_drafts_and_sells_nothing(client, lerato, version, monkeypatch):
    contract.folder()
    packages = small_catalogue()
    base = BASES[version]
    content = {name: client.get(f"{base}/{name}").json() for name in READABLE[version]}
    monkeypatch.setattr(deliver, "get", lambda url, largest: json.dumps(content).encode())
    made = ask(client, f"{base}/importJob")
    contract.ensure_answer_valid(version, "post", "/importJob", made)
    before = list(ServicePackage.objects.order_by("pk").values())
    jobs.run(made.json()["id"])
    done = client.get(made.json()["href"])
    contract.ensure_answer_valid(version, "get", "/importJob/{id}", done)
    assert done.json()["status"] == "Succeeded", done.json()
    assert TmfDraft.objects.count() == sum(map(len, content.values()))
    drafted = Product.objects.filter(tmf620_draft__isnull=False)
    assert {product.name for product in drafted} == {package.name for package in packages}
    assert {product.status for product in drafted} == {"draft"}
    assert list(ServicePackage.objects.order_by("pk").values()) == before
    # Run again by a second message, nothing is made twice.
    jobs.run(made.json()["id"])
    assert drafted.count() == 3


def test_an_import_is_all_or_nothing_and_says_what_is_wrong(client, lerato, monkeypatch):
    content = [{"name": "Good"}, {"description": "nameless"}, {"name": "Bad", "isBundle": 1}]
    monkeypatch.setattr(deliver, "get", lambda url, largest: json.dumps(content).encode())
    made = ask(client, f"{V4}/importJob")
    jobs.run(made.json()["id"])
    done = client.get(made.json()["href"]).json()
    assert done["status"] == "Failed"
    assert done["errorLog"] == (
        "Nothing was imported. productOffering 2: name is missing.\n"
        "productOffering 3: isBundle: expects true or false."
    )
    assert (Product.objects.count(), TmfDraft.objects.count()) == (0, 0)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"<html>", "is not JSON"),
        (b"[" * 100_000, "is not JSON"),
        (b"5", "Expects an object of lists"),
        (b'{"colour": []}', "Expects an object of lists"),
        (json.dumps([{}] * 1001).encode(), "at most 1000"),
    ],
)
def test_what_cannot_be_imported_is_said(client, lerato, monkeypatch, content, says):
    monkeypatch.setattr(deliver, "get", lambda url, largest: content)
    made = ask(client, f"{V4}/importJob")
    jobs.run(made.json()["id"])
    job = TmfJob.objects.get()
    assert job.state == "Failed"
    assert says in job.error_log


def test_trouble_on_the_way_fails_the_job(client, lerato, monkeypatch):
    def unreachable(url, largest):
        raise deliver.Undeliverable("did not answer: refused")

    monkeypatch.setattr(deliver, "get", unreachable)
    made = ask(client, f"{V4}/importJob")
    VatRate.objects.all().delete()
    export = ask(client, f"{V4}/exportJob")
    for job in (made, export):
        jobs.run(job.json()["id"])
    assert {(j.kind, j.state) for j in TmfJob.objects.all()} == {
        ("importJob", "Failed"),
        ("exportJob", "Succeeded"),
    }
    assert TmfJob.objects.get(kind="importJob").error_log == "did not answer: refused"


@pytest.mark.parametrize(
    ("name", "body", "says"),
    [
        ("importJob", {"url": "http://127.0.0.1:8000/x"}, "not a public address"),
        ("importJob", {"url": "ftp://8.8.8.8/x"}, "not an http or https address"),
        ("importJob", {"url": ""}, "url is missing"),
        ("importJob", {"url": 5}, "url: expects a text"),
        ("exportJob", {"path": "colours"}, "path: expects one of"),
        ("exportJob", {"query": "name=x"}, "query: needs a path"),
        ("exportJob", {"path": "productOffering", "query": "colour=red"}, "colour cannot be filtered"),
        ("exportJob", {"contentType": "text/csv"}, "contentType"),
    ],
)
def test_a_wrong_request_is_refused(client, lerato, name, body, says):
    refused = ask(client, f"{V4}/{name}", **body)
    assert refused.status_code == 400
    assert says in refused.json()["reason"]
    assert TmfJob.objects.count() == 0


def test_jobs_are_for_those_who_may(client):
    assert client.get(f"{V4}/exportJob").status_code == ask(client, f"{V4}/exportJob").status_code == 401
    client.force_login(ms_naidoo())
    assert client.get(f"{V4}/exportJob").json() == []
    assert ask(client, f"{V4}/exportJob").status_code == 403
    client.force_login(person("some.body"))
    assert client.get(f"{V4}/exportJob").status_code == 403


def test_a_lost_job_is_begun_again_and_old_files_are_forgotten(client, lerato):
    made = ask(client, f"{V4}/exportJob").json()
    TmfJob.objects.update(state="Running", started_at=timezone.now())
    jobs.run(made["id"])
    assert TmfJob.objects.get().state == "Running"
    assert jobs.waiting() == []
    with time_machine.travel(timezone.now() + timedelta(hours=2)):
        tasks.sweep()
        assert client.get(made["url"]).status_code == 200
    with time_machine.travel(timezone.now() + timedelta(days=8)):
        tasks.sweep()
        assert client.get(made["url"]).status_code == 404
    assert TmfJob.objects.get().state == "Succeeded"
