"""The smoke test in the admin: who sees the button, what it asks for, what the result says."""

import pytest
from django.test import Client
from django.urls import reverse

from circletel.core import jobs
from circletel.core.models import Job
from tests.factories import live_package, person

pytestmark = pytest.mark.django_db
LIST = reverse("admin:zoho_sync_productintegration_changelist")
RUN = reverse("admin:zoho_sync_productintegration_smoke_test")
CONFIRMED = {"_form_submitted": "True"}


def reader(*roles):
    client = Client()
    client.force_login(person(f"some.{'-'.join(roles) or 'body'}".replace(" ", "").lower(), *roles))
    return client


def test_an_operator_runs_it_and_reads_the_steps(zoho, drain):
    operator = reader("Sync operator")
    package = live_package(sku="HF-100")
    drain()
    assert "Run smoke test" in operator.get(LIST).content.decode()

    answer = operator.post(RUN, {**CONFIRMED, "sku": "HF-100"})

    job = Job.objects.get()
    page = reverse("admin:core_job_change", args=[job.pk])
    assert (answer.status_code, answer.url) == (302, page)
    assert (job.parameters["package"], job.requested_by.username) == (str(package.pk), "some.syncoperator")
    waiting = operator.get(page).content.decode()
    assert 'hx-trigger="every 2s"' in waiting
    jobs.run(job.pk)
    done = operator.get(page).content.decode()
    assert "R\u00a0799,00, expected R\u00a0799,00" in done
    assert "made: email smoke-" in done
    assert ("✗" in done, 'hx-trigger="every 2s"' in done) == (False, False)


def test_what_is_refused_is_said_and_nothing_is_asked_for(zoho):
    operator = reader("Sync operator")

    answer = operator.post(RUN, {**CONFIRMED, "sku": "NONE"}, follow=True)

    assert "No package with the SKU NONE is on sale" in answer.content.decode()
    assert not Job.objects.exists()


def test_others_have_no_button_and_auditors_only_look(zoho, drain):
    live_package()
    drain()
    auditor, manager = reader("Auditor"), reader("Product manager")

    assert "Run smoke test" not in auditor.get(LIST).content.decode()
    assert "Run smoke test" not in manager.get(LIST).content.decode()
    for someone in (auditor, manager):
        assert someone.post(RUN, CONFIRMED).status_code in (302, 403)
    assert not Job.objects.exists()
