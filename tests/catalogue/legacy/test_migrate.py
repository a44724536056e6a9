"""`manage.py legacy_products migrate`: rows become drafts, once."""

from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from catalogue import services
from catalogue.content import product_content
from catalogue.models import LegacyProduct, LegacyTable, Product, ProductPricing, ProductStatus
from circletel.core.models import AuditEntry
from tests.factories import draft_product, mr_botha, ms_naidoo

RICH = {
    "description": "Fast.\n\nVery fast.",
    "price_promo": "699.00",
    "promo_start_date": "2025-10-01T00:00:00+02",
    "promo_end_date": "2025-10-31T23:59:59+02",
    "features": '["Uncapped", {"name": "Free router"}]',
    "hardware": "Reyee RG-EW1300G",
    "hardware_included": True,
    "installation_fee": 0,
    "flux_capacitor": "1.21 GW",
}


@pytest.fixture(autouse=True)
def people(db):
    ms_naidoo()
    mr_botha()


def migrate(old, *arguments):
    return old.run("migrate", "--actor", "thandi.naidoo", *arguments)


def counts(**numbers):
    names = {
        "new": "new",
        "changed": "changed",
        "before": "migrated before",
        "there": "in the catalogue already",
        "edited": "edited in the catalogue since",
        "skipped": "not active, left out",
        "cannot": "cannot",
    }
    return ", ".join(f"{numbers.get(name, 0)} {words}" for name, words in names.items()) + ".\n"


def everything():
    models = (Product, ProductPricing, LegacyTable, LegacyProduct, AuditEntry)
    return [list(model.objects.order_by("pk").values_list()) for model in models]


def read():
    return Product.objects.with_content().get()


@pytest.mark.parametrize("where", ["old", "elsewhere"])
def test_a_row_becomes_a_draft_with_all_it_says(request, where):
    old = request.getfixturevalue(where)
    row = old.add(**RICH)

    assert migrate(old) == (counts(new=1), "")

    product = read()
    assert (product.status, product.created_by) == (ProductStatus.DRAFT, ms_naidoo())
    assert product_content(product) == {
        "name": "Home Fibre 100",
        "sku": "OLD-1",
        "service_type": "HomeFibre",
        "category": "home_fibre",
        "technology": "",
        "market_segment": "consumer",
        "provider": "DFA",
        "speed_down_mbps": 100,
        "speed_up_mbps": 50,
        "data_limit": "Unlimited",
        "contract_months": 12,
        "description": "Fast.\n\nVery fast.",
        "valid_from": None,
        "valid_to": None,
        "installation_days": None,
        "zones": [],
        "featured": False,
        "popular": False,
        "pricing.discounted_installation_fee": None,
        "pricing.regular_price": "799.00",
        "pricing.promotion_price": "699.00",
        "pricing.promotion_months": None,
        "pricing.promotion_from": "2025-10-01",
        "pricing.promotion_to": "2025-10-31",
        "pricing.installation_fee": "0.00",
        "hardware.model": "Reyee RG-EW1300G",
        "hardware.included": True,
        "hardware.retail_value": None,
        "features": ["Uncapped", "Free router"],
        "add_ons": [],
    }
    link = LegacyProduct.objects.get()
    assert (link.legacy_id, link.product, link.found_by) == (str(row), product, "migration")
    assert link.row["flux_capacitor"] == "1.21 GW"
    assert set(AuditEntry.objects.values_list("action", "actor_name")) == {
        ("created", "Thandi Naidoo"),
        ("legacy migrated", "Thandi Naidoo"),
    }


def test_a_migrated_product_can_go_its_way(old):
    old.add(**RICH)
    migrate(old)

    services.submit(read().pk, actor=ms_naidoo())
    services.approve(read().pk, actor=mr_botha())

    assert services.publish(read().pk, actor=mr_botha()).created


@pytest.mark.parametrize("where", ["old", "elsewhere"])
def test_a_second_run_changes_nothing(request, where):
    old = request.getfixturevalue(where)
    draft_product(sku="OLD-2")
    old.add(**RICH)
    old.add(sku="OLD-2")
    old.add(sku=None, name="No SKU")
    assert migrate(old)[0] == counts(new=2, there=1)
    before = everything()

    assert migrate(old)[0] == counts(before=2, there=1)
    assert everything() == before


def test_a_dry_run_writes_nothing(old):
    old.add()
    before = everything()

    assert migrate(old, "--dry-run")[0] == "Nothing written. It would be: " + counts(new=1)
    assert everything() == before


def test_bad_rows_are_left_behind_by_name_and_the_good_ones_migrated(old):
    good = old.add()
    bad = old.add(sku="OLD-2", name="Bad", provider=None)

    message, code = old.refused("migrate", "--actor", "thandi.naidoo")

    assert (message, code) == ("1 row cannot become products; see above.", 1)
    assert [link.legacy_id for link in LegacyProduct.objects.all()] == [str(good)]
    old.execute("UPDATE products SET provider = 'Vumatel' WHERE id = %s", [bad])
    assert migrate(old)[0] == counts(new=1, before=1)


def test_a_row_changed_since_updates_a_draft_nobody_touched(old):
    old.add()
    migrate(old)
    old.execute("UPDATE products SET price_regular = 849, hardware = 'Reyee', hardware_included = true")

    assert migrate(old)[0] == counts(changed=1)

    product = read()
    assert (product.pricing.regular_price, product.hardware.model) == (Decimal("849.00"), "Reyee")
    edit = AuditEntry.objects.get(action="edited")
    assert edit.changes["pricing.regular_price"] == ["799.00", "849.00"]
    assert migrate(old)[0] == counts(before=1)


def test_a_product_edited_in_the_catalogue_is_never_touched_again(old):
    old.add()
    migrate(old)
    product, before = read(), product_content(read())
    Product.objects.filter(pk=product.pk).update(name="Home Fibre 100 Plus")
    services.record_edit(product, actor=ms_naidoo(), before=before)
    old.execute("UPDATE products SET price_regular = 849")

    assert migrate(old)[0] == counts(edited=1)
    assert read().pricing.regular_price == Decimal("799.00")


def test_a_submitted_product_is_not_touched(old):
    old.add()
    migrate(old)
    services.submit(read().pk, actor=ms_naidoo())
    old.execute("UPDATE products SET price_regular = 849")

    assert migrate(old)[0] == counts(edited=1)
    assert read().status == ProductStatus.PENDING


def test_a_product_found_once_is_remembered_when_it_is_renamed(old):
    product = draft_product(name="Home Fibre 100")
    old.add(sku=None)
    assert migrate(old)[0] == counts(there=1)
    Product.objects.filter(pk=product.pk).update(name="Fibre for homes")

    assert migrate(old)[0] == counts(there=1)
    assert Product.objects.count() == 1
    assert product_content(read()) == product_content(product) | {"name": "Fibre for homes"}


def test_vat_is_added_to_amounts_that_are_without_it(old):
    old.add(price_regular="694.78", price_promo="607.83", installation_fee="0")

    migrate(old, "--prices-exclude-vat")

    pricing = read().pricing
    assert (pricing.regular_price, pricing.promotion_price, pricing.installation_fee) == (
        Decimal("799.00"),
        Decimal("699.00"),
        Decimal("0.00"),
    )


def test_a_promotion_at_the_regular_price_is_none(old):
    old.add(price_promo=799, promo_start_date="2025-10-01")

    migrate(old)

    pricing = read().pricing
    assert (pricing.promotion_price, pricing.promotion_from) == (None, None)


def test_rows_that_are_not_active_become_drafts_unless_left_out(old):
    old.add(is_active=False)

    assert migrate(old, "--skip-inactive")[0] == counts(skipped=1)
    assert not Product.objects.exists()
    assert migrate(old)[0] == counts(new=1)


def test_one_refused_write_undoes_all(old, monkeypatch):
    old.add()
    before = everything()

    def fail(*_args, **_more):
        raise RuntimeError

    monkeypatch.setattr("catalogue.legacy.migration.audit.record", fail)
    with pytest.raises(RuntimeError):
        migrate(old)

    assert everything() == before


def test_the_number_of_queries_does_not_grow_with_the_rows(old):
    def queries_for(numbers):
        for number in numbers:
            old.add(sku=f"OLD-{number}", name=f"Fibre {number}")
        with CaptureQueriesContext(connection) as queries:
            migrate(old)
        return len(queries)

    queries_for(range(1))

    assert queries_for(range(1, 20)) == queries_for(range(20, 100))
    assert Product.objects.count() == 100


def test_whoever_may_not_import_may_not_migrate(old):
    old.add()

    message, code = old.refused("migrate", "--actor", "pieter.botha")

    assert (message, code) == ("Pieter Botha may not import products.", 2)
    assert not Product.objects.exists()
    entry = AuditEntry.objects.get()
    assert (entry.action, entry.actor_name, entry.result) == ("legacy migrated", "Pieter Botha", "refused")


def test_an_unknown_actor_is_refused(old):
    assert old.refused("migrate", "--actor", "nobody") == ("There is no user 'nobody'.", 2)
    message, code = old.refused("migrate")
    assert (message, code) == (
        "Say who migrates, with --actor USERNAME: there is no superuser to take for it.",
        2,
    )
