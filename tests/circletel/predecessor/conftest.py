"""The predecessor's database: its tables as its own migrations made them, without triggers and policies."""

import json
from collections.abc import Iterator
from io import StringIO
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from django.core.management import CommandError, call_command

from tests.factories import person

TABLES = """
CREATE TABLE admin_products (
    id uuid PRIMARY KEY, name text NOT NULL, slug text, category text NOT NULL, service_type text NOT NULL,
    description text, long_description text, speed_down integer NOT NULL, speed_up integer NOT NULL,
    is_symmetrical boolean DEFAULT false, contract_terms integer[] DEFAULT '{12,24}', status text DEFAULT 'draft',
    version integer DEFAULT 1, is_current boolean DEFAULT true, sort_order integer DEFAULT 0,
    is_featured boolean DEFAULT false, created_by uuid, updated_by uuid, approved_by uuid, approved_at timestamptz,
    created_at timestamptz DEFAULT now(), updated_at timestamptz DEFAULT now());
CREATE TABLE admin_product_pricing (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(), product_id uuid NOT NULL, price_regular numeric(10,2) NOT NULL,
    price_promo numeric(10,2), installation_fee numeric(10,2) DEFAULT 0, is_promotional boolean DEFAULT false,
    promo_start_date timestamptz, promo_end_date timestamptz, effective_from timestamptz DEFAULT now(),
    approval_status text DEFAULT 'pending');
CREATE TABLE admin_product_features (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(), product_id uuid NOT NULL, feature_name text NOT NULL,
    feature_value text, sort_order integer DEFAULT 0);
CREATE TABLE admin_product_hardware (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(), product_id uuid NOT NULL, hardware_model text NOT NULL,
    retail_value numeric(10,2), dealer_cost numeric(10,2), is_included boolean DEFAULT true);
CREATE TABLE service_packages (
    id uuid PRIMARY KEY, name text NOT NULL, slug text, sku text, service_type text, product_category text,
    customer_type text, speed_down integer, speed_up integer, price numeric(10,2), promotion_price numeric(10,2),
    promotion_months integer, description text, features text[], active boolean DEFAULT true, pricing jsonb,
    metadata jsonb DEFAULT '{}', status text DEFAULT 'active', bundle_components jsonb DEFAULT '[]',
    base_price_zar numeric(10,2), cost_price_zar numeric(10,2), compatible_providers text[],
    source_admin_product_id uuid, valid_from timestamptz, valid_to timestamptz, price_history jsonb DEFAULT '[]',
    sort_order integer DEFAULT 0, flux_capacitor text, created_at timestamptz DEFAULT '2025-02-01 08:00+00',
    updated_at timestamptz DEFAULT now());
CREATE TABLE product_integrations (
    id uuid PRIMARY KEY, admin_product_id uuid, service_package_id uuid NOT NULL, zoho_crm_product_id text,
    zoho_billing_item_id text, zoho_billing_plan_id text, sync_status text DEFAULT 'ok', last_synced_at timestamptz);
CREATE TABLE price_changes (
    id uuid PRIMARY KEY, service_package_id uuid NOT NULL, old_price numeric(10,2) NOT NULL,
    new_price numeric(10,2) NOT NULL, price_difference numeric(10,2), published_at timestamptz,
    effective_date date NOT NULL, status text DEFAULT 'draft' NOT NULL, notice_sent_at timestamptz, reason text,
    admin_notes text, customer_message text, created_at timestamptz DEFAULT now(), updated_at timestamptz DEFAULT now());
"""
PRODUCT = {
    "name": "SkyFibre Home 50",
    "category": "fixed_wireless_residential",
    "service_type": "SkyFibre",
    "speed_down": 50,
    "speed_up": 25,
}
PACKAGE = PRODUCT | {
    "slug": "skyfibre-home-50",
    "sku": "SKY-50",
    "product_category": "fixed_wireless_residential",
    "customer_type": "residential",
    "base_price_zar": "899.00",
    "price": "899.00",
    "compatible_providers": ["MTN"],
    "metadata": json.dumps({"contract_months": 24}),
    "features": ["Uncapped"],
}
del PACKAGE["category"]
PRICING = {"price_regular": "899.00", "approval_status": "approved", "installation_fee": "450.00"}


class Predecessor:
    """The old database, and the command run against it by Ms Dlamini, with Mr Botha as approver."""

    def __init__(self, url: str, connection: psycopg.Connection[Any]) -> None:
        self.url, self.connection = url, connection

    def add(self, table: str, **values: Any) -> UUID:
        row = {"id": uuid4(), **values}
        names, marks = ", ".join(row), ", ".join(["%s"] * len(row))
        self.connection.execute(f"INSERT INTO {table} ({names}) VALUES ({marks})", list(row.values()))
        return row["id"]

    def product(self, **values: Any) -> UUID:
        id = self.add("admin_products", **{**PRODUCT, **values})
        self.add("admin_product_pricing", product_id=id, **PRICING)
        return id

    def package(self, **values: Any) -> UUID:
        return self.add("service_packages", **{**PACKAGE, **values})

    def change(self, package: UUID, **values: Any) -> UUID:
        given = {"old_price": "899.00", "new_price": "949.00", "effective_date": "2030-03-01", **values}
        return self.add("price_changes", service_package_id=package, **given)

    def move(self, *arguments: str, code: int = 0, approver: str = "pieter.botha") -> dict[str, Any]:
        """The report. The exit code must be `code`."""
        out = StringIO()
        people = ["--actor", "nomsa.dlamini", *(["--approver", approver] if approver else [])]
        words = ["--database", self.url, *people, *arguments, "--json"]
        if code:
            with pytest.raises(CommandError) as refused:
                call_command("import_predecessor", *words, stdout=out)
            assert refused.value.returncode == code
        else:
            call_command("import_predecessor", *words, stdout=out)
        report: dict[str, Any] = json.loads(out.getvalue())
        return report

    def cannot(self, *arguments: str) -> str:
        with pytest.raises(CommandError) as refused:
            call_command("import_predecessor", *arguments, stdout=StringIO())
        assert refused.value.returncode == 2
        return str(refused.value)


@pytest.fixture
def old(db: None, second_database: str) -> Iterator[Predecessor]:
    person("nomsa.dlamini", "Product manager", "Publisher", "Pricing manager")
    person("pieter.botha", "Approver", "Pricing approver", "Publisher")
    with psycopg.connect(second_database, autocommit=True) as connection:
        connection.execute("DROP SCHEMA IF EXISTS public CASCADE; CREATE SCHEMA public")
        connection.execute(TABLES)
        yield Predecessor(second_database, connection)
