"""Discounted installation, installation days, zones, featured and popular: from the product to every window."""

from decimal import Decimal

import pytest
from django.db import IntegrityError, transaction

from catalogue import content, services
from catalogue.models import PackageVersion, Product, ProductPricing, ServicePackage
from catalogue.product_import.apply import import_products
from catalogue.product_import.parsing import parse
from tests.factories import approved_product, draft_product, live_package, mr_botha, ms_naidoo
from zoho_sync.desired import current_terms, desired_records
from zoho_sync.models import Kind

pytestmark = pytest.mark.django_db
SAID = {
    "installation_days": 7,
    "zones": ["Cape Town", "Paarl"],
    "featured": True,
    "popular": True,
    "installation_fee": Decimal("900.00"),
    "discounted_installation_fee": Decimal("450.00"),
}


def bracket(package):
    [record] = desired_records(package, current_terms(), [Kind.BILLING_INSTALLATION])
    return record.payload["price_brackets"]


def test_a_publish_carries_them_to_the_package_and_its_version():
    package = live_package(**SAID)

    stored = ServicePackage.objects.get()
    version = PackageVersion.objects.get()
    assert {name: getattr(stored, name) for name in SAID} == SAID
    assert {name: getattr(version, name) for name in SAID} == SAID
    assert package.charged_installation_fee == Decimal("450.00")


def test_customers_are_billed_the_discounted_fee_and_see_both(client):
    package = live_package(**SAID)

    assert bracket(package) == [{"price": "450.00"}]
    shown = client.get(f"/api/v1/packages/{package.slug}/").json()
    assert shown["installation_fee"]["including_vat"] == "900.00"
    assert shown["discounted_installation_fee"]["including_vat"] == "450.00"
    assert (shown["installation_days"], shown["zones"]) == (7, ["Cape Town", "Paarl"])


@pytest.mark.parametrize(("fee", "discounted"), [("900.00", "0.00"), ("900.00", "900.00"), ("0.00", "0.00")])
def test_a_discounted_fee_may_be_free_and_as_high_as_the_fee(fee, discounted):
    package = live_package(installation_fee=Decimal(fee), discounted_installation_fee=Decimal(discounted))

    assert bracket(package) == [{"price": discounted}]


@pytest.mark.parametrize(("fee", "discounted"), [("900.00", "900.01"), (None, "0.00"), ("900.00", "-0.01")])
def test_the_database_refuses_a_discounted_fee_above_the_fee_on_products_and_packages(fee, discounted):
    product, package = draft_product(), live_package()
    values = {
        "installation_fee": fee and Decimal(fee),
        "discounted_installation_fee": Decimal(discounted),
    }
    for rows in (
        ProductPricing.objects.filter(pk=product.pk),
        ServicePackage.objects.filter(pk=package.pk),
    ):
        with pytest.raises(IntegrityError), transaction.atomic():
            rows.update(**values)


def test_an_approval_signs_them():
    product = approved_product()

    assert content.fingerprint(product) == product.approved_fingerprint
    Product.objects.filter(pk=product.pk).update(featured=True)
    assert content.fingerprint(Product.objects.with_content().get()) != product.approved_fingerprint


def test_a_file_fills_them_empties_them_and_leaves_alone_what_it_does_not_speak_of():
    product = draft_product(sku="HF-1", **SAID)
    head = "sku,name,service_type,product_category,market_segment,provider,price_incl_vat,contract_months"
    row = f"HF-1,{product.name},HomeFibre,home_fibre,consumer,DFA,799,12"

    def imported(columns="", cells=""):
        return str(import_products(parse(f"{head}{columns}\n{row}{cells}".encode()), actor=ms_naidoo()))

    assert imported() == "0 new, 0 changed, 1 unchanged"
    assert imported(",zones,popular", ",Paarl | George,no") == "0 new, 1 changed, 0 unchanged"
    product.refresh_from_db()
    assert (product.zones, product.popular, product.featured) == (["Paarl", "George"], False, True)
    assert imported(",zones,discounted_setup_fee,installation_days", ",,,") == "0 new, 1 changed, 0 unchanged"
    product = Product.objects.with_content().get()
    assert (product.zones, product.installation_days) == ([], None)
    assert product.pricing.discounted_installation_fee is None
    assert product.pricing.installation_fee == Decimal("900.00")


def test_tmf620_shows_the_charged_fee_and_the_facts_of_the_installation(client):
    package = live_package(**SAID)
    root = "/tmf-api/productCatalogManagement/v4"

    price = client.get(f"{root}/productOfferingPrice/{package.pk}-installation").json()
    spec = client.get(f"{root}/productSpecification/{package.pk}").json()
    found = client.get(f"{root}/productOfferingPrice?price.value=450").json()

    assert price["price"] == {"unit": "ZAR", "value": 450.0}
    assert [each["id"] for each in found] == [f"{package.pk}-installation"]
    told = {
        each["name"]: [value["value"] for value in each["productSpecCharacteristicValue"]]
        for each in spec["productSpecCharacteristic"]
    }
    assert (told["installationDays"], told["zone"]) == ([7], ["Cape Town", "Paarl"])


def test_what_zoho_charges_taken_over_is_written_where_it_is_charged_from():
    product = draft_product(**SAID)
    product.pricing.charged_installation_fee = Decimal("500.00")
    assert (product.pricing.installation_fee, product.pricing.discounted_installation_fee) == (
        Decimal("900.00"),
        Decimal("500.00"),
    )
    plain = draft_product(installation_fee=Decimal("900.00"))
    plain.pricing.charged_installation_fee = Decimal("500.00")
    assert (plain.pricing.installation_fee, plain.pricing.discounted_installation_fee) == (
        Decimal("500.00"),
        None,
    )


def test_an_edit_of_one_of_them_voids_the_approval():
    product = approved_product()
    before = content.product_content(product)
    product.popular = True
    product.save()

    assert services.record_edit(product, actor=mr_botha(), before=before)
    assert Product.objects.get().status == "draft"
