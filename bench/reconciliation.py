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
        clock = Clock()
        found = _compare(kind, clock)
        lines.append(
            f"  {words:14} describing ours {clock.spent['describe']:5.1f} s, keeping and matching"
            f" {clock.spent['compare']:5.1f} s, {_memory() - idle:4.0f} MiB above idle, {found} findings"
        )
    return "\n".join(lines)


class Clock:
    """Processor seconds, kept apart by what they were spent on."""

    def __init__(self) -> None:
        self.spent: dict[str, float] = {}
        self._last = time.process_time()

    def book(self, what: str) -> None:
        now = time.process_time()
        self.spent[what] = self.spent.get(what, 0.0) + now - self._last
        self._last = now


def _compare(kind_name: str, clock: Clock) -> int:
    """Both sides kept and matched, as a run does, without database and network."""
    from contextlib import closing

    from reconciliation.matching import judge_pair
    from zoho_sync.compare.listing import Listing, pairs
    from zoho_sync.compare.records import Expected, Remote, shelf_of
    from zoho_sync.desired import desired_records, table_of
    from zoho_sync.fields import Terms, wire
    from zoho_sync.models import Kind

    kind, shelf = Kind(kind_name), shelf_of(kind_name)
    terms = Terms(vat_rate=Decimal("0.15"))
    tables = {kind.value: table_of(kind, terms)}
    with closing(Listing()) as listing:
        for number, package in enumerate(_packages()):
            clock.book("make up")
            [record] = desired_records(package, terms, [kind])
            hash = record.hash
            clock.book("describe")
            sent, id = wire(tables[kind.value], record.payload), f"{number:019}"
            remote = Remote(id, record.key, sent, "2026-01-01T00:00:00+02:00", "Somebody")
            clock.book("make up")
            listing.expect(
                shelf,
                Expected(
                    kind.value, record.key, str(package.pk), dict(record.payload), hash, "row", id, "ok", hash
                ),
            )
            listing.add(shelf, [remote])
            clock.book("compare")
        compared = found = 0
        for pair in pairs(listing, shelf, most_missing=0):
            compared += 1
            found += len(judge_pair(pair, tables))
        found += sum(1 for _each in listing.not_taken(shelf))
        clock.book("compare")
    assert compared == PACKAGES
    return found


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
