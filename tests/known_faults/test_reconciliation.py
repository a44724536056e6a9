"""The comparison with Zoho."""

from decimal import Decimal

import pytest

from reconciliation.models import Scope
from tests.factories import live_package
from tests.known_faults import known_fault
from tests.reconciliation.conftest import brief
from zoho_sync.billing import client as billing

pytestmark = pytest.mark.django_db


@known_fault("plans and add-ons that a list shows without their ids are called links to other records")
def test_a_list_without_ids_of_plans_and_add_ons_changes_nothing(zoho, drain, reconcile, monkeypatch):
    live_package(sku="HF-1", installation_fee=Decimal("99.00"))
    drain()
    assert brief(reconcile()) == []
    listed = billing.BillingClient.iter

    def without_ids(self, family, **narrowed):
        for each in listed(self, family, **narrowed):
            values = {
                name: value for name, value in each.values.items() if name not in ("plan_id", "addon_id")
            }
            yield billing._remote_of(family, values)

    monkeypatch.setattr(billing.BillingClient, "iter", without_ids)

    assert brief(reconcile(Scope.BILLING)) == []
