"""Our settings against the organisation's own: found out once a day, before anything is sent."""

from decimal import Decimal

import pytest
from django.core.cache import cache

from tests.factories import live_package
from zoho_sync.connection.breaker import Breaker
from zoho_sync.models import ProductIntegration, SyncStatus, System

pytestmark = pytest.mark.django_db


@pytest.fixture
def first_of_day(zoho):
    """Nothing is known of the organisation yet."""
    cache.clear()
    return zoho


def endpoints(zoho):
    return zoho.state()["calls"].get("billing", {}).get("endpoints", {})


def test_the_organisation_is_looked_at_once_a_day_and_plans_and_addons_carry_its_vat(first_of_day, drain):
    zoho = first_of_day
    live_package(installation_fee=Decimal("0.00"))
    live_package()

    drain(System.BILLING)

    asked = endpoints(zoho)
    assert asked["GET /billing/v1/organizations"] == asked["GET /billing/v1/settings/taxes"] == 1
    vat = zoho.records("billing_taxes")[0]["tax_id"]
    assert [plan["tax_id"] for plan in zoho.records("billing_plans")] == [vat, vat]
    assert [addon["tax_id"] for addon in zoho.records("billing_addons")] == [vat]


@pytest.mark.parametrize(
    ("ours", "theirs", "words"), [(True, False, "15 % too much"), (False, True, "too little")]
)
def test_nothing_is_sent_where_vat_would_be_billed_wrongly(
    first_of_day, drain, settings, ours, theirs, words
):
    zoho = first_of_day
    settings.ZOHO_PRICES_INCLUDE_VAT = ours
    zoho.set(prices_include_vat=theirs)
    live_package()

    outcome = drain(System.BILLING)

    assert (outcome.sent, words in outcome.reasons[0]) == (0, True)
    assert f"Set ZOHO_PRICES_INCLUDE_VAT={str(theirs).lower()}" in outcome.reasons[0]
    assert 1790 < Breaker(System.BILLING).state().seconds_left() <= 1800
    assert set(endpoints(zoho)) == {"GET /billing/v1/organizations", "GET /billing/v1/settings/taxes"}
    rows = ProductIntegration.objects.exclude(kind="crm_product")
    assert {(row.status, row.retry_count, row.last_sync_error) for row in rows} == {
        (SyncStatus.PENDING, 0, "")
    }
    assert words in Breaker(System.BILLING).state().reason


def test_once_mended_it_goes_on(first_of_day, drain, settings):
    zoho = first_of_day
    zoho.set(prices_include_vat=False)
    live_package()
    drain(System.BILLING)

    settings.ZOHO_PRICES_INCLUDE_VAT = False
    Breaker(System.BILLING).reset()

    assert drain(System.BILLING).sent == 2
    assert zoho.records("billing_plans")[0]["recurring_price"] == 694.78


def test_another_currency_is_refused(first_of_day, drain):
    body = {"organizations": [{"organization_id": "10000001", "currency_code": "USD"}]}
    first_of_day.fault(
        match={"path": "/billing/v1/organizations"},
        action={"status": 200, "body": {"code": 0, "message": "success", **body}},
    )
    live_package()

    assert "bills in USD; the catalogue's prices are rand" in drain(System.BILLING).reasons[0]
    assert first_of_day.records("billing_products") == []


def test_an_organisation_without_the_vat_is_refused(first_of_day, drain):
    first_of_day.fault(
        match={"path": "/billing/v1/settings/taxes"},
        action={"status": 200, "body": {"code": 0, "message": "success", "taxes": []}},
    )
    live_package()

    assert "must have one tax of 15 % named Standard Rate" in drain(System.BILLING).reasons[0]
    assert first_of_day.records("billing_products") == []
