"""A prepared Zoho for the sync to talk to: the sandbox, over HTTP, with the fields the mapping needs."""

from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

import pytest

from catalogue.models import ServicePackage
from zoho_sync import sync, timing
from zoho_sync.billing import organisation
from zoho_sync.connection.http import ZohoHttp
from zoho_sync.crm import preparation
from zoho_sync.crm.client import CrmClient
from zoho_sync.desired import DesiredRecord, current_terms, desired_records
from zoho_sync.models import System

CREDENTIALS = {
    "ZOHO_CLIENT_ID": "sandbox-client",
    "ZOHO_CLIENT_SECRET": "sandbox-secret",
    "ZOHO_REFRESH_TOKEN": "sandbox-refresh",
    "ZOHO_BILLING_ORGANIZATION_ID": "10000001",
    "ZOHO_BILLING_CALLS_PER_MINUTE": 6000,
    "ZOHO_BILLING_CALLS_PER_DAY": 1_000_000,
    "ZOHO_BILLING_CONCURRENCY": 5,
}


@pytest.fixture
def zoho_settings(sandbox: Any, redis_flushed: Any, settings: Any, monkeypatch: Any) -> Any:
    """Settings that point at the sandbox."""
    settings.ZOHO_ACCOUNTS_URL = settings.ZOHO_API_URL = sandbox.url
    for name, value in CREDENTIALS.items():
        setattr(settings, name, value)
    # The sandbox is done with a call when it hangs up on it, unless a test has it be late.
    monkeypatch.setattr(timing, "LATE_CALL_SECONDS", 0)
    # Nothing waits for company either.
    monkeypatch.setattr(timing, "GATHER_SECONDS", 0)
    return settings


@pytest.fixture
def zoho(zoho_settings: Any, sandbox: Any, db: None) -> Any:
    """The sandbox with every field the mapping writes and, unless a test sets them, without limits of calls."""
    if "prepared" in sandbox.snapshots:
        sandbox.reset("prepared")
    else:
        prepare(sandbox)
        sandbox.take_snapshot("prepared")
    sandbox.set(billing_per_minute=0, billing_per_day=0)
    # As on every call of a day but the first: what the organisation is like is known.
    vat = next(tax for tax in sandbox.records("billing_taxes") if tax["tax_percentage"] == 15)
    organisation.remember(
        organisation.Organisation("", "", "ZAR", "", None, vat["tax_id"]), vat_rate=Decimal("0.15")
    )
    return sandbox


def prepare(sandbox: Any) -> None:
    """Make the fields of our mapping, as `manage.py zoho_fields create` does."""
    http = ZohoHttp(System.CRM)
    client = CrmClient(http)
    complaints = preparation.apply(client, "ct_", preparation.plan(client, "ct_"))
    http.close()
    assert complaints == []


@pytest.fixture
def drain(zoho: Any) -> Iterator[Callable[..., sync.Drained]]:
    """Send what is due in this thread, without the pauses between tries."""
    connections = {system: ZohoHttp(system, sleep=lambda _seconds: None) for system in System}

    def now(*systems: System, seconds: float = 300) -> sync.Drained:
        outcome = sync.Drained()
        for system in systems or tuple(System):
            one = sync.drain(system, threads=1, http=connections[system], seconds=seconds)
            outcome.sent += one.sent
            outcome.reasons += one.reasons
        return outcome

    yield now
    for http in connections.values():
        http.close()


def all_desired(package: ServicePackage) -> list[DesiredRecord]:
    """What the package wants of Zoho, under the terms of today."""
    return desired_records(package, current_terms())
