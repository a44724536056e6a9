"""`manage.py legacy_products audit` and `migrate`: the rows of the legacy table become drafts, once."""

from decimal import Decimal

import psycopg
import pytest

from catalogue import services
from catalogue.content import product_content
from catalogue.models import LegacyProduct, LegacyTable, Product, ProductPricing, ProductStatus
from circletel.core.models import AuditEntry
from tests.circletel.predecessor.conftest import Report
from tests.factories import draft_product, mr_botha, ms_naidoo

RICH = {
    "description": "Fast.\n\nVery fast.",
    "price_promo": "699.00",
    "promo_start_date": "2025-10-01T00:00:00+02",
    "promo_end_date": "2025-10-31T23:59:59+02",
    "features": '["Uncapped", {"name": "Free router"}]',
    "hardware": "Reyee RG-EW1300G",
    "hardware_included": True,
    "installation_fee": "450.00",
    "flux_capacitor": "1.21 GW",
}
ACTOR = ("--actor", "thandi.naidoo")


@pytest.fixture(autouse=True)
def people(db):
    ms_naidoo()
    mr_botha()


def audit(legacy, *arguments):
    return Report(legacy.run("audit", *ACTOR, *arguments))


def migrate(legacy, *arguments):
    return Report(legacy.run("migrate", *ACTOR, *arguments))


def everything():
    models = (Product, ProductPricing, LegacyTable, LegacyProduct, AuditEntry)
    return [list(model.objects.order_by("pk").values_list()) for model in models]


def read():
    return Product.objects.with_content().get()


def test_a_row_becomes_a_draft_with_all_it_says(legacy):
    row = legacy.add(**RICH)

    report = migrate(legacy)

    assert report.heading == "Brought in:"
    assert report.counts == {"products": "1 new, 0 unchanged, 0 refused"}
    assert report.left_out == {"products": "cost_price_zar, flux_capacitor"}
    assert report.remarks == report.refused == {}
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
        "pricing.installation_fee": "450.00",
        "hardware.model": "Reyee RG-EW1300G",
        "hardware.included": True,
        "hardware.retail_value": None,
        "features": ["Uncapped", "Free router"],
        "add_ons": [],
        "components": [],
    }
    link = LegacyProduct.objects.get()
    assert (link.legacy_id, link.product) == (str(row), product)
    assert str(link) == f"{legacy.database}.public.products row {row}: Home Fibre 100 (OLD-1)"
    assert link.row["flux_capacitor"] == "1.21 GW"
    assert set(AuditEntry.objects.values_list("action", "actor_name", "detail")) == {
        ("created", "Thandi Naidoo", ""),
        ("legacy migrated", "Thandi Naidoo", "1 new, 0 unchanged, 0 refused"),
    }


def test_a_migrated_product_can_go_its_way(legacy):
    legacy.add(**RICH)
    migrate(legacy)

    services.submit(read().pk, actor=ms_naidoo())
    services.approve(read().pk, actor=mr_botha())

    assert services.publish(read().pk, actor=mr_botha()).created


def test_a_second_run_changes_nothing(legacy):
    draft_product(sku="OLD-2")
    legacy.add(**RICH)
    legacy.add(sku="OLD-2")
    legacy.add(sku=None, name="No SKU")
    assert migrate(legacy).counts == {"products": "3 new, 0 unchanged, 0 refused"}
    assert Product.objects.count() == 3
    before = everything()

    assert migrate(legacy).counts == {"products": "0 new, 3 unchanged, 0 refused"}
    assert everything() == before


def test_an_audit_writes_nothing(legacy):
    row = legacy.add(sku=None)
    bad = legacy.add(sku="OLD-2", price_regular="899.1250")
    before = everything()

    report = audit(legacy)

    assert report.heading == "Nothing was written; this is what would be done:"
    assert report.counts == {"products": "1 new, 0 unchanged, 1 refused"}
    assert report.remarks == {str(row): f"has no SKU: it gets LEGACY-{row}"}
    assert report.refused.keys() == {str(bad)}
    assert everything() == before


def test_bad_rows_are_left_behind_by_name_and_the_good_ones_migrated(legacy):
    good = legacy.add()
    bad = legacy.add(sku="OLD-2", name="Bad", provider=None)

    message, code = legacy.refused("migrate", *ACTOR)

    assert (message, code) == ("1 row was refused; the report says why.", 1)
    assert Report(legacy.out.getvalue()).refused == {
        str(bad): "provider: empty, expected text of at most 60 characters"
    }
    assert [link.legacy_id for link in LegacyProduct.objects.all()] == [str(good)]
    legacy.execute("UPDATE products SET provider = 'Vumatel' WHERE id = %s", [bad])
    assert migrate(legacy).counts == {"products": "1 new, 1 unchanged, 0 refused"}


def test_a_row_changed_since_is_named_and_its_product_left_alone(legacy):
    row = legacy.add()
    migrate(legacy)
    legacy.execute("UPDATE products SET price_regular = 849")

    report = migrate(legacy)

    assert report.counts == {"products": "0 new, 1 unchanged, 0 refused"}
    assert report.remarks == {str(row): "changed there since it came in: the product here is left alone"}
    assert read().pricing.regular_price == Decimal("799.00")


def test_a_product_that_is_here_already_is_found_by_its_sku(legacy):
    product = draft_product(sku="Old-1", name="Another name")
    Product.objects.filter(pk=product.pk).update(status=ProductStatus.ARCHIVED)
    row, other_segment = legacy.add(), legacy.add(customer_type="SME")

    report = migrate(legacy)

    assert report.remarks == {str(row): "is in the catalogue already, as Another name (Old-1)"}
    products = {link.legacy_id: link.product for link in LegacyProduct.objects.all()}
    assert products[str(row)] == product
    assert products[str(other_segment)].market_segment == "business"


def test_of_a_row_without_a_sku_the_product_is_found_by_name_and_price(legacy):
    product = draft_product(name="home fibre 100", regular_price="799")
    same, cheaper = legacy.add(sku=None), legacy.add(sku=None, price_regular="798.99")

    report = migrate(legacy)

    assert report.remarks[str(same)] == f"is in the catalogue already, as {product}"
    assert report.remarks[str(cheaper)] == f"has no SKU: it gets LEGACY-{cheaper}"
    assert [link.product == product for link in LegacyProduct.objects.order_by("legacy_id")] == [True, False]


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"price_regular": "899.1250"}, "price_regular: “899.125”, expected an amount in rand"),
        ({"price_regular": 0}, "price_regular: “0”, expected an amount in rand"),
        ({"price_promo": 0}, "price_promo: “0”, expected an amount in rand"),
        ({"price_promo": 900}, "price_promo: “900.00”, expected an amount below the regular price, 799.00"),
        ({"provider": " "}, "provider: empty, expected text"),
        ({"customer_type": "martian"}, "customer_type: “martian”, expected consumer or business"),
        ({"contract_term": "two years"}, "contract_term: “two years”, expected a whole number of months"),
        ({"data_cap": "x" * 61}, "data_cap: “" + "x" * 59 + "…”, expected text of at most 60 characters"),
        ({"description": "x" * 2001}, "expected text of at most 2000 characters"),
        ({"hardware_included": True}, "hardware_model: empty, expected a device"),
        (
            {"features": '["' + "x" * 201 + '"]'},
            "features: “" + "x" * 59 + "…”, expected at most 50 features",
        ),
        (
            {
                "price_promo": 699,
                "promo_start_date": "2025-10-31T12:00Z",
                "promo_end_date": "2025-10-01T12:00Z",
            },
            "promo_end_date: 2025-10-01 lies before 2025-10-31, the day the promotion begins",
        ),
    ],
)
def test_what_cannot_become_a_product_is_named_by_column_and_value(legacy, values, reason):
    row = legacy.add(**values)

    report = audit(legacy)

    assert report.counts == {"products": "0 new, 0 unchanged, 1 refused"}
    assert reason in report.refused[str(row)]


def test_a_second_row_of_the_same_key_is_the_same_product(legacy):
    legacy.add()
    second = legacy.add(name="Home Fibre 101", sku="old-1")

    report = migrate(legacy)

    assert report.remarks == {str(second): "is in the catalogue already, as Home Fibre 100 (OLD-1)"}
    assert Product.objects.count() == 1


def test_a_default_is_taken_where_a_row_has_nothing(legacy):
    legacy.add(provider=None)
    legacy.add(sku="OLD-2", provider="Vumatel")

    migrate(legacy, "--default", "provider=MTN")

    assert set(Product.objects.values_list("sku", "provider")) == {("OLD-1", "MTN"), ("OLD-2", "Vumatel")}


def test_vat_is_added_to_amounts_that_are_without_it(legacy):
    legacy.add(price_regular="694.78", price_promo="607.83", installation_fee=None)

    migrate(legacy, "--prices-exclude-vat", "--default", "installation_fee_incl_vat=450")

    pricing = read().pricing
    assert (pricing.regular_price, pricing.promotion_price, pricing.installation_fee) == (
        Decimal("799.00"),
        Decimal("699.00"),
        Decimal("450.00"),
    )


@pytest.mark.parametrize("price", [799, None])
def test_a_promotion_at_the_regular_price_is_none(legacy, price):
    legacy.add(price_promo=price, promo_start_date="2025-10-01")

    migrate(legacy)

    pricing = read().pricing
    assert (pricing.promotion_price, pricing.promotion_from) == (None, None)


def test_rows_that_are_not_active_become_drafts_and_are_named(legacy):
    row = legacy.add(is_active=False)

    assert migrate(legacy).remarks == {str(row): "is not active there, and a draft here"}
    assert read().status == ProductStatus.DRAFT


def test_one_refused_write_undoes_all(legacy, monkeypatch):
    legacy.add()
    before = everything()

    def fail(*_args, **_more):
        raise RuntimeError

    monkeypatch.setattr("circletel.predecessor.legacy_table.audit.record", fail)
    with pytest.raises(RuntimeError):
        migrate(legacy)

    assert everything() == before


def test_costs_of_the_legacy_table_are_not_printed(legacy):
    legacy.add(cost_price_zar=Decimal("314.15"))

    assert "314.15" not in legacy.run("audit", *ACTOR)


def test_a_table_in_another_schema_with_a_key_of_text(legacy):
    legacy.execute("CREATE SCHEMA shop")
    legacy.execute("CREATE TABLE shop.plans (sku text PRIMARY KEY, name text, price float8)")
    legacy.execute("INSERT INTO shop.plans VALUES ('A-1', 'Home', 899.99)")
    defaults = (
        "provider=DFA", "market_segment=consumer", "contract_months=1", "service_type=X", "product_category=x",
    )  # fmt: skip
    words = [word for default in defaults for word in ("--default", default)]

    assert migrate(legacy, "--table", "shop.plans", *words).counts == {
        "plans": "1 new, 0 unchanged, 0 refused"
    }
    assert read().pricing.regular_price == Decimal("899.99")


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--table", "nowhere"], "There is no plain table nowhere in that database"),
        (
            ["--default", "contract_months=0"],
            "--default contract_months: “0”, expected a whole number of months",
        ),
        (["--default", "colour=red"], "--default colour: there is no such field; fields are sku, name,"),
    ],
)
def test_what_makes_no_sense_is_refused_with_code_2(legacy, arguments, reason):
    legacy.add()

    message, code = legacy.refused("audit", *ACTOR, *arguments)

    assert reason in message
    assert code == 2


def test_a_database_out_of_reach_is_named_without_its_password(legacy):
    legacy.url = psycopg.conninfo.make_conninfo(
        host="127.0.0.1", port=1, user="someone", password="pa55word", dbname="gone"
    )

    message, code = legacy.refused("audit", *ACTOR)

    assert message.startswith("The predecessor's database cannot be reached: ")
    assert "pa55word" not in message
    assert code == 2


def test_whoever_may_not_import_may_not_migrate(legacy):
    legacy.add()

    refused = legacy.refused("migrate", "--actor", "pieter.botha")

    assert refused == ("Pieter Botha may not import products.", 2)
    assert not Product.objects.exists()
    entry = AuditEntry.objects.get()
    assert (entry.action, entry.actor_name, entry.result) == ("legacy migrated", "Pieter Botha", "refused")


def test_an_unknown_actor_is_refused(legacy):
    assert legacy.refused("migrate", "--actor", "nobody") == ("There is no user 'nobody'.", 2)
    assert legacy.refused("migrate") == (
        "Say who does it, with --actor USERNAME: there is no superuser to take for it.",
        2,
    )
