"""Reconciliation: 100,000 packages against 100,000 CRM records and plans: seconds of our own, and memory."""

import os
import resource
import time
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from catalogue.models import ServicePackage

PACKAGES = 100_000
HOSTILE = ("📶 Fibre", "שלום", "one\r\ntwo ", "e\u0301", "x" * 500, "0.005", "")


def run() -> str:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "circletel.settings")
    os.environ.setdefault("DJANGO_SECRET_KEY", "only-for-benchmarks")
    import django

    django.setup()
    lines = []
    for kind, words in (("crm_product", "CRM products"), ("billing_plan", "Billing plans")):
        idle = _memory()
        begun = time.process_time()
        found, produced = _compare(kind)
        own = time.process_time() - begun - produced
        lines.append(
            f"  {words:14} {PACKAGES:,} × {PACKAGES:,}: {own:5.1f} s, {_memory() - idle:4.0f} MiB above idle,"
            f" {found} findings (not counted: {produced:.1f} s to make up packages and Zoho's records)"
        )
    return "\n".join(lines)


def _compare(kind_name: str) -> tuple[int, float]:
    """Both sides sorted and matched, as a run does, without database and network."""
    from reconciliation.matching import match
    from reconciliation.records import Expected, Remote
    from reconciliation.sorting import Sorter
    from zoho_sync.desired import desired_records, table_of
    from zoho_sync.fields import Terms, wire
    from zoho_sync.models import Kind

    kind = Kind(kind_name)
    terms = Terms(vat_rate=Decimal("0.15"))
    tables = {kind.value: table_of(kind, terms)}
    produced = 0.0
    with Sorter() as ours, Sorter() as theirs:
        packages = enumerate(_packages())
        while True:
            begun = time.process_time()
            number, package = next(packages, (0, None))
            produced += time.process_time() - begun
            if package is None:
                break
            [record] = desired_records(package, terms, [kind])
            begun = time.process_time()
            sent = wire(tables[kind.value], record.payload)
            produced += time.process_time() - begun
            expected = Expected(
                kind.value, record.key, str(package.pk), dict(record.payload), record.hash, "row"
            )
            expected.remote_id, expected.status, expected.synced_hash = f"{number:019}", "ok", record.hash
            ours.add(expected.key, expected.as_json())
            remote = Remote(f"{number:019}", record.key, sent, "2026-01-01T00:00:00+02:00", "Somebody")
            theirs.add(remote.key, remote.as_json())
        found = match(
            (Expected.from_json(item) for _key, item in ours),
            (Remote.from_json(item) for _key, item in theirs),
            tables,
            most_missing=0,
        )
    assert found.compared == PACKAGES
    return len(found.deviations) + len(found.strangers), produced


def _packages() -> "Iterator[ServicePackage]":
    from catalogue.models import ServicePackage

    since = datetime(2026, 1, 1, tzinfo=UTC)
    for number in range(PACKAGES):
        text = HOSTILE[number % len(HOSTILE)]
        # Scattered, because neither the database nor Zoho gives records in the order of keys.
        yield ServicePackage(
            id=uuid.UUID(int=number),
            sku=f"P-{number * 7919 % PACKAGES}",
            market_segment="consumer",
            provider="DFA",
            name=f"{text[:40]} {number}",
            slug=f"p-{number}",
            service_type="HomeFibre",
            category="home_fibre",
            contract_months=12,
            description=text,
            features=["Uncapped"],
            price=Decimal(number % 5000) + Decimal("0.99"),
            status="active",
            valid_from=since,
        )


def _memory() -> float:
    """The most this process has held, in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
