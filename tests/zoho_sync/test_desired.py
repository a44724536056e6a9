from decimal import Decimal

import pytest

from catalogue.models import PackageStatus
from tests.factories import live_package
from zoho_sync.desired import current_terms, desired_records, problems_of, retired_record
from zoho_sync.fields import Terms
from zoho_sync.models import Kind

pytestmark = pytest.mark.django_db

INCLUSIVE = Terms(vat_rate=Decimal("0.15"))
EXCLUSIVE = Terms(vat_rate=Decimal("0.15"), prices_include_vat=False)


def records(package, terms=INCLUSIVE):
    return {record.kind: record for record in desired_records(package, terms)}


def home_fibre(**values):
    return live_package(
        name="Home Fibre 100",
        sku="HF-100",
        regular_price="899.00",
        installation_fee=Decimal("0.00"),
        hardware={"model": "Reyee RG-EW1300G", "included": True, "dealer_cost": Decimal("555.55")},
        **values,
    )


def test_a_package_with_everything_wants_five_records_in_the_order_they_must_come_to_exist():
    assert [record.kind for record in desired_records(home_fibre(), INCLUSIVE)] == [
        Kind.CRM_PRODUCT,
        Kind.BILLING_PRODUCT,
        Kind.BILLING_PLAN,
        Kind.BILLING_INSTALLATION,
        Kind.BILLING_HARDWARE,
    ]


def test_the_plan_says_what_a_new_customer_pays_a_month_until_cancelled():
    plan = records(home_fibre())[Kind.BILLING_PLAN]

    assert plan.key == "HF-100_consumer_DFA"
    assert plan.payload == {
        "plan_code": "HF-100_consumer_DFA",
        "name": "Home Fibre 100, 12 months, Reyee RG-EW1300G (consumer, DFA)",
        "recurring_price": "899.00",
        "interval": 1,
        "interval_unit": "months",
        "billing_cycles": -1,
        "description": "Uncapped",
        "status": "active",
    }


def test_free_installation_and_included_hardware_are_one_time_charges_of_zero():
    wanted = records(home_fibre())

    assert wanted[Kind.BILLING_INSTALLATION].payload["price_brackets"] == [{"price": "0.00"}]
    assert wanted[Kind.BILLING_INSTALLATION].payload["type"] == "one_time"
    assert wanted[Kind.BILLING_HARDWARE].payload["price_brackets"] == [{"price": "0.00"}]
    assert wanted[Kind.BILLING_HARDWARE].payload["plans"] == [{"plan_code": "HF-100_consumer_DFA"}]


def test_no_installation_and_no_device_want_no_one_time_charges():
    assert [record.kind for record in desired_records(live_package(), INCLUSIVE)] == [
        Kind.CRM_PRODUCT,
        Kind.BILLING_PRODUCT,
        Kind.BILLING_PLAN,
    ]


def test_hardware_that_is_not_included_costs_its_retail_value_and_never_its_dealer_cost():
    package = live_package(
        hardware={
            "model": "ZTE",
            "included": False,
            "retail_value": Decimal("1200.00"),
            "dealer_cost": Decimal("777.77"),
        }
    )

    wanted = records(package)

    assert wanted[Kind.BILLING_HARDWARE].payload["price_brackets"] == [{"price": "1200.00"}]
    assert "777.77" not in str([record.payload for record in wanted.values()])


def test_where_zoho_adds_the_vat_amounts_go_out_without_it():
    wanted = records(home_fibre(), EXCLUSIVE)

    assert wanted[Kind.BILLING_PLAN].payload["recurring_price"] == "781.74"
    assert wanted[Kind.CRM_PRODUCT].payload["Unit_Price"] == "781.74"
    assert wanted[Kind.CRM_PRODUCT].payload["ct_Price_Includes_VAT"] is False


def test_while_a_price_change_waits_zoho_shows_the_new_price():
    package = home_fibre()
    package.new_customer_price = Decimal("949.00")

    assert records(package)[Kind.BILLING_PLAN].payload["recurring_price"] == "949.00"
    assert records(package)[Kind.CRM_PRODUCT].payload["Unit_Price"] == "949.00"


def test_an_archived_package_is_inactive_in_zoho_and_nothing_of_it_is_deleted():
    package = home_fibre()
    package.status = PackageStatus.ARCHIVED

    wanted = records(package)

    assert wanted[Kind.CRM_PRODUCT].payload["Product_Active"] is False
    assert {wanted[kind].payload["status"] for kind in wanted if "status" in wanted[kind].payload} == {
        "inactive"
    }
    assert len(wanted) == 5


def test_only_custom_fields_that_exist_in_billing_are_sent():
    package = live_package(name="Capped", speed_down_mbps=None)
    terms = Terms(
        vat_rate=Decimal("0.15"),
        billing_custom_fields=frozenset({"Market Segment", "Download Speed", "Other"}),
    )

    plan = records(package, terms)[Kind.BILLING_PLAN]

    assert plan.payload["custom_fields"] == [{"label": "Market Segment", "value": "consumer"}]
    assert "custom_fields" not in records(package)[Kind.BILLING_PLAN].payload


def test_the_same_package_wants_the_same_hash_and_a_change_another():
    package = home_fibre()
    before = {kind: record.hash for kind, record in records(package).items()}

    package.speed_up_mbps = 80
    after = {kind: record.hash for kind, record in records(package).items()}

    assert {kind for kind in before if before[kind] != after[kind]} == {Kind.CRM_PRODUCT}


def test_a_value_that_zoho_would_refuse_is_named_before_anything_is_sent():
    package = live_package(sku="A" * 41)

    [crm] = [record for record in desired_records(package, INCLUSIVE) if record.kind is Kind.CRM_PRODUCT]

    assert problems_of(crm, INCLUSIVE) == ["Product_Code holds 40 characters, SKU has 41"]


def test_the_terms_of_today_come_from_settings_and_the_vat_table(settings):
    settings.ZOHO_PRICES_INCLUDE_VAT = False
    settings.ZOHO_CRM_FIELD_PREFIX = "x_"
    settings.ZOHO_BILLING_CUSTOM_FIELDS = ["Provider"]

    assert current_terms() == Terms(Decimal("0.1500"), False, "x_", frozenset({"Provider"}))


@pytest.mark.parametrize("acknowledged", [None, {"name": "Installation: Home Fibre 100", "status": "active"}])
def test_what_is_no_longer_wanted_stays_as_it_was_but_inactive(acknowledged):
    record = retired_record(Kind.BILLING_INSTALLATION, "HF-100_INSTALLATION", acknowledged)

    assert (record.kind, record.key) == (Kind.BILLING_INSTALLATION, "HF-100_INSTALLATION")
    assert record.payload == {**(acknowledged or {}), "status": "inactive"}
