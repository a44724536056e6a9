"""The table of CRM fields: complete, within CRM's limits, and read back once for each version."""

from decimal import Decimal

import pytest

from catalogue.models import ProductHardware
from tests.factories import live_package
from tests.zoho_sync.conftest import all_desired
from zoho_sync import tasks
from zoho_sync.connection.http import ZohoHttp
from zoho_sync.crm import mapping, preparation
from zoho_sync.crm.client import CrmClient
from zoho_sync.models import MappingCheck, ProductIntegration, System

pytestmark = pytest.mark.django_db


SHOWN = ("Currency", "Installation_Fee", "Discounted_Setup_Fee", "Installation_Days", "Zones", "Featured")


def crm_payload(package):
    return all_desired(package)[0].payload


def test_the_table_has_more_than_forty_fields_and_fits_one_listing():
    names = [field.name for field in mapping.fields("ct_", True)]

    assert len(mapping.fields("ct_")) > 40
    assert len(names) == len(set(names)) <= mapping.FIELDS_AT_MOST
    assert names[0] == mapping.key_field("ct_") == "ct_Package_Key"


def test_the_labels_fit_zohos_25_characters_and_bear_the_prefix():
    for field in mapping.custom_fields("ct_", True):
        assert field.name.startswith("ct_")
        assert len(field.name) <= 25
    assert {field.name[:4] for field in mapping.custom_fields("abc_")} == {"abc_"}


def test_every_value_of_a_full_package():
    package = live_package(
        sku="HF-100",
        regular_price="899.00",
        promotion_price=Decimal("799.00"),
        promotion_months=3,
        installation_fee=Decimal("900.00"),
        discounted_installation_fee=Decimal("450.50"),
        installation_days=10,
        zones=["Cape Town", "Paarl"],
        featured=True,
        hardware={
            "model": "Reyee",
            "included": False,
            "retail_value": Decimal("1499.00"),
            "dealer_cost": 900,
        },
    )

    values = crm_payload(package)

    assert {name: values[name] for name in values if name.startswith("ct_P")} == {
        "ct_Package_Key": "HF-100_consumer_DFA",
        "ct_Package_Id": str(package.pk),
        "ct_Product_Id": str(package.source_admin_product_id),
        "ct_Provider": "DFA",
        "ct_Price_Includes_VAT": True,
        "ct_Promotion_Price": "799.00",
        "ct_Promotion_Months": 3,
        "ct_Promotion_From": None,
        "ct_Promotion_To": None,
        "ct_Package_Status": "Active",
        "ct_Package_Version": 1,
        "ct_Published_At": values["ct_Published_At"],
        "ct_Popular": False,
    }
    assert {name: values[f"ct_{name}"] for name in SHOWN} == {
        "Currency": "ZAR",
        "Installation_Fee": "900.00",
        "Discounted_Setup_Fee": "450.50",
        "Installation_Days": 10,
        "Zones": "Cape Town\nPaarl",
        "Featured": True,
    }


def test_add_ons_are_one_a_line():
    package = live_package()
    package.add_ons = [
        {"name": "Static IP", "price": "99.00", "recurring": True},
        {"name": "Router", "price": "999.00", "recurring": False},
    ]

    assert crm_payload(package)["ct_Add_Ons"] == "Static IP: R 99.00 a month\nRouter: R 999.00 once"


def test_links_are_sent_when_somebody_said_where_we_are(settings):
    package = live_package()
    assert crm_payload(package)["ct_Catalogue_Link"] is None
    settings.CIRCLETEL_BASE_URL = "https://catalogue.example.co.za/"

    values = crm_payload(package)

    assert values["ct_Catalogue_Link"] == (
        f"https://catalogue.example.co.za/admin/catalogue/servicepackage/{package.pk}/change/"
    )
    assert values["ct_Storefront_Link"] == f"https://catalogue.example.co.za/api/v1/packages/{package.slug}/"


def test_the_links_lead_somewhere(settings, client, admin_client):
    settings.CIRCLETEL_BASE_URL = "http://testserver"
    values = crm_payload(live_package())

    assert admin_client.get(values["ct_Catalogue_Link"]).status_code == 200
    assert client.get(values["ct_Storefront_Link"]).status_code == 200


def test_costs_are_sent_only_when_somebody_decided_so(settings):
    package = live_package(
        hardware={
            "model": "Reyee",
            "included": False,
            "retail_value": Decimal("1499.00"),
            "dealer_cost": Decimal("900.50"),
        }
    )
    assert not [name for name in crm_payload(package) if "Cost" in name or "Margin" in name]
    assert "900.5" not in str([record.payload for record in all_desired(package)])
    settings.ZOHO_CRM_SEND_COSTS = True

    values = crm_payload(package)

    assert (values["ct_Hardware_Cost"], values["ct_Hardware_Margin"]) == ("900.50", "598.50")
    ProductHardware.objects.all().delete()
    package.refresh_from_db()
    assert crm_payload(package)["ct_Hardware_Cost"] is None


def test_fields_of_costs_are_made_only_when_they_are_sent(sandbox, zoho_settings):
    client = CrmClient(ZohoHttp(System.CRM))
    assert {"ct_Hardware_Cost", "ct_Hardware_Margin"}.isdisjoint(
        row.name for row in preparation.plan(client, "ct_").to_create
    )

    wanted = preparation.plan(client, "ct_", True)

    assert {"ct_Hardware_Cost", "ct_Hardware_Margin"} <= {row.name for row in wanted.to_create}
    assert preparation.apply(client, "ct_", wanted, True) == []


def test_the_first_record_of_a_mapping_is_read_back_once(zoho, drain):
    live_package(installation_fee=Decimal("0.00"), hardware={"model": "Reyee", "included": True})
    tasks.sweep()
    assert MappingCheck.objects.count() == 0
    drain()
    before = zoho.state()["last_request"]

    tasks.sweep()
    tasks.sweep()

    [request] = zoho.requests(before, "crm")
    assert (request["method"], request["path"].rpartition("/")[0]) == ("GET", "/crm/v8/Products")
    assert MappingCheck.objects.get().lost == []


def test_fields_that_crm_dropped_are_noticed(sandbox, zoho_settings, drain, zoho):
    zoho_settings.ZOHO_CRM_FIELD_PREFIX = "xy_"
    client = CrmClient(ZohoHttp(System.CRM))
    key, provider = (
        field for field in mapping.custom_fields("xy_") if field.name in ("xy_Package_Key", "xy_Provider")
    )
    client.update_fields(
        [
            {"id": field["id"], "unique": {"_disable": True}}
            for field in zoho.records("crm_fields")
            if field["api_name"] == "ct_Package_Key"
        ]
    )
    preparation.apply(client, "xy_", preparation.Preparation(to_create=[key, provider]))
    # `apply` says what is missing; here nobody made the rest.
    live_package()
    drain(System.CRM)
    assert ProductIntegration.objects.get(kind="crm_product").status == "ok"

    tasks.sweep()

    lost = MappingCheck.objects.get().lost
    assert {"xy_Service_Type", "xy_Currency"} <= set(lost)
    assert {"xy_Package_Key", "xy_Provider", "Unit_Price"}.isdisjoint(lost)


def test_trouble_while_reading_back_is_left_to_the_next_sweep(zoho, drain):
    live_package()
    drain()
    zoho.fault(
        match={"method": "GET", "path": "/crm/v8/Products/*"}, action={"status": 400, "body": {"code": "X"}}
    )

    tasks.sweep()
    assert MappingCheck.objects.count() == 0
    tasks.sweep()

    assert MappingCheck.objects.count() == 1
