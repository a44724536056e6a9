"""Bundles on the page of a product."""

import re

import pytest
from django.urls import reverse

from catalogue import services
from catalogue.models import BundleComponent
from circletel.core.models import AuditEntry
from tests.catalogue.admin.conftest import texts
from tests.catalogue.admin.test_products import CONFIRMED, deed_of, edit, page_of
from tests.factories import draft_product, live_package, mr_botha, ms_naidoo

pytestmark = pytest.mark.django_db


@pytest.fixture
def bundle():
    fibre = live_package(name="Home Fibre 100", sku="FIBRE", regular_price="799.00")
    product = draft_product(name="Home and Voice", sku="BUNDLE-1", regular_price="1500.00")
    BundleComponent.objects.create(product=product, component=fibre.source_admin_product, quantity=2)
    return product


def on_sale(product):
    services.submit(product.pk, actor=ms_naidoo())
    services.approve(product.pk, actor=mr_botha())
    return services.publish(product.pk, actor=mr_botha()).package


def said(response, mark):
    found = re.search(rf"<p[^>]*{mark}[^>]*>(.*?)</p>", response.content.decode(), re.DOTALL)
    return " ".join(re.sub("<[^>]+>", "", found[1]).split()) if found else None


def test_a_bundle_shows_what_it_is_made_of_and_saves(as_role, bundle):
    response = as_role("Product manager").get(page_of(bundle))

    assert said(response, "data-bundle") == (
        "A bundle of 2 × Home Fibre 100 (FIBRE). One by one they cost R 1 598,00 a month; the bundle saves R 98,00."
    )
    assert said(response, "data-bundled-in") is None


def test_a_component_names_the_bundles_it_is_part_of(as_role, bundle):
    component = bundle.components.get().component

    response = as_role("Auditor").get(page_of(component))

    assert said(response, "data-bundled-in") == (
        "Part of Home and Voice (BUNDLE-1). Publishing a change here changes what it saves."
    )
    assert page_of(bundle) in response.content.decode()
    assert said(response, "data-bundle(?!d)") is None


def test_savings_of_a_bundle_with_an_unpublished_component_are_not_guessed(as_role, bundle):
    BundleComponent.objects.create(product=bundle, component=draft_product(name="Voice", sku="VOICE"))

    response = as_role("Product manager").get(page_of(bundle))

    assert said(response, "data-bundle").endswith("One by one they cost — a month; the bundle saves —.")
    assert "Voice (VOICE) is not published" in response.content.decode()


def test_a_component_is_added_on_the_page_and_written_down(as_role, bundle):
    voice = live_package(name="Voice Line", sku="VOICE").source_admin_product

    edit(
        as_role("Product manager"),
        bundle,
        **{
            "components-TOTAL_FORMS": "2",
            "components-1-component": str(voice.pk),
            "components-1-quantity": "3",
            "components-1-product": str(bundle.pk),
        },
    )

    assert bundle.components.get(component=voice).quantity == 3
    before, after = AuditEntry.objects.get(action="edited").changes["components"]
    assert [one["sku"] for one in before] == ["FIBRE"]
    assert [(one["sku"], one["quantity"]) for one in after] == [("FIBRE", 2), ("VOICE", 3)]


def test_a_bundle_within_a_bundle_is_refused_on_the_page(as_role, bundle):
    client = as_role("Product manager")
    other = draft_product(sku="OTHER")

    with pytest.raises(AssertionError, match="This is a bundle itself: choose its components instead"):
        edit(
            client,
            other,
            **{
                "components-TOTAL_FORMS": "1",
                "components-0-component": str(bundle.pk),
                "components-0-quantity": "1",
                "components-0-product": str(other.pk),
            },
        )

    assert not other.components.exists()


def test_the_page_of_a_package_shows_the_bundle(as_role, bundle):
    package = on_sale(bundle)

    response = as_role("Auditor").get(reverse("admin:catalogue_servicepackage_change", args=[package.pk]))

    html = response.content.decode().replace("\u00a0", " ")
    assert "2 × Home Fibre 100 (FIBRE), R 799,00 each; R 1 598,00 one by one, R 98,00 saved" in html


def test_publishing_a_component_says_which_bundles_it_touches(as_role, bundle):
    on_sale(bundle)
    component = bundle.components.get().component
    edit(as_role("Product manager"), component, name="Home Fibre 100 Plus")
    services.submit(component.pk, actor=ms_naidoo())
    services.approve(component.pk, actor=mr_botha())

    response = as_role("Publisher").post(deed_of(component, "publish_one"), CONFIRMED, follow=True)

    assert texts(response) == [
        "Home Fibre 100 Plus (FIBRE) updated; it is part of Home and Voice (BUNDLE-1), whose savings follow its price."
    ]
