"""A Zoho with a plan of ours in it, and customers who subscribe to it over HTTP."""

from datetime import date
from itertools import count

import pytest

from pricing.mirror.pull import Order, pull_subscriptions
from tests.pricing.histories import package_opened
from tests.pricing.people import R799
from tests.zoho_sync.conftest import drain, zoho, zoho_settings  # noqa: F401
from zoho_sync.billing.client import BillingClient
from zoho_sync.billing.customers import Customer
from zoho_sync.billing.subscriptions import Ordered
from zoho_sync.connection.http import ZohoHttp
from zoho_sync.keys import package_key
from zoho_sync.models import System

_names = count(1)


class Shop:
    """What people do in Zoho Billing, done through its API."""

    def __init__(self, zoho, client, package):  # noqa: F811
        self.zoho, self.client, self.package = zoho, client, package

    def join(self, price=None, addons=(), starts_at: date | None = None, plan=None):
        name = f"Customer {next(_names)}"
        customer = self.client.create_customer(Customer(name, f"{name.replace(' ', '').lower()}@example.com"))
        plan = plan or package_key(self.package)
        return self.client.create_subscription(
            customer.customer_id, Ordered(plan, price), addons, starts_at=starts_at
        )

    def calls(self, since):
        """Paths asked of Billing since that request, ids left out, and how often."""
        found = {}
        for each in self.zoho.requests(since, "billing"):
            path = each["path"].removeprefix("/billing/v1/")
            kind = path if path in ("subscriptions", "customers") else path.split("/")[0] + "/{id}"
            found[kind] = found.get(kind, 0) + 1
        return found

    @property
    def now(self):
        """The number of the last request."""
        return self.zoho.state()["last_request"]


@pytest.fixture
def shop(zoho, drain):  # noqa: F811
    package = package_opened(R799)
    drain()
    http = ZohoHttp(System.BILLING, sleep=lambda _seconds: None)
    yield Shop(zoho, BillingClient(http), package)
    http.close()


def pulled(**order):
    """A pull, and what it said."""
    said = []
    report = pull_subscriptions(Order(**order), say=said.append)
    report.said = said
    return report
