"""The history of a package: what it said, from when to when, and how an earlier word is published again."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import DatabaseError, connection, transaction
from django.utils import timezone

from catalogue import ending, services, versions
from catalogue.content import product_content
from catalogue.models import PackageVersion, Product, ServicePackage
from circletel.core.errors import NotAllowed, Refused
from circletel.core.models import AuditEntry
from tests.factories import approved_product, live_package, mr_botha, ms_naidoo, person

pytestmark = pytest.mark.django_db


def republished(package, **values):
    """The package after an edit of its product, approved and published."""
    product = Product.objects.with_content().get(pk=package.source_admin_product_id)
    before = product_content(product)
    Product.objects.filter(pk=product.pk).update(**values)
    services.record_edit(product, actor=ms_naidoo(), before=before)
    services.submit(product.pk, actor=ms_naidoo())
    services.approve(product.pk, actor=mr_botha())
    services.publish(product.pk, actor=mr_botha())
    return ServicePackage.objects.get(pk=package.pk)


def told(package):
    return [
        (version.revision, version.version, version.deed, version.deed_by, version.recorded_to is None)
        for version in package.versions.order_by("revision")
    ]


def test_each_publish_that_changes_something_is_a_version():
    package = live_package(description="Fast")
    services.publish(package.source_admin_product_id, actor=mr_botha())
    republished(package, description="Faster")

    assert told(package) == [
        (1, 1, "published", "Pieter Botha", False),
        (2, 2, "updated", "Pieter Botha", True),
    ]
    first, second = package.versions.order_by("revision")
    assert first.recorded_to == second.recorded_from
    assert versions.compare(first, second) == {"description": ["Fast", "Faster"]}


def test_a_new_business_key_of_the_same_variant_archives_the_earlier_version_and_continues_its_history():
    old = live_package(sku="HF-1", name="Home Fibre 100")
    new = live_package(sku="HF-2", name="Home Fibre 100")

    old.refresh_from_db()
    assert (old.status, new.status, new.version) == ("archived", "active", 2)
    assert [(v.sku, v.deed) for v in PackageVersion.objects.filter(logical_key=new.logical_key)] == [
        ("HF-2", "published"),
        ("HF-1", "archived"),
        ("HF-1", "published"),
    ]
    assert {row.status for row in old.integrations.all()} == {"pending"}  # Zoho will hear that it is inactive


@pytest.mark.parametrize("term", [12, 24])
def test_another_term_is_another_variant(term):
    one = live_package(sku="HF-1", name="Home Fibre 100", contract_months=6)

    live_package(sku="HF-2", name="Home Fibre 100", contract_months=term)

    one.refresh_from_db()
    assert one.status == "active"


@pytest.mark.parametrize(
    "deed",
    [
        "UPDATE service_package_versions SET price = 1",
        "DELETE FROM service_package_versions",
        "UPDATE service_package_versions SET recorded_to = now(), name = 'x'",
    ],
)
def test_the_database_refuses_to_rewrite_history(deed):
    package = live_package()

    with (
        pytest.raises(DatabaseError, match="is history"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(deed)

    assert package.versions.count() == 1


def test_a_closed_version_cannot_be_opened_again():
    package = live_package()
    republished(package, description="x")

    with pytest.raises(DatabaseError, match="is history"), transaction.atomic():
        PackageVersion.objects.filter(revision=1).update(recorded_to=None)


def test_many_packages_are_recorded_in_as_many_statements_as_one(django_assert_num_queries):
    packages = [live_package() for _ in range(5)]
    for package in packages:
        package.price += 10

    with django_assert_num_queries(5):  # savepoint, read, close, open, release
        assert versions.record(packages, deed="price changed") == 5
    with django_assert_num_queries(3):
        assert versions.record(packages, deed="price changed") == 0


def test_an_earlier_version_is_published_again_as_a_new_one_and_the_price_stays():
    package = live_package(description="Fast", regular_price="899.00")
    package = republished(package, description="Faster", data_limit="500GB")
    ServicePackage.objects.filter(pk=package.pk).update(price=Decimal("950.00"))
    first = package.versions.get(revision=1)

    ending.publish_again(first.pk, actor=mr_botha(), reason="Customers were confused")

    package.refresh_from_db()
    assert (package.description, package.data_limit, package.price) == (
        "Fast",
        "Unlimited",
        Decimal("950.00"),
    )
    assert package.version == 3
    assert told(package)[-1] == (3, 3, "published again", "Pieter Botha", True)
    entry = AuditEntry.objects.get(action="published again")
    assert entry.detail == "revision 1: Customers were confused"
    assert entry.changes["description"] == ["Faster", "Fast"]
    assert {row.status for row in package.integrations.all()} == {"pending"}


def test_an_archived_package_comes_back_and_its_successor_is_archived():
    old = live_package(sku="HF-1", name="Home Fibre 100")
    new = live_package(sku="HF-2", name="Home Fibre 100")

    ending.publish_again(old.versions.get(revision=1).pk, actor=mr_botha(), reason="The new one fails")

    old.refresh_from_db()
    new.refresh_from_db()
    assert (old.status, old.version, new.status) == ("active", 3, "archived")


def test_what_is_live_already_is_not_published_again():
    package = live_package()

    with pytest.raises(Refused, match="says what is live already"):
        ending.publish_again(package.versions.get().pk, actor=mr_botha(), reason="x")

    assert package.versions.count() == 1


def test_rolling_back_needs_the_right_and_a_reason():
    package = republished(live_package(), description="x")
    first = package.versions.get(revision=1)

    with pytest.raises(NotAllowed):
        ending.publish_again(first.pk, actor=ms_naidoo(), reason="x")
    with pytest.raises(Refused, match="say why"):
        ending.publish_again(first.pk, actor=mr_botha(), reason=" ")


def on_sale_at(at):
    found = versions.on_sale_at(at, now=timezone.now())
    return sorted((package.sku, package.current_price, package.description) for package in found)


def test_what_was_on_sale_at_an_instant_is_told_as_it_was_then():
    before = timezone.now()
    package = live_package(sku="HF-1", description="Fast", regular_price="899.00")
    with_first = timezone.now()
    republished(package, description="Faster")
    with_second = timezone.now()
    later = with_second + timedelta(days=30)

    assert on_sale_at(before) == []
    assert on_sale_at(with_first) == [("HF-1", Decimal("899.00"), "Fast")]
    assert on_sale_at(with_second) == [("HF-1", Decimal("899.00"), "Faster")]
    assert on_sale_at(later) == [("HF-1", Decimal("899.00"), "Faster")]


def test_validity_acts_in_the_future_without_any_job():
    now = timezone.now()
    package = live_package(sku="SOON", valid_from=now + timedelta(days=2), valid_to=now + timedelta(days=5))

    assert not package.is_on_sale()
    assert [on_sale_at(now + timedelta(days=days)) != [] for days in (1, 3, 6)] == [False, True, False]


def test_end_of_sale_keeps_the_package_and_end_of_life_ends_it():
    package = live_package(sku="HF-1")
    now = timezone.now()

    ending.end_sale(package.pk, at=now + timedelta(days=10), actor=mr_botha())
    ending.end_life(package.pk, at=now + timedelta(days=40), actor=mr_botha())

    assert on_sale_at(now + timedelta(days=9)) != []
    assert on_sale_at(now + timedelta(days=11)) == []
    assert ending.archive_ended(now + timedelta(days=39)) == 0
    assert ending.archive_ended(now + timedelta(days=41)) == 1
    assert ending.archive_ended(now + timedelta(days=41)) == 0
    package.refresh_from_db()
    assert package.status == "archived"
    assert [deed for _r, _v, deed, _by, _now in told(package)] == [
        "published",
        "end of sale set",
        "end of life set",
        "archived",
    ]


def test_the_end_of_life_is_refused_while_subscriptions_are_known():
    from catalogue.signals import subscriptions_asked

    package = live_package(sku="HF-1")
    tomorrow = timezone.now() + timedelta(days=1)

    def three(**_):
        return 3

    subscriptions_asked.connect(three)
    try:
        with pytest.raises(Refused, match="3 subscriptions to it are known"):
            ending.end_life(package.pk, at=tomorrow, actor=mr_botha())
        package.refresh_from_db()
        assert package.end_of_life is None
        ending.end_life(package.pk, at=tomorrow, actor=mr_botha(), override_reason="Network switched off")
    finally:
        subscriptions_asked.disconnect(three)

    package.refresh_from_db()
    assert (package.end_of_life, package.end_of_sale) == (tomorrow, tomorrow)
    assert AuditEntry.objects.get(action="end of life set").detail == "Network switched off"


def test_the_two_ends_stay_in_order():
    package = live_package(sku="HF-1")
    now = timezone.now()
    ending.end_life(package.pk, at=now + timedelta(days=10), actor=mr_botha())

    with pytest.raises(Refused, match="must not lie after the end of life"):
        ending.end_sale(package.pk, at=now + timedelta(days=11), actor=mr_botha())
    with pytest.raises(Refused, match="take that back first"):
        ending.end_sale(package.pk, at=None, actor=mr_botha())
    ending.end_life(package.pk, at=None, actor=mr_botha())
    ending.end_sale(package.pk, at=None, actor=mr_botha())

    package.refresh_from_db()
    assert (package.end_of_sale, package.end_of_life) == (None, None)


def test_ending_needs_the_right():
    package = live_package()

    with pytest.raises(NotAllowed):
        ending.end_sale(package.pk, at=timezone.now(), actor=person("someone.else", "Product manager"))

    assert package.is_on_sale()


def test_a_publish_does_not_reopen_an_ended_sale():
    package = live_package(sku="HF-1")
    ending.end_sale(package.pk, at=timezone.now() - timedelta(seconds=1), actor=mr_botha())

    package = republished(package, description="Once more")

    assert package.description == "Once more"
    assert not package.is_on_sale()


def test_an_approved_product_is_no_version_until_it_is_published():
    approved_product()

    assert not PackageVersion.objects.exists()
