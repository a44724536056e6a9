"""What a list does to the catalogue: new drafts, changes, nothing twice, nothing of ours undone."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.contrib.auth.models import User
from django.db.models.functions import Now

from catalogue import services as catalogue
from catalogue.content import product_content
from catalogue.models import (
    PriceList,
    PriceListRow,
    Product,
    ProductStatus,
    ServicePackage,
    Supplier,
    SupplierDeal,
    VatRate,
)
from catalogue.pricelists import services
from catalogue.pricelists.plan import decide
from circletel.core import jobs
from circletel.core.errors import NotAllowed, WrongStatus
from circletel.core.models import AuditEntry, Job
from tests.catalogue.pricelists.workbooks import deal, mtn_workbook, read
from tests.factories import draft_product, mr_botha, ms_naidoo, person

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("redis_flushed")]


def mtn() -> Supplier:
    return Supplier.objects.get(code="mtn")


def preview(*deals, **options) -> PriceList:
    price_list = services.upload(
        supplier=mtn(),
        file_name="promos.xlsx",
        content=deals[0] if isinstance(deals[0], bytes) else mtn_workbook(*deals),
        actor=options.get("actor") or ms_naidoo(),
    )
    return done(price_list)


def done(price_list: PriceList) -> PriceList:
    """The list when its job has been worked at."""
    jobs.run(price_list.job_id)
    return PriceList.objects.get(pk=price_list.pk)


def apply(price_list: PriceList) -> PriceList:
    return done(services.request_apply(price_list.pk, actor=ms_naidoo()))


def applied(*deals) -> PriceList:
    price_list = apply(preview(*deals))
    assert price_list.status == "applied"
    return price_list


def product(sku="202504EBU1603") -> Product:
    return Product.objects.with_content().get(sku=sku)


def publish(sku="202504EBU1603") -> ServicePackage:
    one = product(sku)
    catalogue.submit(one.pk, actor=ms_naidoo())
    catalogue.approve(one.pk, actor=mr_botha())
    return catalogue.publish(one.pk, actor=mr_botha()).package


def edit(one: Product, **values) -> None:
    before = product_content(one)
    for name, value in values.items():
        setattr(one, name, value)
    one.save()
    catalogue.record_edit(one, actor=ms_naidoo(), before=before)


def row(price_list: PriceList, deal_id="202504EBU1603") -> PriceListRow:
    return price_list.rows.get(deal_id=deal_id)


def test_a_preview_changes_nothing_of_the_catalogue():
    price_list = preview(deal(), deal(deal_id="BAD", incl=None, excl=None))

    assert (price_list.status, price_list.summary, price_list.total) == (
        "previewed", "1 new, 0 changed, 0 unchanged, 0 vanished, 1 refused", 1,
    )  # fmt: skip
    assert not Product.objects.exists()
    assert not SupplierDeal.objects.exists()
    assert set(AuditEntry.objects.values_list("action", flat=True)) == {"price list uploaded", "requested"}


def test_every_good_deal_becomes_a_draft_with_its_parts():
    price_list = applied(
        deal(device="Huawei Nova Y73", pay_in=500.0, minutes="200min"), deal(deal_id="BAD", device="")
    )

    one = product()
    assert (one.status, one.name, one.provider, one.created_by) == (
        "draft", "MTN Business 5G FWA 500GB", "MTN", ms_naidoo(),
    )  # fmt: skip
    assert one.pricing.regular_price == Decimal("599.00")
    assert (one.hardware.model, one.hardware.included, one.hardware.retail_value) == (
        "Huawei Nova Y73", False, Decimal("500.00"),
    )  # fmt: skip
    assert [feature.text for feature in one.features.all()] == ["200 minutes", "Free SIM card"]
    known = SupplierDeal.objects.get()
    assert (known.product, known.listed_price, known.stock) == (one, Decimal("599.00"), "Device: Available")
    assert (price_list.status, price_list.job.done, price_list.applied_by) == ("applied", 1, ms_naidoo())
    assert sorted(AuditEntry.objects.values_list("action", "actor_name")) == [
        ("created", "Thandi Naidoo"),
        ("price list applied", "Thandi Naidoo"),
        ("price list apply", "Thandi Naidoo"),
        ("price list uploaded", "Thandi Naidoo"),
        ("requested", "Thandi Naidoo"),
        ("requested", "Thandi Naidoo"),
    ]


def test_the_same_file_again_changes_nothing_and_says_so():
    content = mtn_workbook(deal(), deal(deal_id="B", device="Huawei Nova Y73"))
    applied(content)
    before = [(one.version, one.changed_at) for one in Product.objects.all()]

    again = applied(content)

    assert again.summary == "0 new, 0 changed, 2 unchanged, 0 vanished, 0 refused"
    assert [(one.version, one.changed_at) for one in Product.objects.all()] == before
    assert AuditEntry.objects.filter(action__in=("created", "edited")).count() == 2


def test_a_change_updates_the_product_and_voids_its_approval_but_moves_no_live_price():
    applied(deal(device="Huawei Nova Y73"), deal(deal_id="B"))
    package = publish()

    price_list = applied(deal(device="Honor 400", incl=649, minutes="50min"), deal(deal_id="B"))

    one = product()
    assert (one.status, one.version, one.pricing.regular_price) == ("draft", 2, Decimal("649.00"))
    assert (one.approved_by, one.approved_fingerprint, one.pricing.approved_by) == (None, "", None)
    assert one.hardware.model == "Honor 400"
    assert [feature.text for feature in one.features.all()] == ["50 minutes", "Free SIM card"]
    package.refresh_from_db()
    assert (package.price, package.hardware_model) == (Decimal("599.00"), "Huawei Nova Y73")
    entry = AuditEntry.objects.get(action="edited")
    assert entry.changes == {
        "status": ["approved", "draft"],
        "hardware.model": ["Huawei Nova Y73", "Honor 400"],
        "pricing.regular_price": ["599.00", "649.00"],
        "features": [["Free SIM card"], ["50 minutes", "Free SIM card"]],
    }
    assert (entry.detail, entry.target_id) == ("approval voided", str(one.pk))
    assert row(price_list).changes == {
        "hardware.model": ["Huawei Nova Y73", "Honor 400"],
        "pricing.regular_price": ["599.00", "649.00"],
        "features": [["Free SIM card"], ["50 minutes", "Free SIM card"]],
        "listed price": ["599.00", "649.00"],
    }
    assert price_list.summary == "0 new, 1 changed, 1 unchanged, 0 vanished, 0 refused"


def test_what_was_listed_before_is_still_told_after_applying():
    applied(deal(incl=460.0, excl=400.0))
    second = applied(deal(incl=575.0, excl=500.0))

    assert (row(second).listed_before, row(second).listed_after) == (Decimal("460.00"), Decimal("575.00"))


def test_a_device_may_go_and_come():
    applied(deal(device="Huawei Nova Y73"), deal(deal_id="B"))

    applied(deal(), deal(deal_id="B", device="Honor 400"))

    assert not hasattr(product(), "hardware")
    assert product("B").hardware.model == "Honor 400"


def test_a_change_of_stock_alone_leaves_product_and_approval_alone():
    applied(deal())
    publish()

    price_list = applied(deal(stock="Out of Stock"))

    assert (product().status, product().version) == ("approved", 1)
    assert SupplierDeal.objects.get().stock == "Device: Out of Stock"
    assert row(price_list).changes == {"stock status": ["Device: Available", "Device: Out of Stock"]}


def test_what_we_edited_ourselves_stays_until_we_change_it():
    applied(deal())
    edit(product(), name="CircleConnect 5G 500GB")

    unchanged = applied(deal())
    renamed = applied(deal(plan="MTN 5G 500GB Plus", months=36))

    assert unchanged.summary == "0 new, 0 changed, 1 unchanged, 0 vanished, 0 refused"
    assert (product().name, product().contract_months) == ("CircleConnect 5G 500GB", 36)
    assert row(renamed).remarks == [
        "name: ours, “CircleConnect 5G 500GB”, stays; the list says “MTN 5G 500GB Plus”"
    ]


def test_a_deal_that_meets_a_product_of_ours_takes_its_price_and_leaves_its_words():
    ours = draft_product(
        sku="202504ebu1603", name="CircleConnect 5G", market_segment="business", provider="mtn",
        regular_price="649.00", service_type="5g",
    )  # fmt: skip

    price_list = applied(deal())

    ours = Product.objects.with_content().get(pk=ours.pk)
    assert (ours.name, ours.service_type, ours.sku) == ("CircleConnect 5G", "5g", "202504ebu1603")
    assert (ours.pricing.regular_price, ours.contract_months) == (Decimal("599.00"), 24)
    assert Product.objects.count() == 1
    assert SupplierDeal.objects.get().product == ours
    assert price_list.summary == "0 new, 1 changed, 0 unchanged, 0 vanished, 0 refused"


def test_an_archived_product_stays_archived_and_as_it_is():
    applied(deal())
    Product.objects.update(status=ProductStatus.ARCHIVED)

    price_list = applied(deal(incl=649))

    assert (product().status, product().pricing.regular_price) == ("archived", Decimal("599.00"))
    assert row(price_list).remarks == ["its product is archived and stays as it is"]
    assert SupplierDeal.objects.get().listed_price == Decimal("649.00")


def test_a_price_below_our_own_promotion_is_refused_and_the_rest_goes_on():
    applied(deal(), deal(deal_id="B"))
    one = product()
    one.pricing.promotion_price = Decimal("499.00")
    one.pricing.save()

    price_list = applied(deal(incl=449), deal(deal_id="B", incl=449))

    assert row(price_list).reasons == [
        "the product's promotion price R\u00a0499,00 is not below the price R\u00a0449,00 it would have: change or remove the"
        " promotion first"
    ]
    assert (product().pricing.regular_price, product("B").pricing.regular_price) == (
        Decimal("599.00"), Decimal("449.00"),
    )  # fmt: skip


def test_a_deal_that_vanishes_is_marked_once_and_its_product_stays():
    applied(deal(), deal(deal_id="B"))

    gone = applied(deal())
    still_gone = applied(deal())
    back = applied(deal(), deal(deal_id="B"))

    assert gone.summary == "0 new, 0 changed, 1 unchanged, 1 vanished, 0 refused"
    assert still_gone.summary == "0 new, 0 changed, 1 unchanged, 0 vanished, 0 refused"
    assert back.summary == "0 new, 1 changed, 1 unchanged, 0 vanished, 0 refused"
    assert SupplierDeal.objects.get(deal_id="B").vanished_at is None
    assert (product("B").status, product("B").version) == ("draft", 1)


def test_a_deal_keeps_its_name_when_another_of_that_name_comes_or_goes():
    applied(deal(deal_id="A"))
    applied(deal(deal_id="A"), deal(deal_id="B"))
    applied(deal(deal_id="B"))

    assert (product("A").name, product("B").name) == (
        "MTN Business 5G FWA 500GB", "MTN Business 5G FWA 500GB (B)",
    )  # fmt: skip
    assert (product("A").version, product("B").version) == (1, 1)


def test_a_refused_deal_has_not_vanished():
    applied(deal())

    price_list = applied(deal(incl=1, excl=2))

    assert price_list.summary == "0 new, 0 changed, 0 unchanged, 0 vanished, 1 refused"
    assert SupplierDeal.objects.get().vanished_at is None


def lose_the_worker_at(monkeypatch, batch: int) -> None:
    """It is killed after the work of this batch and before its commit."""
    carry_out, begun = services.carry_out, []

    def lost_worker(rows, decisions, **options):
        carry_out(rows, decisions, **options)
        begun.append(rows)
        if len(begun) == batch:
            raise KeyboardInterrupt

    monkeypatch.setattr(services, "BATCH", 2)
    monkeypatch.setattr(services, "carry_out", lost_worker)


def end_the_lease(price_list: PriceList) -> None:
    Job.objects.filter(pk=price_list.job_id).update(leased_until=Now() - timedelta(seconds=1))


def test_an_interrupted_list_goes_on_behind_what_it_has_done(monkeypatch):
    price_list = preview(*(deal(deal_id=f"D{number}") for number in range(5)))
    lose_the_worker_at(monkeypatch, 2)

    with pytest.raises(KeyboardInterrupt):
        apply(price_list)

    price_list.refresh_from_db()
    assert (price_list.status, price_list.job.state, price_list.job.done) == ("applying", "running", 2)
    assert set(Product.objects.values_list("sku", flat=True)) == {"D0", "D1"}

    end_the_lease(price_list)
    price_list = done(price_list)

    assert (price_list.status, price_list.job.done, price_list.job.error) == ("applied", 5, "")
    assert Product.objects.count() == AuditEntry.objects.filter(action="created").count() == 5


def test_a_list_that_a_lost_worker_was_reading_is_read_anew(monkeypatch):
    decide, begun = services.decide, []

    def lost_worker(deals, supplier):
        begun.append(deals)
        if len(begun) == 2:
            raise KeyboardInterrupt
        return decide(deals, supplier)

    monkeypatch.setattr(services, "BATCH", 2)
    monkeypatch.setattr(services, "decide", lost_worker)
    with pytest.raises(KeyboardInterrupt):
        preview(*(deal(deal_id=f"D{number}") for number in range(3)))
    price_list = PriceList.objects.get()
    assert (price_list.status, price_list.rows.count()) == ("uploaded", 2)

    end_the_lease(price_list)
    price_list = done(price_list)

    assert (price_list.status, price_list.counts, price_list.rows.count()) == ("previewed", {"new": 3}, 3)


def test_a_list_that_could_not_be_applied_can_be_applied_again(monkeypatch):
    price_list = preview(*(deal(deal_id=f"D{number}") for number in range(3)))
    monkeypatch.setattr(services, "BATCH", 2)
    decide = services.decide
    monkeypatch.setattr(services, "decide", lambda deals, *_args, **_options: deals[1] and 1 / 0)
    with pytest.raises(ZeroDivisionError):
        apply(price_list)
    price_list.refresh_from_db()
    assert (price_list.status, price_list.job.error) == ("previewed", "ZeroDivisionError: division by zero")

    monkeypatch.setattr(services, "decide", decide)
    assert apply(price_list).summary == "3 new, 0 changed, 0 unchanged, 0 vanished, 0 refused"


def test_a_list_is_read_and_applied_once():
    price_list = preview(deal())
    read_by = price_list.job_id
    price_list = apply(price_list)

    Job.objects.update(state="waiting", finished_at=None)
    assert jobs.run(read_by)
    assert jobs.run(price_list.job_id)

    assert price_list.rows.count() == Product.objects.count() == 1


def test_an_older_list_and_a_second_at_a_time_are_refused():
    older, newer, newest = preview(deal()), preview(deal()), preview(deal())
    newer = services.request_apply(newer.pk, actor=ms_naidoo())
    with pytest.raises(WrongStatus, match="another list of MTN is being applied"):
        services.request_apply(newest.pk, actor=ms_naidoo())
    done(newer)

    with pytest.raises(WrongStatus, match="was uploaded later and is applied already"):
        services.request_apply(older.pk, actor=ms_naidoo())
    with pytest.raises(WrongStatus, match="it is applied, not ready to apply"):
        services.request_apply(newer.pk, actor=ms_naidoo())


def test_a_cancelled_list_is_not_applied():
    price_list = preview(deal())

    services.cancel(price_list.pk, actor=ms_naidoo())

    with pytest.raises(WrongStatus, match="it is cancelled"):
        services.request_apply(price_list.pk, actor=ms_naidoo())
    with pytest.raises(WrongStatus, match="cannot be cancelled"):
        services.cancel(price_list.pk, actor=ms_naidoo())
    assert not Product.objects.exists()


def test_a_list_is_given_up_while_it_is_applied(monkeypatch):
    price_list = preview(*(deal(deal_id=f"D{number}") for number in range(3)))
    lose_the_worker_at(monkeypatch, 2)
    with pytest.raises(KeyboardInterrupt):
        apply(price_list)

    services.cancel(price_list.pk, actor=ms_naidoo())

    end_the_lease(PriceList.objects.get())
    price_list = done(PriceList.objects.get())
    assert (price_list.status, price_list.job.state, Product.objects.count()) == ("cancelled", "cancelled", 2)
    assert AuditEntry.objects.get(action="price list cancelled").detail == "2 of 3 rows were applied before"


def test_a_list_whose_job_is_cancelled_is_given_up(monkeypatch):
    price_list = services.request_apply(preview(deal()).pk, actor=ms_naidoo())

    def cancelled(rows, decisions, **options):
        Job.objects.filter(pk=price_list.job_id).update(cancel_requested=True)

    monkeypatch.setattr(services, "carry_out", cancelled)

    assert done(price_list).status == "cancelled"


def test_who_may_not_import_is_refused():
    price_list = preview(deal())

    with pytest.raises(NotAllowed, match="Pieter Botha may not upload and apply supplier price lists"):
        services.upload(supplier=mtn(), file_name="x", content=b"x", actor=mr_botha())
    with pytest.raises(NotAllowed):
        services.request_apply(price_list.pk, actor=mr_botha())
    with pytest.raises(NotAllowed):
        services.cancel(price_list.pk, actor=mr_botha())
    price_list.refresh_from_db()
    assert price_list.status == "previewed"


def test_a_file_that_cannot_be_read_fails_with_the_reason():
    price_list = preview(b"Deal ID,Price\n")

    assert price_list.status == "failed"
    assert "save it as an Excel workbook" in price_list.job.error


def test_a_list_cannot_be_read_without_a_vat_rate():
    VatRate.objects.all().delete()

    price_list = preview(deal())

    assert price_list.status == "failed"
    assert price_list.job.error.startswith("Refused: No VAT rate is recorded for ")


def test_our_own_fault_fails_the_list_and_no_other(monkeypatch):
    monkeypatch.setattr(services, "read_deals", lambda *_args, **_options: 1 / 0)

    with pytest.raises(ZeroDivisionError):
        preview(deal())

    price_list = PriceList.objects.get()
    assert (price_list.status, price_list.rows.count()) == ("failed", 0)
    assert price_list.job.error == "ZeroDivisionError: division by zero"


@pytest.mark.parametrize("number", [2, 20])
def test_deciding_takes_the_same_queries_for_any_number_of_deals(number, django_assert_num_queries):
    deals = [deal(deal_id=f"D{place}") for place in range(number)]
    applied(*deals)
    changed = read(mtn_workbook(*(one | {"months": 12.0} for one in deals)))

    supplier = mtn()

    # Known deals; their products with features, hardware and add-ons; packages.
    with django_assert_num_queries(7):
        decisions = decide(changed, supplier)

    assert {decision.deal.outcome for decision in decisions} == {"changed"}


def no_longer_staff() -> None:
    User.objects.filter(pk=ms_naidoo().pk).update(is_staff=False)


def mr_dlamini() -> User:
    return person("sipho.dlamini", "Product manager")


def test_a_list_whose_reading_never_began_says_why_and_is_read_again():
    price_list = services.upload(
        supplier=mtn(), file_name="promos.xlsx", content=mtn_workbook(deal()), actor=ms_naidoo()
    )
    no_longer_staff()

    price_list = done(price_list)

    assert (price_list.state, price_list.job.error) == (
        "failed", "Refused: Thandi Naidoo is not active staff any more",
    )  # fmt: skip
    with pytest.raises(WrongStatus, match="it could not be read, not ready to apply"):
        services.request_apply(price_list.pk, actor=mr_dlamini())

    price_list = services.read_again(price_list.pk, actor=mr_dlamini())
    assert price_list.state == "uploaded"
    price_list = done(price_list)

    assert (price_list.state, price_list.summary) == (
        "previewed", "1 new, 0 changed, 0 unchanged, 0 vanished, 0 refused",
    )  # fmt: skip
    with pytest.raises(WrongStatus, match="cannot be read again: it is ready to apply"):
        services.read_again(price_list.pk, actor=mr_dlamini())


def test_a_list_whose_applying_never_began_holds_up_no_other():
    stuck, other = preview(deal()), preview(deal(deal_id="B"))
    stuck = services.request_apply(stuck.pk, actor=ms_naidoo())
    Job.objects.filter(pk=stuck.job_id).update(kind="catalogue.forgotten")
    stuck = done(stuck)

    assert (stuck.state, stuck.job.error) == (
        "previewed", "Refused: There is no kind of job “catalogue.forgotten” in this version",
    )  # fmt: skip
    stuck = apply(stuck)
    assert (stuck.state, Product.objects.get().sku) == ("applied", "202504EBU1603")

    other = services.request_apply(other.pk, actor=ms_naidoo())
    Job.objects.filter(pk=other.job_id).update(kind="catalogue.forgotten")
    other = done(other)
    assert services.unfinished(mtn(), bytes(other.content)) is None
    assert applied(deal(deal_id="C")).state == "applied"
    assert PriceList.objects.get(pk=other.pk).status == "previewed"


def test_a_list_whose_job_was_cancelled_before_it_began_is_cancelled():
    price_list = services.upload(
        supplier=mtn(), file_name="promos.xlsx", content=mtn_workbook(deal()), actor=ms_naidoo()
    )

    jobs.cancel(price_list.job_id, actor=ms_naidoo())

    assert PriceList.objects.get().state == "cancelled"


def test_a_list_whose_applying_was_cancelled_before_it_began_stays_cancelled_when_another_is_applied():
    cancelled, other = preview(deal()), preview(deal(deal_id="B"))
    cancelled = services.request_apply(cancelled.pk, actor=ms_naidoo())
    jobs.cancel(cancelled.job_id, actor=ms_naidoo())

    assert apply(other).state == "applied"

    cancelled.refresh_from_db()
    assert (cancelled.status, cancelled.state) == ("cancelled", "cancelled")
    with pytest.raises(WrongStatus, match="cannot be applied: it is cancelled"):
        services.request_apply(cancelled.pk, actor=ms_naidoo())
