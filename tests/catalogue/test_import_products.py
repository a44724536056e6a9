"""What an import does to the catalogue: everything, or nothing."""

from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from catalogue import services
from catalogue.content import product_content
from catalogue.demo import SAMPLE_CATALOGUE
from catalogue.models import Product, ProductFeature, ProductHardware, ProductPricing, ProductStatus
from catalogue.product_import import apply as import_service
from catalogue.product_import.apply import BadFile, import_products
from catalogue.product_import.parsing import parse
from catalogue.product_import.plan import ImportOutcome, plan_import
from circletel.core.errors import NotAllowed, NotReady, Refused
from circletel.core.models import AuditEntry
from tests.factories import approved_product, draft_product, live_package, mr_botha, ms_naidoo, person

pytestmark = pytest.mark.django_db

HEADER = "sku,name,service_type,product_category,market_segment,provider,price_incl_vat,contract_months"
ROW = "FIBRE-1,Home Fibre 100,HomeFibre,home_fibre,consumer,DFA,799,12"
# As `draft_product` makes it, so that a file of these columns says nothing new about it.
SAME = {"sku": "FIBRE-1", "name": "Home Fibre 100"}


def import_lines(*lines: str, header: str = HEADER, actor=None) -> ImportOutcome:
    return import_products(parse("\n".join([header, *lines]).encode()), actor=actor or ms_naidoo())


def import_with(actor=None, **cells: str) -> ImportOutcome:
    """One row: Home Fibre 100, with these columns more or otherwise."""
    row = dict(zip(HEADER.split(","), ROW.split(","), strict=True)) | cells
    return import_lines(",".join(f'"{cell}"' for cell in row.values()), header=",".join(row), actor=actor)


def everything() -> list[list[tuple[object, ...]]]:
    models = (Product, ProductPricing, ProductFeature, ProductHardware, AuditEntry)
    return [list(model.objects.order_by("pk").values_list()) for model in models]


def read(product: Product) -> Product:
    return Product.objects.with_content().get(pk=product.pk)


def test_the_sample_catalogue_comes_in_whole_and_a_second_time_changes_nothing():
    sample = parse(SAMPLE_CATALOGUE.read_bytes())

    first = import_products(sample, actor=ms_naidoo())
    after_first = everything()
    second = import_products(sample, actor=ms_naidoo())

    assert first == ImportOutcome(created=64)
    assert str(first) == "64 new, 0 changed, 0 unchanged"
    assert second == ImportOutcome(unchanged=64)
    assert everything() == after_first
    assert Product.objects.filter(status=ProductStatus.DRAFT, speed_down_mbps=None).count() == 31
    assert ProductPricing.objects.filter(installation_fee=Decimal("0.00")).count() == 3
    assert ProductPricing.objects.filter(installation_fee=None).count() == 35
    assert ProductHardware.objects.count() == 42
    assert ProductFeature.objects.count() == 75


def test_a_new_product_holds_what_its_row_says_and_is_a_draft_of_its_importer():
    outcome = import_with(
        price_incl_vat="R 1 299,00",
        promo_price_incl_vat="R1,099.00",
        promo_months="3",
        installation_fee_incl_vat="0",
        speed_down_mbps="100",
        hardware_model="Reyee RG-EW1300G",
        hardware_included="yes",
        features="Uncapped|Free WiFi router",
    )

    product = Product.objects.with_content().get()
    assert outcome == ImportOutcome(created=1)
    assert product.status == ProductStatus.DRAFT
    assert product.created_by == product.changed_by == ms_naidoo()
    assert product.slug == "home-fibre-100-fibre-1"
    assert product_content(product) == {
        "name": "Home Fibre 100",
        "sku": "FIBRE-1",
        "service_type": "HomeFibre",
        "category": "home_fibre",
        "technology": "",
        "market_segment": "consumer",
        "provider": "DFA",
        "speed_down_mbps": 100,
        "speed_up_mbps": None,
        "data_limit": "",
        "contract_months": 12,
        "description": "",
        "valid_from": None,
        "valid_to": None,
        "installation_days": None,
        "zones": [],
        "featured": False,
        "popular": False,
        "pricing.discounted_installation_fee": None,
        "pricing.regular_price": "1299.00",
        "pricing.promotion_price": "1099.00",
        "pricing.promotion_months": 3,
        "pricing.promotion_from": None,
        "pricing.promotion_to": None,
        "pricing.installation_fee": "0.00",
        "hardware.model": "Reyee RG-EW1300G",
        "hardware.included": True,
        "hardware.retail_value": None,
        "features": ["Uncapped", "Free WiFi router"],
        "add_ons": [],
        "components": [],
    }


def test_each_new_product_has_its_audit_entry_as_if_made_by_hand():
    import_lines(ROW, ROW.replace("FIBRE-1", "FIBRE-2"))

    entries = AuditEntry.objects.filter(action="created")
    by_target = {entry.target_id: entry for entry in entries}
    assert set(by_target) == {str(product.pk) for product in Product.objects.all()}
    entry = by_target[str(Product.objects.get(sku="FIBRE-2").pk)]
    assert (entry.actor_name, entry.target_type, entry.target_name, entry.result) == (
        "Thandi Naidoo",
        "product",
        "Home Fibre 100 (FIBRE-2)",
        "done",
    )
    assert entry.changes["pricing.regular_price"] == [None, "799.00"]
    assert entry.changes["sku"] == [None, "FIBRE-2"]


def test_one_bad_row_keeps_out_all_the_others():
    before = everything()

    with pytest.raises(BadFile) as refused:
        import_lines(ROW, ROW.replace("FIBRE-1", "FIBRE-2").replace("799", "abc"))

    assert [(error.row, error.column, error.value) for error in refused.value.errors] == [
        (3, "price_incl_vat", "abc")
    ]
    assert str(refused.value).startswith("row 3, price_incl_vat: “abc”, expected an amount in rand")
    assert everything() == before


def test_a_failure_half_way_leaves_nothing_behind(monkeypatch):
    changed = draft_product(**SAME)
    before = everything()

    def fail(*_args, **_kwargs):
        raise RuntimeError("the lights went out")

    monkeypatch.setattr(import_service.services, "record_edits", fail)
    with pytest.raises(RuntimeError):
        import_lines(ROW.replace("FIBRE-1", "FIBRE-2"), ROW.replace("799", "899"))

    assert everything() == before
    assert read(changed).pricing.regular_price == Decimal("799.00")


def test_only_who_may_import_imports():
    before = everything()

    with pytest.raises(NotAllowed, match="Pieter Botha may not import products"):
        import_lines(ROW, actor=mr_botha())

    assert everything() == before


def test_an_unchanged_product_is_not_touched():
    product = draft_product(**SAME)
    before = everything()

    outcome = import_lines(ROW)

    assert outcome == ImportOutcome(unchanged=1)
    assert everything() == before
    assert read(product).version == 1


def test_a_changed_product_is_edited_under_the_importers_name_with_what_changed():
    product = draft_product(**SAME)
    importer = person("sipho.khumalo", "Product manager")

    outcome = import_with(
        actor=importer,
        price_incl_vat="849",
        speed_down_mbps="200",
        features="Uncapped|Static IP",
        hardware_model="ONT 5",
    )

    product = read(product)
    entry = AuditEntry.objects.get(action="edited")
    assert outcome == ImportOutcome(updated=1)
    assert product.version == 2
    assert product.changed_by == importer
    assert product.created_by == ms_naidoo()
    assert entry.actor_name == "Sipho Khumalo"
    assert entry.changes == {
        "pricing.regular_price": ["799.00", "849.00"],
        "speed_down_mbps": [100, 200],
        "features": [["Uncapped"], ["Uncapped", "Static IP"]],
        "hardware.model": [None, "ONT 5"],
        "hardware.included": [None, False],
    }


def test_columns_that_the_file_does_not_have_keep_their_values():
    product = draft_product(
        **SAME,
        promotion_price=Decimal("699.00"),
        promotion_months=3,
        installation_fee=Decimal("450.00"),
        hardware={"model": "Reyee", "included": True, "dealer_cost": Decimal("310.00")},
        description="By hand",
    )

    import_with(price_incl_vat="849")

    product = read(product)
    assert product.pricing.regular_price == Decimal("849.00")
    assert (product.pricing.promotion_price, product.pricing.promotion_months) == (Decimal("699.00"), 3)
    assert product.pricing.installation_fee == Decimal("450.00")
    assert (product.hardware.model, product.hardware.dealer_cost) == ("Reyee", Decimal("310.00"))
    assert (product.speed_down_mbps, product.technology, product.description) == (100, "fibre", "By hand")


def test_empty_cells_empty_what_was_there():
    product = draft_product(
        **SAME,
        promotion_price=Decimal("699.00"),
        promotion_months=3,
        installation_fee=0,
        hardware={"model": "Reyee"},
    )

    import_with(
        promo_price_incl_vat="",
        promo_months="",
        installation_fee_incl_vat="",
        hardware_model="",
        hardware_included="",
        features="",
        speed_down_mbps="",
        technology="",
    )

    content = product_content(read(product))
    assert content["pricing.promotion_price"] is content["pricing.promotion_months"] is None
    assert content["pricing.installation_fee"] is None
    assert content["hardware.model"] is content["hardware.included"] is None
    assert content["features"] == []
    assert (content["speed_down_mbps"], content["technology"]) == (None, "")


def test_another_device_keeps_what_the_file_does_not_know_about_it():
    product = draft_product(
        **SAME, hardware={"model": "Reyee", "included": True, "dealer_cost": Decimal("310.00")}
    )

    import_with(hardware_model="Reyee RG-EW1300G")

    hardware = read(product).hardware
    assert (hardware.model, hardware.included, hardware.dealer_cost) == (
        "Reyee RG-EW1300G",
        True,
        Decimal("310.00"),
    )


def test_a_product_without_a_price_gets_one():
    product = draft_product(**SAME)
    ProductPricing.objects.all().delete()

    import_lines(ROW)

    assert read(product).pricing.regular_price == Decimal("799.00")


def test_an_import_that_changes_an_approved_product_voids_its_approval():
    product = approved_product(**SAME)

    outcome = import_lines(ROW.replace("799", "849"))

    product = read(product)
    assert outcome == ImportOutcome(updated=1, voided=1)
    assert str(outcome) == (
        "0 new, 1 changed, 0 unchanged; 1 of the changed had been submitted or approved and must be submitted again"
    )
    assert product.status == ProductStatus.DRAFT
    assert (product.approved_by, product.approved_fingerprint, product.pricing.approved_by) == (
        None,
        "",
        None,
    )
    assert AuditEntry.objects.get(action="edited").detail == "approval voided"


def test_an_import_without_news_leaves_an_approval_standing():
    product = approved_product(**SAME)

    import_lines(ROW)

    assert read(product).status == ProductStatus.APPROVED


def test_an_import_does_not_move_the_price_of_a_live_package():
    package = live_package(**SAME)

    import_lines(ROW.replace("799", "849"))

    package.refresh_from_db()
    assert package.price == Decimal("799.00")


def test_a_product_is_found_whatever_the_case_of_its_sku_and_keeps_its_own():
    product = draft_product(**SAME)

    outcome = import_lines(ROW.replace("FIBRE-1", "fibre-1").replace("DFA", "dfa"))

    assert outcome == ImportOutcome(unchanged=1)
    assert (read(product).sku, read(product).provider) == ("FIBRE-1", "DFA")


def test_the_same_sku_in_another_segment_or_from_another_provider_is_another_product():
    draft_product(**SAME)

    outcome = import_lines(ROW.replace("consumer", "business"), ROW.replace("DFA", "MTN"))

    assert outcome == ImportOutcome(created=2)
    assert sorted(Product.objects.values_list("slug", flat=True)) == [
        "home-fibre-100-fibre-1",
        "home-fibre-100-fibre-1-business",
        "home-fibre-100-fibre-1-consumer",
    ]


def test_an_archived_product_is_left_alone_and_a_new_draft_made():
    archived = draft_product(**SAME)
    Product.objects.update(status=ProductStatus.ARCHIVED)

    outcome = import_lines(ROW.replace("799", "849"))

    assert outcome == ImportOutcome(created=1)
    assert read(archived).status == ProductStatus.ARCHIVED
    assert read(archived).pricing.regular_price == Decimal("799.00")
    assert Product.objects.get(status=ProductStatus.DRAFT).sku == "FIBRE-1"


def test_a_price_below_a_promotion_that_only_the_catalogue_knows_is_refused():
    draft_product(**SAME, promotion_price=Decimal("699.00"))
    before = everything()

    with pytest.raises(BadFile) as refused:
        import_with(price_incl_vat="650")

    (error,) = refused.value.errors
    assert (error.row, error.column, error.value) == (2, "promo_price_incl_vat", "699.00")
    assert error.expected == "an amount below the regular price, 650.00"
    assert everything() == before


def test_promotion_months_go_with_the_promotion_that_the_catalogue_knows():
    product = draft_product(**SAME, promotion_price=Decimal("699.00"))

    import_with(promo_months="6")

    assert read(product).pricing.promotion_months == 6


def test_promotion_months_without_any_promotion_are_refused():
    draft_product(**SAME)

    with pytest.raises(BadFile, match="promo_months: “6”, expected to be empty"):
        import_with(promo_months="6")


def test_hardware_cannot_be_included_where_there_is_none():
    with pytest.raises(BadFile, match="row 2, hardware_model: empty, expected a device"):
        import_with(hardware_included="yes")


def test_hardware_that_is_not_included_waits_for_its_price_before_it_can_be_submitted():
    import_with(hardware_model="ONT 5", hardware_included="no")

    with pytest.raises(NotReady, match=r"hardware\.retail_value: is missing"):
        services.submit(Product.objects.get().pk, actor=ms_naidoo())


def test_names_of_any_length_and_script_get_an_address():
    long = "x" * 200
    wide = "㎯" * 200  # becomes five letters each when made ASCII

    import_lines(
        f"A-{'1' * 62},{long},HomeFibre,home,consumer,{'p' * 60},799,12",
        f"A-{'1' * 62},{long},HomeFibre,home,business,{'p' * 60},799,12",
        f"A-{'1' * 62},{long},HomeFibre,home,business,{'q' * 60},799,12",
        f"A-2,{wide},HomeFibre,home,business,{'㎯' * 60},799,12",
        "A-3,光ファイバー,HomeFibre,home,business,日本,799,12",
    )

    slugs = list(Product.objects.values_list("slug", flat=True))
    assert len(set(slugs)) == 5
    assert max(map(len, slugs)) <= 260
    assert "a-3" in slugs


def test_someone_adding_the_same_product_meanwhile_is_no_crash(monkeypatch):
    def plan_of_the_past(parsed, *, lock):
        plan = plan_import(parsed, lock=lock)
        draft_product(**SAME)
        return plan

    monkeypatch.setattr(import_service, "plan_import", plan_of_the_past)

    with pytest.raises(Refused, match="someone added one of these products at this very moment"):
        import_lines(ROW)


def test_the_plan_says_the_same_and_writes_nothing():
    draft_product(**SAME)
    draft_product(sku="FIBRE-2", name="Home Fibre 100")
    before = everything()

    plan = plan_import(
        parse(
            "\n".join(
                [
                    HEADER,
                    ROW,
                    ROW.replace("FIBRE-1", "FIBRE-2").replace("799", "849"),
                    ROW.replace("DFA", "MTN"),
                ]
            ).encode()
        )
    )

    assert plan.outcome == ImportOutcome(created=1, updated=1, unchanged=1)
    assert plan.rows[1].changes == {"pricing.regular_price": ["799.00", "849.00"]}
    assert everything() == before


@pytest.mark.parametrize("existing", [False, True])
def test_a_large_file_costs_as_many_queries_as_a_small_one(existing):
    def queries(start: int, count: int) -> int:
        lines = [ROW.replace("FIBRE-1", f"FIBRE-{number}") for number in range(start, start + count)]
        if existing:
            import_lines(*lines)
        with CaptureQueriesContext(
            connection,
        ) as captured:
            import_lines(*lines)
        return len(captured)

    ms_naidoo()
    queries(1000, 1)

    assert queries(2000, 200) == queries(3000, 20)
