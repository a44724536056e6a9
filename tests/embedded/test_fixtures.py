"""The fixtures every other test relies on."""

import pytest
from django.conf import settings
from django.db import connection

from tests.conftest import SandboxZoho


@pytest.mark.django_db
def test_the_database_is_a_real_postgresql() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT version()")
        assert cursor.fetchone()[0].startswith("PostgreSQL 18")


def test_redis_starts_empty_and_writable(redis_flushed) -> None:
    assert redis_flushed.dbsize() == 0
    assert redis_flushed.set("key", "value")


def test_the_settings_point_at_an_empty_sandbox(sandbox: SandboxZoho) -> None:
    assert sandbox.url == settings.ZOHO_API_URL
    assert sandbox.records("crm_products") == []
    assert sandbox.requests() == []


def test_a_reset_takes_back_what_was_set(sandbox: SandboxZoho) -> None:
    before = sandbox.state()["settings"]["billing_per_minute"]
    sandbox.set(billing_per_minute=before + 1)

    sandbox.reset()

    assert sandbox.state()["settings"]["billing_per_minute"] == before
