"""What the tests of prices in Zoho Billing share."""

import pytest

from pricing.models import NoticeStage
from tests.pricing.billing_world import World
from tests.zoho_sync.conftest import drain, zoho, zoho_settings  # noqa: F401


@pytest.fixture
def no_stages(db):
    """No notice is asked for, so that none is missing."""
    NoticeStage.objects.update(active=False)


@pytest.fixture
def world(zoho, no_stages):  # noqa: F811
    """Zoho Billing on 15 February 2027, with nobody in it."""
    zoho.set(use_latest_prices=False, proration=True, draft_invoices=False)
    found = World(zoho)
    found.day("2027-02-15 10:00")
    yield found
    found.http.close()
