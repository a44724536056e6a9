"""From draft to live package: who may do what, when, and what is written down."""

from decimal import Decimal

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction

from catalogue import services
from catalogue.actions import PUBLISH
from catalogue.content import whole_content
from catalogue.models import PackageStatus, Product, ProductHardware, ProductStatus, ServicePackage
from circletel.core.actions import perform
from circletel.core.errors import ContentChanged, NotAllowed, NotReady, Refused, WrongStatus
from circletel.core.models import AuditEntry
from circletel.core.origin import Origin, acting_from
from tests.factories import approved_product, draft_product, live_package, mr_botha, ms_naidoo, person

pytestmark = pytest.mark.django_db


def status_of(product):
    return Product.objects.get(pk=product.pk).status


def edit(product, **values):
    """An edit as the admin makes it; True when it voided an approval."""
    before = whole_content(Product.objects.with_content().get(pk=product.pk))
    Product.objects.filter(pk=product.pk).update(**values)
    return services.record_edit(product, actor=ms_naidoo(), before=before)


def test_a_product_goes_from_draft_to_pending_to_approved_to_a_live_package():
    product = draft_product(name="Home Fibre 100", sku="HF-100", regular_price="899.00")

    services.submit(product.pk, actor=ms_naidoo())
    assert status_of(product) == ProductStatus.PENDING
    services.approve(product.pk, actor=mr_botha())
    assert status_of(product) == ProductStatus.APPROVED
    outcome = services.publish(product.pk, actor=mr_botha())

    package = ServicePackage.objects.get()
    assert (outcome.created, package.sku, package.price, package.status) == (
        True,
        "HF-100",
        Decimal("899.00"),
        "active",
    )
    assert package.source_admin_product_id == product.pk
    assert package.is_on_sale()
    assert str(outcome) == "Home Fibre 100 (HF-100) published"


@pytest.mark.parametrize("deed", [services.approve, services.publish])
def test_a_draft_can_be_neither_approved_nor_published(deed):
    product = draft_product()

    with pytest.raises(WrongStatus):
        deed(product.pk, actor=mr_botha())

    assert status_of(product) == ProductStatus.DRAFT
    assert not ServicePackage.objects.exists()


def test_nobody_approves_what_they_made_or_last_changed():
    both = person("zola.dube", "Product manager", "Approver")
    made = draft_product(author=both)
    changed = draft_product()
    Product.objects.filter(pk=changed.pk).update(changed_by=both)
    for product in (made, changed):
        services.submit(product.pk, actor=ms_naidoo())

        with pytest.raises(NotAllowed, match="someone else must approve it"):
            services.approve(product.pk, actor=both)

        assert status_of(product) == ProductStatus.PENDING


def test_even_a_superuser_does_not_approve_their_own_work(django_user_model):
    root = django_user_model.objects.create_superuser("root.user")
    product = draft_product(author=root)
    services.submit(product.pk, actor=root)

    with pytest.raises(NotAllowed):
        services.approve(product.pk, actor=root)


def test_the_database_itself_refuses_an_approval_by_the_author():
    product = draft_product()

    with pytest.raises(IntegrityError), transaction.atomic():
        Product.objects.filter(pk=product.pk).update(approved_by=ms_naidoo())


@pytest.mark.parametrize(
    ("deed", "right"), [("submit", "Product manager"), ("approve", "Approver"), ("publish", "Publisher")]
)
def test_each_deed_needs_its_right(deed, right):
    product = {"submit": draft_product, "approve": draft_product, "publish": approved_product}[deed]()
    stranger = person(f"no.{deed}")

    with pytest.raises(NotAllowed, match=f"No {deed.title()} may not"):
        getattr(services, deed)(product.pk, actor=stranger)


def test_a_rejection_needs_a_reason_and_goes_back_to_its_author():
    product = draft_product()
    services.submit(product.pk, actor=ms_naidoo())
    with pytest.raises(Refused, match="say why"):
        services.reject(product.pk, actor=mr_botha(), reason="  ")

    services.reject(product.pk, actor=mr_botha(), reason="The upload speed is wrong.")

    product.refresh_from_db()
    assert (product.status, product.rejection_reason) == (ProductStatus.DRAFT, "The upload speed is wrong.")


def test_an_incomplete_product_is_refused_with_every_reason_at_once():
    product = draft_product(regular_price="0.00", hardware={"model": "Router", "included": False})
    Product.objects.filter(pk=product.pk).update(category="", provider="")

    with pytest.raises(NotReady) as refusal:
        services.submit(product.pk, actor=ms_naidoo())

    assert [reason.split(": ", 1)[1] for reason in refusal.value.reasons] == [
        "category: This field cannot be blank.",
        "provider: This field cannot be blank.",
        "pricing.regular_price: is 0; a product on sale has a price",
        "hardware.retail_value: is missing: hardware that is not included needs a price",
    ]


def test_a_product_without_speeds_and_without_installation_is_complete():
    product = draft_product(speed_down_mbps=None, speed_up_mbps=None, technology="", installation_fee=None)

    assert services.submit(product.pk, actor=ms_naidoo()).status == ProductStatus.PENDING


def test_an_edit_of_substance_voids_the_approval_and_says_so():
    product = approved_product()

    assert edit(product, speed_up_mbps=75) is True

    product.refresh_from_db()
    assert (product.status, product.approved_by, product.version) == (ProductStatus.DRAFT, None, 2)
    entry = AuditEntry.objects.get(action="edited")
    assert entry.changes == {"speed_up_mbps": [50, 75], "status": ["approved", "draft"]}
    assert entry.detail == "approval voided"


def test_an_edit_of_notes_alone_leaves_the_approval():
    product = approved_product()

    assert edit(product, internal_notes="Ask the supplier about stock") is False

    assert status_of(product) == ProductStatus.APPROVED
    entry = AuditEntry.objects.get(action="edited")
    assert (entry.actor_name, entry.changes) == (
        "Thandi Naidoo",
        {"internal_notes": ["", "Ask the supplier about stock"]},
    )
    services.publish(product.pk, actor=mr_botha())


def test_that_a_cost_changed_is_audited_and_not_what_it_is():
    product = approved_product(hardware={"model": "AX1", "included": True, "dealer_cost": Decimal("4739.27")})
    before = whole_content(Product.objects.with_content().get(pk=product.pk))
    ProductHardware.objects.filter(product=product).update(dealer_cost=Decimal("4800.13"))

    assert services.record_edit(product, actor=ms_naidoo(), before=before) is False

    assert status_of(product) == ProductStatus.APPROVED
    assert AuditEntry.objects.get(action="edited").changes == {"hardware.dealer_cost": ["hidden", "changed"]}
    everything = "".join(str(vars(entry)) for entry in AuditEntry.objects.all())
    assert "4739.27" not in everything
    assert "4800.13" not in everything


def test_content_changed_behind_the_approval_is_not_published():
    product = approved_product()
    Product.objects.filter(pk=product.pk).update(name="Something nobody approved")

    with pytest.raises(ContentChanged, match="not what was approved"):
        services.publish(product.pk, actor=mr_botha())

    assert not ServicePackage.objects.exists()


def test_publishing_again_without_a_change_changes_nothing():
    package = live_package()
    before = ServicePackage.objects.values().get()

    outcome = services.publish(package.source_admin_product_id, actor=mr_botha())

    assert (outcome.created, outcome.changes) == (False, {})
    assert ServicePackage.objects.values().get() == before


def test_an_edited_product_updates_its_live_package_but_not_its_price():
    package = live_package(regular_price="799.00")
    product = Product.objects.get(pk=package.source_admin_product_id)
    edit(product, description="New words")
    product.pricing.regular_price = Decimal("999.00")
    product.pricing.save()
    product.refresh_from_db()
    services.submit(product.pk, actor=ms_naidoo())
    services.approve(product.pk, actor=mr_botha())

    outcome = services.publish(product.pk, actor=mr_botha())

    package.refresh_from_db()
    assert (package.description, package.price, package.version) == ("New words", Decimal("799.00"), 2)
    assert outcome.price_waiting == Decimal("999.00")
    assert "a draft price change to R\u00a0999,00 waits for a pricing manager" in str(outcome)


def test_a_new_sku_of_the_same_variant_archives_the_earlier_version_and_keeps_it():
    old = live_package(name="Home Fibre 100", sku="OLD")

    new = live_package(name="home  FIBRE 100", sku="NEW")

    old.refresh_from_db()
    assert (old.status, new.status, new.version) == (PackageStatus.ARCHIVED, PackageStatus.ACTIVE, 2)


@pytest.mark.parametrize(
    "difference",
    [
        {"contract_months": 24},
        {"hardware": {"model": "Other", "included": True}},
        {"market_segment": "business"},
        {"provider": "MTN"},
        {"name": "Home Fibre 200"},
    ],
)
def test_variants_that_differ_in_one_thing_leave_each_other_alone(difference):
    first = live_package(name="Home Fibre 100", sku="FIRST")

    live_package(**{"name": "Home Fibre 100", "sku": "SECOND"} | difference)

    first.refresh_from_db()
    assert first.status == PackageStatus.ACTIVE


def test_the_same_sku_in_another_segment_or_from_another_provider_is_another_package():
    for segment, provider in (("consumer", "DFA"), ("business", "DFA"), ("consumer", "MTN")):
        live_package(sku="SAME", market_segment=segment, provider=provider)

    assert ServicePackage.objects.filter(sku="SAME", status="active").count() == 3


def test_the_business_key_is_unique_without_regard_to_case():
    draft_product(sku="HF-100")

    with pytest.raises(IntegrityError), transaction.atomic():
        draft_product(sku="hf-100")


def test_what_a_device_costs_us_reaches_no_package():
    package = live_package(
        hardware={
            "model": "R",
            "included": False,
            "retail_value": Decimal("900.00"),
            "dealer_cost": Decimal("123.45"),
        }
    )

    assert package.hardware_price == Decimal("900.00")
    assert "123.45" not in str(ServicePackage.objects.values().get())


def test_every_deed_is_in_the_audit_trail_with_who_and_from_where():
    product = draft_product()
    origin = Origin(correlation_id="c" * 32, address="10.1.2.3", user_agent="Firefox")
    author, approver = ms_naidoo(), mr_botha()
    with acting_from(origin):
        services.submit(product.pk, actor=author)
        services.approve(product.pk, actor=approver)
        services.publish(product.pk, actor=approver)

    entries = AuditEntry.objects.order_by("at")
    assert [(entry.action, entry.actor_name, entry.actor_email) for entry in entries] == [
        ("submitted", "Thandi Naidoo", "thandi.naidoo@example.com"),
        ("approved", "Pieter Botha", "pieter.botha@example.com"),
        ("pricing approved", "Pieter Botha", "pieter.botha@example.com"),
        ("published", "Pieter Botha", "pieter.botha@example.com"),
    ]
    assert {(entry.address, entry.user_agent, entry.correlation_id) for entry in entries} == {
        ("10.1.2.3", "Firefox", "c" * 32)
    }
    assert entries[1].changes == {"status": ["pending", "approved"]}


def test_pricing_is_approved_in_its_own_right():
    product = draft_product(regular_price="899.00")
    approver, pricing_manager = person("anna.approver", "Approver"), person("paul.pricing", "Pricing manager")
    services.submit(product.pk, actor=ms_naidoo())
    services.approve(product.pk, actor=approver)

    with pytest.raises(NotReady, match="its pricing is not approved yet"):
        services.publish(product.pk, actor=mr_botha())
    with pytest.raises(NotAllowed):
        services.approve_pricing(product.pk, actor=approver)
    services.approve_pricing(product.pk, actor=pricing_manager)
    package = services.publish(product.pk, actor=mr_botha()).package

    assert package.price == Decimal("899.00")
    entry = AuditEntry.objects.get(action="pricing approved")
    assert (entry.actor_name, entry.changes) == (
        "Paul Pricing",
        {"pricing.regular_price": [None, "899.00"]},
    )


def test_an_edit_of_something_else_leaves_the_approval_of_the_pricing_standing():
    product = approved_product()

    edit(product, description="Faster than ever")

    product = Product.objects.get(pk=product.pk)
    assert (product.status, product.pricing.approved_by) == (ProductStatus.DRAFT, mr_botha())


def test_nobody_approves_the_pricing_of_what_they_made():
    author = person("una.unsure", "Product manager", "Pricing manager")
    product = draft_product(author=author)
    services.submit(product.pk, actor=author)

    with pytest.raises(NotAllowed, match="someone else must approve its pricing"):
        services.approve_pricing(product.pk, actor=author)

    assert Product.objects.get(pk=product.pk).pricing.approved_by is None


def test_a_product_is_archived_with_a_reason_and_its_key_is_free_again():
    product = draft_product(sku="OLD-1")

    with pytest.raises(Refused, match="say why it is archived"):
        services.archive(product.pk, actor=ms_naidoo(), reason=" ")
    services.archive(product.pk, actor=ms_naidoo(), reason="Never sold")

    assert status_of(product) == ProductStatus.ARCHIVED
    assert draft_product(sku="OLD-1").pk != product.pk
    with pytest.raises(WrongStatus):
        services.submit(product.pk, actor=ms_naidoo())


def test_a_product_whose_package_is_active_is_not_archived():
    package = live_package(sku="HF-1")

    with pytest.raises(Refused, match="HF-1 is active still"):
        services.archive(package.source_admin_product_id, actor=ms_naidoo(), reason="Tired of it")

    assert status_of(package.source_admin_product) == ProductStatus.APPROVED


def test_a_refused_attempt_is_written_down_too():
    product = draft_product()

    with pytest.raises(WrongStatus) as refusal:
        perform(PUBLISH, product.pk, actor=mr_botha())

    entry = AuditEntry.objects.get()
    assert (entry.action, entry.result, entry.detail) == ("publish", "refused", str(refusal.value))
    assert entry.target_id == str(product.pk)


@pytest.mark.parametrize(
    "deed", ["UPDATE audit_entries SET detail = 'nothing happened'", "DELETE FROM audit_entries"]
)
def test_the_database_refuses_to_rewrite_the_audit_trail(deed):
    services.submit(draft_product().pk, actor=ms_naidoo())

    with (
        pytest.raises(DatabaseError, match="append-only"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(deed)

    assert AuditEntry.objects.count() == 1
