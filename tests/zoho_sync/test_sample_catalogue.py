"""The 64 real packages: same names, no speeds, free installation, and all of them alive in Zoho."""

import csv
from collections import Counter
from decimal import Decimal

import pytest
from django.db import transaction

from catalogue import demo
from catalogue.models import PackageStatus, ServicePackage
from tests.zoho_sync.conftest import all_desired
from zoho_sync.models import Kind, ProductIntegration, SyncStatus


def csv_rows():
    with demo.SAMPLE_CATALOGUE.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


pytestmark = pytest.mark.django_db


@pytest.fixture(scope="module")
def sample(django_db_setup, django_db_blocker):
    """The sample catalogue, imported, approved and published by the demo people; gone with the module."""
    with django_db_blocker.unblock(), transaction.atomic():
        demo.set_up(lambda _line: None)
        yield list(ServicePackage.objects.all())
        transaction.set_rollback(True)


def test_every_package_of_the_file_lives(sample):
    assert len(csv_rows()) == 64
    assert sorted(package.sku for package in sample) == sorted(row["sku"] for row in csv_rows())
    assert {package.status for package in sample} == {PackageStatus.ACTIVE}


def test_each_wants_exactly_the_records_its_row_of_the_file_implies(sample):
    wanted = Counter(record.kind for package in sample for record in all_desired(package))

    assert wanted == {
        Kind.CRM_PRODUCT: 64,
        Kind.BILLING_PRODUCT: 64,
        Kind.BILLING_PLAN: 64,
        Kind.BILLING_INSTALLATION: sum(1 for row in csv_rows() if row["installation_fee_incl_vat"] != ""),
        Kind.BILLING_HARDWARE: sum(1 for row in csv_rows() if row["hardware_model"] != ""),
    }


def test_no_two_packages_share_a_key_or_a_name(sample):
    for kind in (Kind.CRM_PRODUCT, Kind.BILLING_PLAN, Kind.BILLING_INSTALLATION, Kind.BILLING_HARDWARE):
        records = [record for package in sample for record in all_desired(package) if record.kind is kind]
        name = "Product_Name" if kind is Kind.CRM_PRODUCT else "name"
        assert len({record.key for record in records}) == len(records)
        assert len({record.payload[name] for record in records}) == len(records)


def test_prices_fees_and_speeds_are_those_of_the_file(sample):
    packages = {
        package.sku: {record.kind: record.payload for record in all_desired(package)} for package in sample
    }
    for row in csv_rows():
        wanted = packages[row["sku"]]
        crm = wanted[Kind.CRM_PRODUCT]
        assert wanted[Kind.BILLING_PLAN]["recurring_price"] == f"{Decimal(row['price_incl_vat']):.2f}"
        assert crm["Unit_Price"] == f"{Decimal(row['price_incl_vat']):.2f}"
        assert crm["ct_Speed_Down_Mbps"] == (int(row["speed_down_mbps"]) if row["speed_down_mbps"] else None)
        assert crm["ct_Contract_Months"] == int(row["contract_months"])
        if row["installation_fee_incl_vat"] != "":
            assert wanted[Kind.BILLING_INSTALLATION]["price_brackets"] == [
                {"price": f"{Decimal(row['installation_fee_incl_vat']):.2f}"}
            ]
        if row["hardware_model"]:
            assert wanted[Kind.BILLING_HARDWARE]["price_brackets"] == [{"price": "0.00"}]


def test_zoho_takes_the_whole_catalogue_in_one_upsert_and_one_call_per_billing_record(zoho, drain, sample):
    drain()

    assert set(ProductIntegration.objects.values_list("status", flat=True)) == {SyncStatus.OK}
    counts = zoho.state()["counts"]
    assert (counts["crm_products"], counts["billing_products"], counts["billing_plans"]) == (64, 5, 64)
    assert counts["billing_addons"] == 29 + 42
    calls = zoho.state()["calls"]
    assert calls["crm"]["endpoints"]["POST /crm/v8/Products/upsert"] == 1
    assert calls["billing"]["endpoints"] == {
        "GET /billing/v1/products": 5,
        "POST /billing/v1/products": 5,
        "POST /billing/v1/plans": 64,
        "POST /billing/v1/addons": 71,
    }
