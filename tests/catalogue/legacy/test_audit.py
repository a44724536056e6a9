"""`manage.py legacy_products audit`: what a migration would do, said before anything is written."""

import json
from decimal import Decimal

import psycopg
import pytest

from catalogue.models import LegacyTable, Product, ProductStatus
from circletel.core.models import AuditEntry
from tests.factories import draft_product


def audited(old, *arguments):
    return json.loads(old.run("audit", "--json", *arguments)[0])


def test_every_column_is_accounted_for(old):
    old.add()

    report = audited(old)

    places = [report[place] for place in ("mapped", "same_meaning", "kept_beside")]
    accounted = {name for place in places for name in place}
    accounted |= {report["active_column"], *report["not_understood"]}
    assert accounted == {column["name"] for column in report["columns"]}
    assert report["not_understood"] == ["flux_capacitor"]
    assert report["mapped"]["customer_type"] == "market_segment"
    assert report["mapped"]["price_regular"] == "price_incl_vat"
    assert report["kept_beside"]["slug"] == "the catalogue makes addresses of its own"
    assert report["missing"] == []


def test_two_columns_of_one_meaning_are_named_with_the_rows_that_differ(old):
    old.add(base_price_zar="799.00")
    old.add(base_price_zar="749.00", sku="OLD-2")
    old.add(base_price_zar=None, sku="OLD-3")

    assert audited(old)["same_meaning"]["base_price_zar"] == {
        "field": "price_incl_vat",
        "taken": "price_regular",
        "rows_that_differ": 1,
    }


def test_a_row_is_found_by_its_sku_and_else_by_name_and_price(old):
    by_sku = draft_product(sku="Old-1", name="Another name")
    by_name = draft_product(name="home  fibre 100", regular_price="799", contract_months=12)
    draft_product(name="Home Fibre 100", regular_price="799", contract_months=24)
    first, second = old.add(), old.add(sku=None)
    other_segment = old.add(customer_type="SME", name="Work Fibre")
    other_price = old.add(sku="OLD-4", price_regular="798.99")

    report = audited(old)

    assert report["already"] == [
        {"row": str(first), "product": f"Another name ({by_sku.sku}, consumer, DFA)", "by": "SKU"},
        {
            "row": str(second),
            "product": f"home  fibre 100 ({by_name.sku}, consumer, DFA)",
            "by": "name and price",
        },
    ]
    assert report["outcome"]["new"] == 2
    assert {str(other_segment), str(other_price)}.isdisjoint(row["row"] for row in report["already"])


def test_what_is_only_assumed_speaks_against_no_product(old):
    product = draft_product(sku="OLD-1", market_segment="business")
    row = old.add(customer_type=None)

    report = audited(old, "--default", "market_segment=consumer")

    assert [(one["row"], one["by"]) for one in report["already"]] == [(str(row), "SKU")]
    assert product.sku in report["already"][0]["product"]


def test_an_archived_product_is_in_the_catalogue_too(old):
    product = draft_product(sku="OLD-1")
    Product.objects.filter(pk=product.pk).update(status=ProductStatus.ARCHIVED)
    old.add()

    assert audited(old)["outcome"]["in the catalogue already"] == 1


def test_two_products_that_fit_equally_well_are_for_a_person(old):
    for number in (1, 2):
        draft_product(sku=f"NEW-{number}", name="Home Fibre 100")
    row = old.add()

    (problem,) = audited(old)["cannot"]

    assert problem["row"] == str(row)
    assert problem["expected"] == (
        "one product of this name and price, but there are Home Fibre 100 (NEW-1, consumer, DFA),"
        " Home Fibre 100 (NEW-2, consumer, DFA)"
    )


@pytest.mark.parametrize(
    ("values", "column", "value"),
    [
        ({"price_regular": "899.1250"}, "price_regular", "899.125"),
        ({"price_regular": 0}, "price_regular", "0"),
        ({"price_promo": 0}, "price_promo", "0"),
        ({"price_promo": 900}, "price_promo", "900.00"),
        ({"provider": " "}, "provider", ""),
        ({"customer_type": "martian"}, "customer_type", "martian"),
        ({"contract_term": "two years"}, "contract_term", "two years"),
        ({"data_cap": "x" * 61}, "data_cap", "x" * 59 + "…"),
        ({"hardware_included": True}, "hardware", ""),
        ({"features": '["' + "x" * 201 + '"]'}, "features", "x" * 59 + "…"),
        (
            {"promo_start_date": "2025-10-31T12:00Z", "promo_end_date": "2025-10-01T12:00Z"},
            "promo_end_date",
            "2025-10-01",
        ),
    ],
)
def test_what_cannot_become_a_product_is_named_by_row_column_and_value(old, values, column, value):
    row = old.add(**values)

    report = audited(old)

    assert [(one["row"], one["column"], one["value"]) for one in report["cannot"]] == [
        (str(row), column, value)
    ]
    assert report["outcome"]["cannot"] == 1


def test_a_second_row_of_the_same_key_is_refused(old):
    first, second = old.add(), old.add(name="Home Fibre 101", sku="old-1")

    (problem,) = audited(old)["cannot"]

    assert problem["row"] == str(second)
    assert problem["expected"] == f"each SKU once per segment and provider, but row {first} has the same"


def test_a_required_field_that_no_column_gives_is_said_once(old):
    old.add()
    old.add(sku="OLD-2")
    old.execute("ALTER TABLE products DROP COLUMN provider")

    report = audited(old)
    text, _err = old.run("audit")

    assert (report["missing"], report["cannot"], report["outcome"]["cannot"]) == (["provider"], [], 2)
    assert "No column gives provider, which every product needs, so no row can be migrated" in text
    assert audited(old, "--default", "provider=DFA")["outcome"]["new"] == 2


def test_map_wins_over_the_synonyms(old):
    old.add(base_price_zar="749.00", flux_capacitor="fibre")

    report = audited(
        old, "--map", "base_price_zar=price_incl_vat", "--map", "flux_capacitor=technology",
        "--map", "features=ignore",
    )  # fmt: skip

    assert report["mapped"]["base_price_zar"] == "price_incl_vat"
    assert report["mapped"]["flux_capacitor"] == "technology"
    assert report["kept_beside"]["features"] == "left out by --map"
    assert report["not_understood"] == []


def test_an_audit_writes_nothing_in_a_second_database_and_here(elsewhere):
    row = elsewhere.add(sku=None)

    text, err = elsewhere.run("audit")

    lines = [line.split() for line in text.splitlines()]
    assert text.startswith(
        f"{elsewhere.database}.public.products: 1 rows, 1 of them active; id tells them apart\n"
    )
    assert ["flux_capacitor", "text", "NOT", "UNDERSTOOD"] in lines
    assert ["new", "1"] in lines
    assert f"Without an SKU, so one is made from the key: LEGACY-{row}." in text
    assert "Not locked: reads are not counted." in text
    assert err == ""
    assert not Product.objects.exists()
    assert not LegacyTable.objects.exists()
    assert not AuditEntry.objects.exists()


def test_costs_of_the_legacy_table_are_not_printed(old):
    old.execute("ALTER TABLE products ADD cost_price numeric")
    old.add(cost_price=Decimal("314.15"))

    assert "314.15" not in old.run("audit")[0] + old.run("audit", "--json")[0]
    assert audited(old)["kept_beside"]["cost_price"] == "a cost: for those who may see costs to enter"


def test_a_table_in_another_schema_with_a_key_of_text(old):
    old.execute("CREATE SCHEMA shop")
    old.execute("CREATE TABLE shop.plans (code text PRIMARY KEY, title text, price float8)")
    old.execute("INSERT INTO shop.plans VALUES ('A-1', 'Home', 899.99)")
    defaults = (
        "provider=DFA",
        "market_segment=consumer",
        "contract_months=1",
        "service_type=X",
        "product_category=x",
    )
    words = [word for default in defaults for word in ("--default", default)]

    report = audited(old, "--table", "shop.plans", *words)

    assert (report["key"], report["mapped"]["code"], report["outcome"]["new"]) == ("code", "sku", 1)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--table", "nowhere"], "There is no table nowhere in the database"),
        (["--table", "pg_temp_x.products"], "There is no table pg_temp_x.products"),
        (["--key", "nothing"], "has no column nothing; it has id, name,"),
        (["--key", "name"], "'name' does not tell the rows of"),
        (["--map", "nme=name"], "has no column nme, perhaps name"),
        (["--map", "name=nme"], "there is no field nme, perhaps name; fields are sku, name,"),
        (["--map", "sku=name", "--map", "slug=name"], "name is given more than one column"),
        (["--map", "sku"], "--map sku: expected two words with = between them."),
        (["--map", "sku=name", "--map", "sku=ignore"], "--map sku is given twice."),
        (
            ["--default", "contract_months=0"],
            "--default contract_months=0: expected a whole number of months",
        ),
        (["--default", "colour=red"], "there is no field colour"),
    ],
)
def test_what_makes_no_sense_is_refused_with_code_2(old, arguments, said):
    old.add()
    old.add(sku="OLD-2")

    message, code = old.refused("audit", *arguments)

    assert said in message
    assert code == 2


def test_a_table_without_a_key_asks_for_one(old):
    old.execute("CREATE TABLE plans (a int, b int, PRIMARY KEY (a, b))")

    message, code = old.refused("audit", "--table", "plans")

    assert "has no primary key of one column: say which column tells its rows apart, with --key" in message
    assert code == 2


def test_a_database_out_of_reach_is_named_without_its_password(old):
    old.url = psycopg.conninfo.make_conninfo(
        host="127.0.0.1", port=1, user="someone", password="pa55word", dbname="gone"
    )

    message, code = old.refused("audit")

    assert message.startswith("The legacy database cannot be reached: ")
    assert "pa55word" not in message
    assert code == 2
