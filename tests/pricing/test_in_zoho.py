"""What Zoho holds after each deed, seen in the sandbox."""

from datetime import timedelta
from decimal import Decimal

import pytest

from pricing import applying, services
from tests.pricing.histories import package_opened
from tests.pricing.people import MAY_BEGINS, PUBLISHED, R799, mr_daniels, published
from tests.zoho_sync.conftest import drain, zoho, zoho_settings  # noqa: F401

pytestmark = pytest.mark.django_db


def prices_in(zoho):  # noqa: F811
    """Plan price and Unit_Price."""
    [plan], [product] = zoho.records("billing_plans"), zoho.records("crm_products")
    return Decimal(str(plan["recurring_price"])), Decimal(str(product["Unit_Price"]))


def test_plan_and_crm_carry_the_new_price_from_publication_on(zoho, drain):  # noqa: F811
    package = package_opened(R799)
    drain()
    assert prices_in(zoho) == (R799, R799)

    published(package)
    drain()
    assert prices_in(zoho) == (Decimal(899), Decimal(899))
    calls = len(zoho.requests())
    applying.apply_due(MAY_BEGINS)
    drain()

    assert prices_in(zoho) == (Decimal(899), Decimal(899))
    assert len(zoho.requests()) == calls


def test_cancelling_restores_both(zoho, drain):  # noqa: F811
    package = package_opened(R799)
    change = published(package)
    drain()

    services.cancel_price_change(change.pk, actor=mr_daniels(), reason="No", at=PUBLISHED + timedelta(days=3))
    drain()

    assert prices_in(zoho) == (R799, R799)


def test_a_decrease_at_once_reaches_both(zoho, drain):  # noqa: F811
    package = package_opened(R799)
    drain()

    published(package, new_price="749.00", effective_date=PUBLISHED.date())
    drain()

    assert prices_in(zoho) == (Decimal(749), Decimal(749))
