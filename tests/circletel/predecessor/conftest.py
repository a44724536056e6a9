"""The predecessor's databases: its tables as its own migrations made them, and the legacy table `products`."""

import json
import re
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

    def move(self, *arguments: str, code: int = 0, approver: str = "pieter.botha") -> "Report":
        """The report. The exit code must be `code`."""
        out = StringIO()
        people = ["--actor", "nomsa.dlamini", *(["--approver", approver] if approver else [])]
        words = ["--database", self.url, *people, *arguments]
        if code:
            with pytest.raises(CommandError) as refused:
                call_command("import_predecessor", *words, stdout=out)
            assert refused.value.returncode == code
        else:
            call_command("import_predecessor", *words, stdout=out)
        return Report(out.getvalue())

    def cannot(self, *arguments: str) -> str:
        with pytest.raises(CommandError) as refused:
            call_command("import_predecessor", *arguments, stdout=StringIO())
        assert refused.value.returncode == 2
        return str(refused.value)


LEGACY_TABLE = """
CREATE TABLE products (
    id serial PRIMARY KEY, name text NOT NULL, slug text, sku text, description text,
    price_regular numeric(10,4), base_price_zar numeric(10,2), price_promo numeric(10,2),
    promo_start_date timestamptz, promo_end_date timestamptz,
    category text, service_type text, customer_type text, provider text,
    speed_down integer, speed_up integer, data_cap text, contract_term text, features jsonb,
    hardware text, hardware_included boolean DEFAULT false, installation_fee numeric(10,2), cost_price_zar numeric(10,2),
    is_active boolean DEFAULT true, created_at timestamptz DEFAULT now(), flux_capacitor text
)
"""
LEGACY_ROW: dict[str, Any] = {
    "name": "Home Fibre 100",
    "sku": "OLD-1",
    "price_regular": "799.0000",
    "category": "home_fibre",
    "service_type": "HomeFibre",
    "customer_type": "residential",
    "provider": "DFA",
    "speed_down": 100,
    "speed_up": 50,
    "data_cap": "Unlimited",
    "contract_term": "12 months",
}


class LegacyProducts:
    """The legacy table `products`, and the command run against it."""

    def __init__(self, url: str, connection: psycopg.Connection[Any]) -> None:
        self.url, self._connection = url, connection
        self.database: str = self.execute("SELECT current_database()")[0][0]

    def execute(self, statement: str, parameters: Any = None) -> list[tuple[Any, ...]]:
        cursor = self._connection.execute(statement, parameters)
        return cursor.fetchall() if cursor.description else []

    def add(self, **values: Any) -> int:
        """A row that can become Home Fibre 100, with these values otherwise. Returns its id."""
        row = {**LEGACY_ROW, **values}
        names, marks = ", ".join(row), ", ".join(["%s"] * len(row))
        added: int = self.execute(
            f"INSERT INTO products ({names}) VALUES ({marks}) RETURNING id", list(row.values())
        )[0][0]
        return added

    def run(self, action: str, *arguments: object) -> str:
        """The output of the command. Raises CommandError."""
        self.out = StringIO()
        call_command(
            "legacy_products", action, "--database-url", self.url, *map(str, arguments), stdout=self.out
        )
        return self.out.getvalue()

    def refused(self, action: str, *arguments: object) -> tuple[str, int]:
        with pytest.raises(CommandError) as refused:
            self.run(action, *arguments)
        return str(refused.value), refused.value.returncode


class Report:
    """The report of a command, read back from its text."""

    def __init__(self, text: str) -> None:
        lines = text.splitlines()
        self.heading = lines[0]
        self.counts: dict[str, str] = {}
        self.left_out: dict[str, str] = {}
        self.remarks: dict[str, str] = {}
        self.refused: dict[str, str] = {}
        into = self.counts
        for line in lines[1:]:
            if line in ("To know:", "Refused:"):
                into = self.remarks if line == "To know:" else self.refused
            elif columns := re.fullmatch(r"  Columns of (\S+) that are left out: (.*)", line):
                self.left_out[columns[1]] = columns[2]
            elif into is self.counts:
                table, counts = line.split(maxsplit=1)
                self.counts[table] = counts
            else:
                row = re.fullmatch(r"  \S+ (\S+?)(?: \((?:[^()]|\([^()]*\))*\))?: (.*)", line)
                assert row is not None, line
                into[row[1]] = row[2]


@pytest.fixture
def empty_database(db: None, second_database: str) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(second_database, autocommit=True) as connection:
        connection.execute("DROP SCHEMA IF EXISTS public CASCADE; CREATE SCHEMA public")
        connection.execute("GRANT USAGE ON SCHEMA public TO PUBLIC")
        yield connection


@pytest.fixture
def legacy(empty_database: psycopg.Connection[Any], second_database: str) -> LegacyProducts:
    empty_database.execute(LEGACY_TABLE)
    return LegacyProducts(second_database, empty_database)


@pytest.fixture
def old(empty_database: psycopg.Connection[Any], second_database: str) -> Predecessor:
    person("nomsa.dlamini", "Product manager", "Publisher", "Pricing manager")
    person("pieter.botha", "Approver", "Pricing approver", "Publisher")
    empty_database.execute(TABLES)
    return Predecessor(second_database, empty_database)
