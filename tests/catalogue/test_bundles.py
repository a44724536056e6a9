"""A bundle is made of products on sale, and what it saves is always true."""

from decimal import Decimal

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from catalogue import services
from catalogue.bundles import live_bundles_with
from catalogue.content import fingerprint, product_content
from catalogue.models import (
    BundleComponent,
    PackageStatus,
    Product,
    ProductAddOn,
    ProductPricing,
    ServicePackage,
)
from catalogue.readiness import publishing_problems
from catalogue.signals import package_changed
from circletel.core.errors import NotReady
from circletel.core.models import AuditEntry
from tests.factories import approved_product, draft_product, live_package, mr_botha, ms_naidoo

pytestmark = pytest.mark.django_db


def read(product):
    return Product.objects.with_content().get(pk=product.pk)


def bundle_of(*components, **values):
    """A draft bundle of (package, quantity) at R 900 unless told otherwise."""
    product = draft_product(
        **{"name": "Home and Voice", "sku": "BUNDLE-1", "regular_price": "900.00"} | values
    )
    for package, quantity in components:
        BundleComponent.objects.create(
            product=product, component=package.source_admin_product, quantity=quantity
        )
    return read(product)


def go_live(product):
    services.submit(product.pk, actor=ms_naidoo())
    services.approve(product.pk, actor=mr_botha())
    return services.publish(product.pk, actor=mr_botha())


@pytest.fixture
def fibre():
    return live_package(name="Home Fibre 100", sku="FIBRE", regular_price="799.00")


@pytest.fixture
def voice():
    return live_package(name="Voice Line", sku="VOICE", regular_price="99.00")


def edit(package, **values):
    """Ms Naidoo changes the product of a live package, and Mr Botha publishes it again."""
    product = package.source_admin_product
    before = product_content(read(product))
    Product.objects.filter(pk=product.pk).update(**values)
    services.record_edit(product, actor=ms_naidoo(), before=before)
    return go_live(product)


def test_a_bundle_carries_its_components_and_what_it_saves(fibre, voice):
    package = go_live(bundle_of((fibre, 1), (voice, 2))).package

    assert package.components == [
        {
            "package": str(fibre.pk),
            "sku": "FIBRE",
            "name": "Home Fibre 100",
            "quantity": 1,
            "price": "799.00",
        },
        {"package": str(voice.pk), "sku": "VOICE", "name": "Voice Line", "quantity": 2, "price": "99.00"},
    ]
    assert (package.separate_price, package.savings) == (Decimal("997.00"), Decimal("97.00"))


def test_what_is_no_bundle_has_no_savings(fibre):
    assert (fibre.components, fibre.separate_price, fibre.savings) == ([], None, None)


def test_components_are_signed_but_their_prices_are_not(fibre, voice):
    bundle = bundle_of((fibre, 1), (voice, 2))
    signed = fingerprint(bundle)

    ProductPricing.objects.filter(product=fibre.source_admin_product).update(regular_price="749.00")
    assert fingerprint(read(bundle)) == signed
    BundleComponent.objects.filter(component=voice.source_admin_product).update(quantity=3)
    assert fingerprint(read(bundle)) != signed
    assert product_content(bundle)["components"] == [
        {"sku": "FIBRE", "market_segment": "consumer", "provider": "DFA", "quantity": 1},
        {"sku": "VOICE", "market_segment": "consumer", "provider": "DFA", "quantity": 2},
    ]


def test_a_bundle_needs_components_on_sale(fibre):
    unpublished = draft_product(name="Voice Line", sku="VOICE")
    bundle = bundle_of((fibre, 1))
    BundleComponent.objects.create(product=bundle, component=unpublished)

    problems = [str(problem) for problem in publishing_problems(read(bundle))]

    assert problems == [
        "components: Voice Line (VOICE) is not published: a bundle is made of what is on sale"
    ]
    with pytest.raises(NotReady):
        services.submit(bundle.pk, actor=ms_naidoo())


@pytest.mark.parametrize(("price", "is_ready"), [("898.00", True), ("898.01", False)])
def test_a_bundle_does_not_cost_more_than_its_components(fibre, voice, price, is_ready):
    bundle = bundle_of((fibre, 1), (voice, 1), regular_price=price)

    problems = [str(problem) for problem in publishing_problems(bundle)]

    said = "components: cost R\u00a0898,00 a month separately, less than the bundle's R\u00a0898,01"
    assert problems == ([] if is_ready else [said])


def test_readiness_of_a_product_that_is_no_bundle_asks_nothing_more(django_assert_num_queries):
    product = draft_product()
    product = read(product)

    with django_assert_num_queries(1):  # the VAT rate
        publishing_problems(product)


def test_bundles_hold_no_bundles(fibre, voice):
    bundle, other = bundle_of((fibre, 1)), draft_product(sku="OTHER")

    with pytest.raises(ValidationError, match="This is a bundle itself"):
        BundleComponent(product=other, component=bundle).full_clean()
    with pytest.raises(ValidationError, match=r"is part of Home and Voice \(BUNDLE-1\)"):
        BundleComponent(product=fibre.source_admin_product, component=voice.source_admin_product).full_clean()


@pytest.mark.parametrize("quantity", [0, 1])
def test_the_database_holds_what_a_component_is(fibre, quantity):
    bundle = bundle_of((fibre, 1))
    component = bundle if quantity else draft_product()

    with pytest.raises(IntegrityError), transaction.atomic():
        BundleComponent.objects.create(product=bundle, component=component, quantity=quantity)
    with pytest.raises(IntegrityError), transaction.atomic():
        BundleComponent.objects.create(product=bundle, component=fibre.source_admin_product)


def test_publishing_a_component_names_the_bundles_it_touches_and_they_follow(fibre, voice):
    package = go_live(bundle_of((fibre, 1), (voice, 2))).package

    outcome = edit(fibre, name="Home Fibre 100 Plus")

    assert outcome.bundles == ("Home and Voice (BUNDLE-1)",)
    assert str(outcome) == (
        "Home Fibre 100 Plus (FIBRE) updated;"
        " it is part of Home and Voice (BUNDLE-1), whose savings follow its price"
    )
    package.refresh_from_db()
    assert [one["name"] for one in package.components] == ["Home Fibre 100 Plus", "Voice Line"]
    assert package.version == 2
    entry = AuditEntry.objects.get(action="component changed")
    assert (entry.target_id, entry.detail) == (
        str(package.pk),
        "its component Home Fibre 100 Plus (FIBRE) changed",
    )


def test_savings_follow_a_price_that_moves(fibre, voice):
    package = go_live(bundle_of((fibre, 1), (voice, 2))).package
    heard = []
    package_changed.connect(lambda package, **_: heard.append(package.sku), weak=False, dispatch_uid="test")
    voice.new_customer_price = Decimal("120.00")
    voice.save()

    package_changed.send(ServicePackage, package=voice)

    package_changed.disconnect(dispatch_uid="test")
    package.refresh_from_db()
    assert package.savings == Decimal("139.00")
    assert sorted(heard) == ["BUNDLE-1", "VOICE"]


def test_savings_never_fall_below_nothing(fibre, voice):
    package = go_live(bundle_of((fibre, 1), (voice, 2))).package
    fibre.price = Decimal("100.00")
    fibre.save()

    package_changed.send(ServicePackage, package=fibre)

    package.refresh_from_db()
    assert (package.separate_price, package.savings) == (Decimal("298.00"), Decimal("0.00"))


def test_a_component_that_changes_nothing_a_bundle_says_leaves_it_alone(fibre, voice):
    package = go_live(bundle_of((fibre, 1), (voice, 2))).package
    before = ServicePackage.objects.filter(pk=package.pk).values().get()

    edit(fibre, description="Faster.")

    assert ServicePackage.objects.filter(pk=package.pk).values().get() == before
    assert not AuditEntry.objects.filter(action="component changed").exists()


def test_an_archived_bundle_does_not_follow(fibre):
    package = go_live(bundle_of((fibre, 2))).package
    ServicePackage.objects.filter(pk=package.pk).update(status=PackageStatus.ARCHIVED)

    outcome = edit(fibre, name="Home Fibre 100 Plus")

    package.refresh_from_db()
    assert package.components[0]["name"] == "Home Fibre 100"
    assert outcome.bundles == ()


def test_a_successor_of_a_component_names_the_bundles_left_with_the_old_one(fibre, voice):
    go_live(bundle_of((fibre, 1), (voice, 2)))

    outcome = go_live(draft_product(name="Home Fibre 100", sku="FIBRE-2"))

    assert [package.sku for package in outcome.archived] == ["FIBRE"]
    assert outcome.stranded_bundles == ("Home and Voice (BUNDLE-1)",)
    assert str(outcome).endswith(
        "the archived version is a component of Home and Voice (BUNDLE-1): choose its successor there"
    )


def test_publishing_a_bundle_again_changes_nothing(fibre, voice):
    bundle = bundle_of((fibre, 1), (voice, 2))
    go_live(bundle)

    assert services.publish(bundle.pk, actor=mr_botha()).changes == {}


def test_only_bundles_are_found(fibre, voice):
    package = go_live(bundle_of((fibre, 2))).package

    assert list(live_bundles_with([fibre])) == [package]
    assert list(live_bundles_with([fibre, voice])) == [package]
    assert not live_bundles_with([voice]).exists()
    assert not live_bundles_with([]).exists()


@pytest.mark.parametrize(
    ("categories", "problem"),
    [
        ([], None),
        (["Home_Fibre", "lte"], None),
        (["voice"], None),
        (["lte"], "add_ons: Static IP goes with lte, and not with home_fibre, voice"),
    ],
)
def test_an_add_on_goes_with_the_categories_it_names(fibre, categories, problem):
    line = live_package(name="Voice Line", sku="VOICE", category="voice")
    bundle = bundle_of((fibre, 1), (line, 1))
    ProductAddOn.objects.create(product=bundle, name="Static IP", price="99.00", categories=categories)

    assert [str(one) for one in publishing_problems(read(bundle))] == ([problem] if problem else [])


def test_categories_of_an_add_on_are_signed_and_carried():
    product = approved_product()
    signed = fingerprint(product)
    add_on = ProductAddOn.objects.create(product=product, name="Static IP", price="99.00")
    without = product_content(read(product))["add_ons"]
    ProductAddOn.objects.filter(pk=add_on.pk).update(categories=["home_fibre"])

    assert without == [{"name": "Static IP", "price": "99.00", "recurring": True}]
    assert product_content(read(product))["add_ons"] == [without[0] | {"categories": ["home_fibre"]}]
    assert fingerprint(read(product)) != signed


def test_the_storefront_shows_components_and_savings(client, fibre, voice):
    package = go_live(bundle_of((fibre, 1), (voice, 2))).package

    answer = client.get(f"/api/v1/packages/{package.slug}/").json()

    assert answer["bundle"] == {
        "components": [
            {
                "sku": "FIBRE",
                "name": "Home Fibre 100",
                "quantity": 1,
                "price": {"including_vat": "799.00", "vat": "104.22", "excluding_vat": "694.78"},
            },
            {
                "sku": "VOICE",
                "name": "Voice Line",
                "quantity": 2,
                "price": {"including_vat": "99.00", "vat": "12.91", "excluding_vat": "86.09"},
            },
        ],
        "separate_price": {"including_vat": "997.00", "vat": "130.04", "excluding_vat": "866.96"},
        "savings": {"including_vat": "97.00", "vat": "12.65", "excluding_vat": "84.35"},
    }
    assert client.get(f"/api/v1/packages/{fibre.slug}/").json()["bundle"] is None
