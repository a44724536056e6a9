"""The main job the way two people do it: a file comes in, a product goes on sale, Zoho and the storefront have it."""

import re

import httpx
import pytest

from catalogue.models import Product, ProductStatus
from tests.browser.conftest import PASSWORD
from tests.factories import mr_botha, ms_naidoo
from tests.processes import worker
from tests.zoho_sync.conftest import CREDENTIALS
from zoho_sync.connection.http import ZohoHttp
from zoho_sync.crm import preparation
from zoho_sync.crm.client import CrmClient
from zoho_sync.models import System

pytestmark = pytest.mark.django_db(transaction=True, serialized_rollback=True)

CSV = """\
sku,name,service_type,product_category,market_segment,provider,technology,speed_down_mbps,speed_up_mbps,data_limit,\
price_incl_vat,installation_fee_incl_vat,contract_months,hardware_model,hardware_included,features
KAROO-100,Karoo Fibre 100,HomeFibre,home_fibre,consumer,DFA,fibre,100,50,Unlimited,\
"R1 299,00",450,12,Tozed ZLT S10,yes,Uncapped|Free router
"""
# A name there tells packages apart that differ in term or device only.
NAME_IN_BILLING = "Karoo Fibre 100, 12 months, Tozed ZLT S10 (consumer, DFA)"
KINDS = {"crm_product", "billing_product", "billing_plan", "billing_installation", "billing_hardware"}


@pytest.fixture
def zoho(sandbox, settings, transactional_db):
    for name, value in CREDENTIALS.items():
        setattr(settings, name, value)
    http = ZohoHttp(System.CRM)
    client = CrmClient(http)
    assert preparation.apply(client, "ct_", preparation.plan(client, "ct_")) == []
    http.close()
    return sandbox


@pytest.fixture
def people(transactional_db):
    for somebody in (ms_naidoo(), mr_botha()):
        somebody.set_password(PASSWORD)
        somebody.save()


def test_from_a_file_to_the_storefront(zoho, people, open_page, live_server, tmp_path):
    file = tmp_path / "karoo.csv"
    file.write_text(CSV)

    with worker():
        thandi = open_page("thandi.naidoo")
        thandi.goto("/admin/catalogue/product/import/")
        thandi.set_input_files("input[type=file]", file)
        thandi.get_by_role("button", name="Show what would be imported").click()
        thandi.get_by_text("Nothing is imported yet.").wait_for()
        assert not Product.objects.exists()
        thandi.get_by_role("button", name="Import", exact=True).click()
        # The job's page renews itself.
        thandi.get_by_text("Products imported: 1 new, 0 changed, 0 unchanged.").wait_for()
        thandi.goto("/admin/catalogue/product/")
        thandi.get_by_role("link", name="Karoo Fibre 100").click()
        do(thandi, "Submit for approval")

        pieter = open_page("pieter.botha")
        pieter.get_by_role("link", name=re.compile("Waiting for approval")).click()
        pieter.get_by_role("link", name="Karoo Fibre 100").click()
        do(pieter, "Approve")
        do(pieter, "Publish")
        in_step = pieter.locator("[data-zoho-state]", has_text="In step")
        in_step.nth(len(KINDS) - 1).wait_for()

    assert {
        badge.get_attribute("data-zoho-state") for badge in in_step.all()
    } == KINDS  # the page renewed itself: nobody reloaded it
    pieter.goto("/admin/catalogue/product/")
    row = pieter.locator("#result_list tbody tr")
    assert row.get_by_text("In step", exact=True).count() == 2
    assert Product.objects.get().status == ProductStatus.APPROVED

    found = httpx.get(f"{live_server.url}/api/v1/packages/KAROO-100/").json()
    assert (found["name"], found["price"]) == (
        "Karoo Fibre 100",
        {"including_vat": "1299.00", "vat": "169.43", "excluding_vat": "1129.57"},
    )
    plan = zoho.records("billing_plans")[0]
    assert (plan["name"], plan["recurring_price"], plan["status"]) == (NAME_IN_BILLING, 1299.0, "active")
    crm = zoho.records("crm_products")[0]
    assert (crm["ct_Package_Key"], crm["Unit_Price"], crm["Product_Active"]) == (
        plan["plan_code"],
        1299.0,
        True,
    )
    assert crm["Product_Name"].startswith("Karoo Fibre 100 12m Tozed ZLT S10")
    assert {addon["price_brackets"][0]["price"] for addon in zoho.records("billing_addons")} == {450.0, 0.0}


def do(page, deed):
    """Press a deed's button and confirm it in the dialog; done when the page has come back with its message."""
    page.locator("[hx-target='#modal-content']", has_text=deed).first.click()
    with page.expect_navigation():
        page.locator("#dialog button[type=submit]").click()
