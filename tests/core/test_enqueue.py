"""Messages to Celery: sent by name, after the commit, and no error without a broker."""

import re
from pathlib import Path

import pytest
from celery import current_app
from django.conf import settings
from django.db import transaction
from kombu.exceptions import OperationalError

from circletel.core.enqueue import enqueue, send_now

TASK = "zoho_sync.tasks.drain_system"


@pytest.mark.django_db
def test_a_message_leaves_after_the_commit(sent_tasks, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        enqueue(TASK, "crm", True, seconds=5)
        assert sent_tasks == []

    assert sent_tasks == [(TASK, ("crm", True), 5)]


@pytest.mark.django_db
def test_what_is_rolled_back_sends_nothing(sent_tasks, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True), transaction.atomic():
        enqueue(TASK, "crm")
        transaction.set_rollback(True)

    assert sent_tasks == []


def test_a_broker_that_is_away_is_no_error(monkeypatch):
    def away(*_args, **_options):
        raise OperationalError("connection refused")

    monkeypatch.setattr(current_app, "send_task", away)

    assert send_now(TASK, "crm") is False


def test_every_task_that_is_sent_by_name_exists():
    current_app.loader.import_default_modules()
    apps = [Path(settings.BASE_DIR, name) for name in ("catalogue", "circletel", "pricing", "reconciliation")]
    sources = [file for app in [*apps, Path(settings.BASE_DIR, "zoho_sync")] for file in app.rglob("*.py")]
    named = {
        name for file in sources for name in re.findall(r'"([a-z0-9_.]+\.tasks\.[a-z_]+)"', file.read_text())
    }

    assert len(named) > 5
    assert named - set(current_app.tasks) == set()
