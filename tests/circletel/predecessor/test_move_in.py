"""Moving in: what comes under its own id, what is refused and why, and that a second run changes nothing."""

from datetime import UTC, date, datetime
from decimal import Decimal
from uuid import UUID, uuid4

from django.db import connection
from django.utils import timezone

from catalogue.content import product_content
from catalogue.models import Product, ServicePackage
from circletel.core.models import AuditEntry
from pricing.models import PriceChange, PriceEntry
from pricing.rule import price_for_customer
from zoho_sync.models import Kind, ProductIntegration

COUNTED = (Product, ServicePackage, PriceChange, PriceEntry, ProductIntegration, AuditEntry)
CRM_ID, PLAN_ID = "5678000000123456", "4600000000098765"


def everything() -> dict[str, list]:
    """Every row of ours that a move writes, as it stands."""
    return {model.__name__: sorted(map(str, model.objects.values_list())) for model in COUNTED}


def test_a_product_and_its_package_keep_their_ids(old):
    product_id = old.product(status="approved")
    old.add("admin_product_features", product_id=product_id, feature_name="Uncapped", sort_order=2)
    old.add(
        "admin_product_features",
        product_id=product_id,
        feature_name="Router",
        feature_value="free",
        sort_order=1,
    )
    old.add(
        "admin_product_hardware", product_id=product_id, hardware_model="Tozed X100", dealer_cost="1100.00"
    )
    package_id = old.package(source_admin_product_id=product_id)

    report = old.move()

    assert report.counts["admin_products"] == "1 new, 0 unchanged, 0 refused"
    assert report.counts["service_packages"] == "1 new, 0 unchanged, 0 refused"
    assert report.refused == report.remarks == {}
    assert report.left_out == {
        "admin_products": "is_symmetrical, version, sort_order, created_by, updated_by, approved_by, approved_at,"
        " updated_at",
        "service_packages": "cost_price_zar, sort_order, flux_capacitor, updated_at",
    }
    product = Product.objects.with_content().get()
    assert product.pk == product_id
    assert (product.status, product.approved_by.username) == ("approved", "pieter.botha")
    content = product_content(product)
    assert content["sku"] == "SKY-50"
    assert content["contract_months"] == 24
    assert content["features"] == ["Router: free", "Uncapped"]
    assert content["pricing.regular_price"] == "899.00"
    assert content["pricing.installation_fee"] == "450.00"
    assert content["hardware.model"] == "Tozed X100"
    assert product.hardware.dealer_cost is None
    package = ServicePackage.objects.get()
    assert package.pk == package_id
    assert package.source_admin_product == product
    assert (package.status, package.slug) == ("active", "skyfibre-home-50")
    assert (package.market_segment, package.provider) == ("consumer", "MTN")
    assert package.price == Decimal("899.00")
    assert package.published_at == datetime(2025, 2, 1, 8, tzinfo=UTC)
    assert package.is_on_sale()
    assert package.versions.count() == 1
    assert [entry.price for entry in package.price_entries.all()] == [Decimal("899.00")] * 2


def test_a_second_run_changes_nothing(old):
    product_id = old.product(status="pending")
    package_id = old.package(source_admin_product_id=product_id)
    old.add("product_integrations", service_package_id=package_id, zoho_crm_product_id=CRM_ID)
    old.change(package_id)
    first = old.move()
    before = everything()

    second = old.move()

    tables = ["admin_products", "service_packages", "product_integrations", "price_changes"]
    assert first.counts == dict.fromkeys(tables, "1 new, 0 unchanged, 0 refused")
    assert second.counts == dict.fromkeys(tables, "0 new, 1 unchanged, 0 refused")
    assert everything() == before


def test_a_dry_run_says_the_same_and_writes_nothing(old):
    package_id = old.package()
    old.add("product_integrations", service_package_id=package_id, zoho_crm_product_id=CRM_ID)
    old.package(sku="", slug="", status="on holiday")
    before = everything()

    rehearsed = old.move("--dry-run", code=1)

    assert everything() == before
    real = old.move(code=1)
    assert rehearsed.heading == "Nothing was written; this is what would be done:"
    assert vars(rehearsed) == vars(real) | {"heading": rehearsed.heading}


def test_what_the_predecessor_called_in_step_is_not_believed(old):
    package_id = old.package()
    row_id = old.add(
        "product_integrations",
        service_package_id=package_id,
        zoho_crm_product_id=CRM_ID,
        zoho_billing_plan_id=PLAN_ID,
        zoho_billing_item_id="4600000000011111",
        sync_status="ok",
    )

    report = old.move()

    rows = {Kind(row.kind): row for row in ProductIntegration.objects.all()}
    crm, plan = rows[Kind.CRM_PRODUCT], rows[Kind.BILLING_PLAN]
    assert crm.pk == row_id
    assert (crm.remote_id, crm.status, crm.synced_hash) == (CRM_ID, "pending", "")
    # Not None: CRM is known to have it, so it is written by its id and not made a second time.
    assert crm.acknowledged_payload == {}
    assert (plan.remote_id, plan.status, plan.next_retry_at) == (PLAN_ID, "dead", None)
    assert "backfill_zoho billing" in plan.last_sync_error
    assert rows[Kind.BILLING_PRODUCT].status == "pending"
    assert "4600000000011111 is an item in Billing" in report.remarks[str(row_id)]


def test_approved_products_wait_where_nobody_answers_for_them(old):
    approved, incomplete = (
        old.product(status="approved"),
        old.product(name="Without a price", status="approved"),
    )
    old.connection.execute("DELETE FROM admin_product_pricing WHERE product_id = %s", [incomplete])
    old.package(source_admin_product_id=approved)

    report = old.move(code=1, approver="")

    assert Product.objects.get().status == "pending"
    assert report.remarks == {str(approved): "was approved there and waits for an approver here"}
    assert "price_incl_vat: empty, expected an amount" in report.refused[str(incomplete)]


def test_old_versions_and_archived_packages_are_put_away_and_zoho_is_not_told(old):
    product_id = old.product(is_current=False)
    package_id = old.package(source_admin_product_id=product_id, status="archived", active=False)

    old.move()

    assert Product.objects.get(pk=product_id).status == "archived"
    package = ServicePackage.objects.get(pk=package_id)
    assert package.status == "archived"
    assert not package.is_on_sale()
    assert not package.integrations.exists()
    assert package.versions.count() == 1


def test_rows_that_cannot_come_in_are_named_and_stop_nobody(old):
    good = old.package()
    bad = {
        old.package(
            sku="A-1", slug="a1", base_price_zar=None, price=None
        ): "price_incl_vat: empty, expected an amount",
        old.package(
            sku="A-2", slug="a2", base_price_zar="0.00", price="0.00"
        ): "base_price_zar: “0”, expected an amount",
        old.package(sku="A 3;DROP", slug="a3"): "sku: “A 3;DROP”, expected at most 64",
        old.package(sku="A-4", slug="a4", status="on holiday"): "status: 'on holiday' is none of",
        old.package(sku="A-5", slug="a5", name="x" * 201): "expected text of at most 200 characters",
        old.package(
            sku="A-6", slug="a6", valid_from="2025-05-01", valid_to="2025-04-01"
        ): "valid_to does not lie after valid_from",
        old.package(
            sku="sky-50", slug="a7", name="Twin"
        ): "there is another package with this SKU, segment and provider here",
        old.package(sku="A-8", slug="a8"): "the same variant",
        old.package(
            sku="A-9", slug="a9", customer_type="martian"
        ): "customer_type: “martian”, expected consumer or business",
    }
    # Ids are random, and the first of two wins.
    old.connection.execute("UPDATE service_packages SET id = %s WHERE id = %s", [UUID(int=1), good])

    report = old.move(code=1)

    refused = report.refused
    assert refused.keys() == {str(id) for id in bad}
    for id, words in bad.items():
        assert words in refused[str(id)]
    assert [package.pk for package in ServicePackage.objects.all()] == [UUID(int=1)]
    assert report.counts["service_packages"] == f"1 new, 0 unchanged, {len(bad)} refused"


def test_each_row_is_asked_for_a_value_of_its_own(old):
    old.connection.execute("ALTER TABLE service_packages ADD market_segment text, ADD provider text")
    newer = old.package(market_segment="smme", provider="DFA", base_price_zar=None, price="899.00")
    older = old.package(sku="B-1", slug="b1", name="Other", promotion_months=3)

    report = old.move()

    packages = {package.pk: package for package in ServicePackage.objects.all()}
    assert report.remarks == {}
    assert (packages[newer].market_segment, packages[newer].provider) == ("business", "DFA")
    assert (packages[older].market_segment, packages[older].provider) == ("consumer", "MTN")
    assert {str(package.price) for package in packages.values()} == {"899.00"}
    assert packages[older].promotion_months is None


def test_two_columns_with_different_amounts_are_named(old):
    row = old.package(base_price_zar="899.00", price="799.00")

    report = old.move()

    assert report.remarks == {str(row): "price says 799; base_price_zar was taken, 899"}
    assert ServicePackage.objects.get().price == Decimal("899.00")


def test_zoho_ids_that_would_mix_packages_up_are_refused(old):
    one, two = old.package(), old.package(sku="B-1", slug="b1", name="Other")
    first = old.add("product_integrations", service_package_id=one, zoho_crm_product_id=CRM_ID)
    second = old.add("product_integrations", service_package_id=two, zoho_crm_product_id=CRM_ID)
    wrong = old.add("product_integrations", service_package_id=one, zoho_billing_plan_id="'; DROP")
    nobody = old.add(
        "product_integrations", service_package_id=uuid4(), zoho_crm_product_id="5678000000999999"
    )

    refused = old.move(code=1).refused

    twice = f"zoho_crm_product_id: {CRM_ID} is said of 2 packages; Zoho has it once"
    assert refused == {
        str(first): twice,
        str(second): twice,
        str(wrong): 'zoho_billing_plan_id: "\'; DROP" is no Zoho id',
        str(nobody): "service_package_id: the package is not here; was it refused above?",
    }
    assert not ProductIntegration.objects.exclude(remote_id="").exists()


def test_open_price_changes_come_as_they_stood(old):
    waiting = old.package()
    drafted = old.package(sku="B-1", slug="b1", name="Other")
    given_up = old.package(sku="B-2", slug="b2", name="Third")
    published = old.change(
        waiting,
        status="published",
        published_at="2026-01-10 08:00+00",
        effective_date="2030-03-01",
        reason="Costs",
    )
    draft = old.change(drafted, new_price="999.00")
    cancelled = old.change(given_up, status="cancelled")

    report = old.move()

    changes = {change.pk: change for change in PriceChange.objects.all()}
    assert changes.keys() == {published, draft, cancelled}
    assert {key: change.status for key, change in changes.items()} == {
        published: "published",
        draft: "draft",
        cancelled: "cancelled",
    }
    change = changes[published]
    assert (change.effective_date, change.reason) == (date(2030, 3, 1), "Costs")
    assert change.published_at == datetime(2026, 1, 10, 8, tzinfo=UTC)
    assert change.approved_by.username == "pieter.botha"
    package = ServicePackage.objects.get(pk=waiting)
    assert (package.price, package.new_customer_price) == (Decimal("899.00"), Decimal("949.00"))
    assert report.remarks == {str(published): "no notice was ever sent: customers do not know of it"}
    plan = package.integrations.get(kind=Kind.BILLING_PLAN)
    assert plan.status == "pending"
    joined = {2025: "899.00", 2026: "949.00"}
    for year, price in joined.items():
        customer = price_for_customer(
            package, signed_up_at=datetime(year, 6, 1, tzinfo=UTC), at=datetime(2026, 11, 1, tzinfo=UTC)
        )
        assert str(customer.including_vat) == price


def test_changes_that_took_effect_become_history_and_are_named(old):
    package_id = old.package(base_price_zar="949.00", price="949.00")
    first = old.change(
        package_id,
        old_price="849.00",
        new_price="899.00",
        status="effective",
        published_at="2025-03-01 08:00+00",
        effective_date="2025-05-01",
    )
    second = old.change(
        package_id,
        old_price="899.00",
        new_price="949.00",
        status="effective",
        published_at="2025-08-01 08:00+00",
        effective_date="2025-10-01",
    )

    report = old.move()

    assert report.counts["price_changes"] == "2 new, 0 unchanged, 0 refused"
    lines = PriceEntry.objects.order_by("audience", "valid_from").values_list("audience", "price", "valid_to")
    assert [(audience, str(price), ends and ends.date().isoformat()) for audience, price, ends in lines] == [
        ("existing", "849.00", "2025-04-30"),
        ("existing", "899.00", "2025-09-30"),
        ("existing", "949.00", None),
        ("new", "849.00", "2025-03-01"),
        ("new", "899.00", "2025-08-01"),
        ("new", "949.00", None),
    ]
    remarks = report.remarks
    assert remarks.keys() == {str(first), str(second)}
    assert remarks[str(second)].endswith("who still pays R 899.00")
    assert set(PriceChange.objects.values_list("pk", "status")) == {
        (first, "effective"),
        (second, "effective"),
    }
    assert old.move().counts["price_changes"] == "0 new, 2 unchanged, 0 refused"


def test_history_that_does_not_lead_to_the_price_is_refused(old):
    package_id = old.package()
    broken = old.change(
        package_id, status="effective", published_at="2025-03-01 08:00+00", effective_date="2025-05-01"
    )

    report = old.move(code=1)

    assert report.refused == {str(broken): "it leads to R 949.00, but the package costs R 899.00"}
    assert ServicePackage.objects.get().price == Decimal("899.00")
    assert PriceEntry.objects.count() == 2
    assert not PriceChange.objects.exists()


def test_price_changes_that_cannot_be_are_refused(old):
    package = old.package()
    other = old.package(sku="B-1", slug="b1", name="Other")
    effective = {"status": "effective", "published_at": "2025-03-01 08:00+00", "effective_date": "2025-05-01"}
    refused = {
        old.change(package, status="postponed"): "status: 'postponed' is none of draft, published, effective",
        old.change(
            package, new_price="899.00"
        ): "new_price: SkyFibre Home 50 (SKY-50) costs R 899.00 already",
        old.change(package, new_price="0.00"): "new_price: “0”, expected an amount in rand",
        old.change(uuid4()): "is not here; was it refused above?",
        old.change(package, status="published"): "published_at, effective_date: a published change has both",
        old.change(
            package, status="published", published_at="2029-03-01"
        ): "published_at: 1 Mar 2029 has not come yet",
        old.change(
            package, status="published", published_at="2025-03-01", old_price="799.00"
        ): "old_price: the package costs R 899.00, not R 799.00",
        old.change(
            other, **effective | {"published_at": None}
        ): "is empty, so it cannot be said from when it held",
    }

    report = old.move(code=1)

    assert report.refused.keys() == {str(id) for id in refused}
    for id, reason in refused.items():
        assert reason in report.refused[str(id)]
    later = old.change(package, **effective)
    assert "was here before it" in old.move(code=1).refused[str(later)]
    assert not PriceChange.objects.exists()


def test_products_keep_their_status(old):
    archived, strange = old.product(status="archived"), old.product(name="Other", status="on holiday")
    pending = old.product(name="Third", status="pending")
    for number, product in enumerate((archived, strange, pending)):
        old.package(sku=f"P-{number}", slug=f"p{number}", name=f"P {number}", source_admin_product_id=product)

    report = old.move(code=1)

    assert report.refused == {
        str(strange): "status: 'on holiday' is none of draft, pending, approved and archived"
    }
    assert Product.objects.get(pk=archived).status == "archived"
    assert Product.objects.get(pk=pending).status == "pending"


def test_a_date_that_passed_unheeded_begins_anew_as_a_draft(old):
    package_id = old.package()
    passed = old.change(
        package_id, status="published", published_at="2025-03-01 08:00+00", effective_date="2025-05-01"
    )

    report = old.move()

    assert PriceChange.objects.get().status == "draft"
    assert ServicePackage.objects.get().new_customer_price is None
    assert "on 1 May 2025 and never did" in report.remarks[str(passed)]


def test_it_refuses_before_it_begins(old):
    old.package()
    nobody = ["--database", "postgres://u:secret@127.0.0.1:1/x", "--actor", "nomsa.dlamini"]
    assert "cannot be reached" in old.cannot(*nobody)
    assert "secret" not in old.cannot(*nobody)
    assert "--database URL" in old.cannot("--actor", "nomsa.dlamini")
    itself = ["--database", old.url, "--actor", "pieter.botha", "--approver", "pieter.botha"]
    assert "may not" in old.cannot(*itself)
    old.change(ServicePackage(id=uuid4()).pk, status="published", published_at=timezone.now())
    assert "--approver USERNAME" in old.cannot("--database", old.url, "--actor", "nomsa.dlamini")
    old.connection.execute("DROP TABLE admin_product_pricing")
    assert "There is no plain table public.admin_product_pricing" in old.cannot(
        "--database", old.url, "--actor", "nomsa.dlamini"
    )
    assert not ServicePackage.objects.exists()


def test_the_catalogues_own_database_is_not_taken_for_the_predecessors(old):
    own = connection.settings_dict
    url = f"postgres://{own['USER']}:{own['PASSWORD']}@{own['HOST']}:{own['PORT']}/{own['NAME']}"
    words = old.cannot("--database", url, "--actor", "nomsa.dlamini")
    assert "is this catalogue's own table" in words


def test_rows_hidden_by_row_level_security_are_an_error_and_not_an_empty_catalogue(old):
    old.package()
    old.connection.execute(
        "DROP ROLE IF EXISTS reader_of_old; CREATE ROLE reader_of_old LOGIN PASSWORD 'x';"
        "GRANT USAGE ON SCHEMA public TO reader_of_old; GRANT SELECT ON ALL TABLES IN SCHEMA public TO reader_of_old;"
        "ALTER TABLE service_packages ENABLE ROW LEVEL SECURITY"
    )
    try:
        url = psycopg_url(old.url, user="reader_of_old", password="x")
        words = old.cannot("--database", url, "--actor", "nomsa.dlamini")
        assert "row-level security" in words
    finally:
        old.connection.execute("DROP OWNED BY reader_of_old; DROP ROLE reader_of_old")


def psycopg_url(url: str, **other: str) -> str:
    from psycopg.conninfo import conninfo_to_dict, make_conninfo

    return make_conninfo(**{**conninfo_to_dict(url), **other})
