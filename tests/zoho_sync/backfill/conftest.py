"""Packages that nobody has told Zoho of, and a backfill that runs in this thread."""

from collections import Counter
from decimal import Decimal

import pytest
from django.utils import timezone

from catalogue.models import PackageStatus, ServicePackage
from tests.factories import draft_product, mr_botha
from zoho_sync.backfill.run import Order, Voice, run
from zoho_sync.models import System


@pytest.fixture
def zoho(zoho, settings):
    """One thread, because the test's transaction is seen by its own connection only."""
    settings.ZOHO_BILLING_CONCURRENCY = 1
    return zoho


@pytest.fixture
def backfill(zoho):
    """Run it; gives the report, and keeps the lines in `backfill.lines`."""

    def now(*systems, stop=None, **order):
        now.lines = []
        voice = Voice(now.lines.append)
        return run(Order(systems=systems or list(System), **order), voice, stop=stop)

    return now


def unsynced(count, *, first=1, **values):
    """Packages as a bulk load leaves them: on sale, and without a row for Zoho."""
    source, publisher, now = draft_product(), mr_botha(), timezone.now()
    defaults = {
        "source_admin_product": source,
        "market_segment": "consumer",
        "provider": "DFA",
        "service_type": "HomeFibre",
        "category": "home_fibre",
        "contract_months": 12,
        "price": Decimal("799.00"),
        "status": PackageStatus.ACTIVE,
        "valid_from": now,
        "published_at": now,
        "published_by": publisher,
    }
    return ServicePackage.objects.bulk_create(
        ServicePackage(
            **defaults
            | {
                "sku": f"BULK-{number}",
                "name": f"Bulk {number}",
                "slug": f"bulk-{number}",
                "logical_key": f"bulk-{number}",
            }
            | values
        )
        for number in range(first, first + count)
    )


class Calls:
    """What reaches Zoho from now on: `calls.now()` gives {"POST /billing/v1/plans": 2}."""

    def __init__(self, zoho):
        self.zoho = zoho
        self.before = self._endpoints()

    def _endpoints(self):
        calls = self.zoho.state()["calls"]
        return Counter(
            {
                path: number
                for system in ("crm", "billing")
                for path, number in calls.get(system, {}).get("endpoints", {}).items()
            }
        )

    def now(self):
        return dict(self._endpoints() - self.before)


@pytest.fixture
def calls(zoho):
    return Calls(zoho)
