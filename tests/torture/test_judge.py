"""The judge of `make torture` is judged: planted damage is found, and a sound house is left alone."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from catalogue import batches
from catalogue.models import BatchItem, Product, ServicePackage
from pricing import services as pricing
from pricing.models import PriceChange
from pricing.services import Wish
from tests.factories import approved_product, live_package, mr_botha, person
from torture import faults
from torture.judge import STORES, judge, judge_answers, judge_deeds, judge_prices
from torture.records import Deed, Fault, Outcome, Records, Request
from zoho_sync.models import Kind, ProductIntegration, System
from zoho_sync.operating.resync import resync_package

pytestmark = pytest.mark.django_db


@pytest.fixture
def house(zoho, drain):
    """Two packages of one line with every kind of record, in step."""
    live_package(
        sku="T-1", installation_fee=Decimal("450.00"), hardware={"model": "Router", "included": True}
    )
    live_package(sku="T-2")
    drain()
    drain()
    return zoho


def complaints(zoho, *deeds: Deed) -> list[str]:
    stored = {table: zoho.records(table) for table, _key, _id in STORES.values()}
    return sorted(str(each) for each in judge(Records(deeds=list(deeds)), stored))


def row(kind: Kind, sku: str = "T-1") -> ProductIntegration:
    return ProductIntegration.objects.get(kind=kind, package__sku=sku)


def test_a_sound_house_is_left_alone(house):
    assert ProductIntegration.objects.count() == 8
    assert complaints(house) == []


@pytest.mark.parametrize("kind", list(Kind))
def test_a_lost_record(house, kind):
    table, _key, _id = STORES[kind]
    house.delete(
        table,
        row(kind).remote_id if kind in (Kind.CRM_PRODUCT, Kind.BILLING_PRODUCT) else row(kind).remote_key,
    )

    found = complaints(house)

    # Of a line that is lost, one package is named.
    assert len(found) == 1
    assert found[0].startswith("lost: ")
    assert found[0].endswith(f"{table} holds nothing under {row(kind).remote_key}")


def test_a_doubled_record(house):
    stored = {table: house.records(table) for table, _key, _id in STORES.values()}
    plan = next(one for one in stored["billing_plans"] if one["plan_code"] == "T-1_consumer_DFA")
    stored["billing_plans"].append({**plan, "plan_id": "another"})
    stored["crm_products"].append({"id": "stranger", "ct_Package_Key": "NOBODYS"})

    assert [str(each) for each in judge(Records(), stored)] == [
        f"doubled: {row(Kind.BILLING_PLAN)}: billing_plans holds 2 under T-1_consumer_DFA",
        "doubled: crm_products holds NOBODYS, which no package has",
    ]


def test_a_wrong_price_in_zoho(house):
    house.edit("billing_plans", "T-1_consumer_DFA", recurring_price=1)
    package = ServicePackage.objects.get(sku="T-1")

    assert complaints(house) == [
        f"wrong: {package} (billing_plan) costs 1 there and 799.00 here",
        f"wrong: {package} (billing_plan) differs in recurring_price",
    ]


def test_another_word_in_zoho(house):
    house.edit("crm_products", row(Kind.CRM_PRODUCT).remote_id, Product_Name="Somebody's")
    package = ServicePackage.objects.get(sku="T-1")

    assert complaints(house) == [f"wrong: {package} (crm_product) differs in Product_Name"]


def test_a_record_that_took_the_place_of_ours(house):
    ProductIntegration.objects.filter(pk=row(Kind.BILLING_PLAN).pk).update(remote_id="former")

    assert complaints(house) == [
        f"wrong: {row(Kind.BILLING_PLAN)}: billing_plans has another id under T-1_consumer_DFA than former"
    ]


def test_a_record_that_nobody_knows_of(house):
    row(Kind.BILLING_INSTALLATION).delete()
    package = ServicePackage.objects.get(sku="T-1")

    assert complaints(house) == [
        "doubled: billing_addons holds T-1_consumer_DFA_INSTALLATION, which no package has",
        f"lost: {package} (billing_installation): nobody knows that it is owed",
    ]


def test_what_is_owed_still_and_what_is_held_still(house):
    ProductIntegration.objects.filter(pk=row(Kind.CRM_PRODUCT).pk).update(
        status="failed", last_sync_error="Zoho CRM broke off.", next_retry_at=timezone.now()
    )
    ProductIntegration.objects.filter(pk=row(Kind.BILLING_PLAN).pk).update(
        lease_token="6f2c1f36-6f1f-4b35-9a36-6a8d1f2f8d10", leased_until=timezone.now()
    )

    assert complaints(house) == [
        f"owed: {row(Kind.CRM_PRODUCT)} is failed, will be retried: Zoho CRM broke off.",
        f"wrong: {row(Kind.BILLING_PLAN)} is still held by a worker",
    ]


def published_change(package: ServicePackage, price: str) -> PriceChange:
    author = person("sipho.dube", "Pricing manager")
    wish = Wish(Decimal(price), "why", timezone.localdate() + timedelta(days=90))
    change = pricing.create_price_change(package.pk, wish, actor=author)
    return pricing.publish_price_change(change.pk, actor=person("pieter.botha", "Pricing approver"))


def test_a_waiting_price_that_is_sound(house, drain):
    published_change(ServicePackage.objects.get(sku="T-2"), "899.00")
    drain()

    assert complaints(house) == []


def test_a_price_the_ledger_does_not_know(house, drain):
    package = ServicePackage.objects.get(sku="T-2")
    published_change(package, "899.00")
    drain()
    PriceChange.objects.update(new_price=Decimal("950.00"))
    ServicePackage.objects.filter(pk=package.pk).update(new_customer_price=Decimal("950.00"))

    assert [str(each) for each in judge_prices()] == [
        f"wrong: {package}: newcomers pay 899.00 by the rule, 950.00 by the package"
    ]


def test_a_waiting_price_without_its_change(house, drain):
    package = ServicePackage.objects.get(sku="T-2")
    change = published_change(package, "899.00")
    drain()
    PriceChange.objects.filter(pk=change.pk).update(new_price=Decimal("850.00"))

    assert f"wrong: {package} offers 899.00, its waiting change 850.00" in complaints(house)


DONE, REFUSED, UNKNOWN = Outcome.DONE, Outcome.REFUSED, Outcome.UNKNOWN


def test_deeds_that_were_done_as_promised(house):
    product = str(Product.objects.get(sku="T-1").pk)
    told = [Deed(name, product, DONE) for name in ("submit", "approve", "publish")]

    # Whoever got no answer may have been heard, or not.
    assert list(judge_deeds([*told, Deed("import", "T-1", DONE), Deed("import", "NEVER", UNKNOWN)])) == []


def test_deeds_that_were_lost(house):
    product = str(Product.objects.get(sku="T-1").pk)
    told = [
        *[Deed("publish", product, DONE)] * 2,
        Deed("import", "NEVER", DONE),
        Deed("price change drafted", "wish 1", DONE),
        Deed("price change published", product, DONE),
        Deed("batch", "6f2c1f36-6f1f-4b35-9a36-6a8d1f2f8d10", DONE),
    ]

    assert [str(each) for each in judge_deeds(told)] == [
        f"lost: publish of {product}: acknowledged 2 times, and it is there 1 times",
        "lost: product NEVER: acknowledged 1 times, and it is there 0 times",
        "lost: price change “wish 1”: acknowledged 1 times, and it is there 0 times",
        f"lost: price change published {product}: acknowledged 1 times, and it is there 0 times",
        "lost: batch 6f2c1f36-6f1f-4b35-9a36-6a8d1f2f8d10 was accepted, and there is none",
    ]


def test_a_deed_that_was_done_twice(house):
    for sku in ("T-1", "T-2"):
        pricing.create_price_change(
            ServicePackage.objects.get(sku=sku).pk,
            Wish(Decimal("899.00"), "wish 1"),
            actor=person("sipho.dube", "Pricing manager"),
        )

    assert [str(each) for each in judge_deeds([Deed("price change drafted", "wish 1", UNKNOWN)])] == [
        "doubled: price change “wish 1”: it is there 2 times, asked for 1 times"
    ]


def test_a_batch_and_a_resync_that_never_ended(house):
    product = approved_product(sku="T-3")
    batch = batches.plan("publish", [product.pk], actor=mr_botha())
    package = ServicePackage.objects.get(sku="T-1")
    wish = resync_package(
        package.pk, System.CRM, actor=person("lerato.mokoena", "Sync operator"), force=True, reason="why"
    )

    assert [str(each) for each in judge_deeds([Deed("batch", str(batch.pk), DONE)])] == [
        f"owed: batch {batch.pk}, product {product.pk}: waiting ",
        f"owed: re-sync of {package} to crm never ended",
    ]
    assert wish.finished_at is None
    assert BatchItem.objects.count() == 1


def request(status: int, begun: float, ended: float) -> Request:
    return Request(begun, ended, "storefront", "GET", "/api/v1/packages/", status)


def test_answers_are_excused_by_the_outage_they_fell_into():
    outages = [Fault(faults.DATABASE, 10, 12, 13), Fault(faults.WEB, 20, 22, 25)]
    excused = [request(500, 12.9, 13.1), request(500, 9.9, 10), request(0, 21, 22), request(200, 50, 51)]

    assert list(judge_answers(excused, outages)) == []


def test_answers_without_excuse():
    outages = [
        Fault(faults.DATABASE, 10, 12, 13),
        Fault(faults.WEB, 20, 22, 25),
        Fault(faults.VALKEY, 30, 31, 32),
    ]
    bad = [request(500, 13.1, 13.2), request(503, 21, 22), request(500, 30.5, 31), request(0, 30.5, 31)]

    assert [str(each) for each in judge_answers(bad, outages)] == [
        "refused: storefront: GET /api/v1/packages/: 500 at 13.1 s",
        "refused: storefront: GET /api/v1/packages/: 503 at 21.0 s",
        "refused: storefront: GET /api/v1/packages/: 500 at 30.5 s",
        "refused: storefront: GET /api/v1/packages/: no answer at 30.5 s",
    ]
