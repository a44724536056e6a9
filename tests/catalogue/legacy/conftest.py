"""A legacy table as the predecessor had it, in our own database or in a second one."""

from collections.abc import Callable, Iterator
from io import StringIO
from typing import Any

import psycopg
import pytest
from django.core.management import CommandError, call_command
from django.db import connection

TABLE = """
CREATE TABLE products (
    id serial PRIMARY KEY, name text NOT NULL, slug text, sku text, description text,
    price_regular numeric(10,4), base_price_zar numeric(10,2), price_promo numeric(10,2),
    promo_start_date timestamptz, promo_end_date timestamptz,
    category text, service_type text, customer_type text, provider text,
    speed_down integer, speed_up integer, data_cap text, contract_term text, features jsonb,
    hardware text, hardware_included boolean DEFAULT false, installation_fee numeric(10,2),
    is_active boolean DEFAULT true, created_at timestamptz DEFAULT now(), flux_capacitor text
)
"""
GOOD: dict[str, Any] = {
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


class OldTable:
    """The table, and the command run against it."""

    def __init__(self, execute: Callable[..., Any], url: str | None) -> None:
        self.execute, self.url = execute, url

    @property
    def database(self) -> str:
        name: str = self.execute("SELECT current_database()")[0][0]
        return name

    def add(self, **values: Any) -> int:
        """A row that can become Home Fibre 100, with these values otherwise. Returns its id."""
        row = {**GOOD, **values}
        names, marks = ", ".join(row), ", ".join(["%s"] * len(row))
        added: int = self.execute(
            f"INSERT INTO products ({names}) VALUES ({marks}) RETURNING id", list(row.values())
        )[0][0]
        return added

    def run(self, deed: str, *arguments: object) -> tuple[str, str]:
        """What the command says. Raises CommandError."""
        out, err = StringIO(), StringIO()
        where = ["--database-url", self.url] if self.url else []
        call_command("legacy_products", deed, *where, *map(str, arguments), stdout=out, stderr=err)
        return out.getvalue(), err.getvalue()

    def refused(self, deed: str, *arguments: object) -> tuple[str, int]:
        with pytest.raises(CommandError) as refused:
            self.run(deed, *arguments)
        return str(refused.value), refused.value.returncode


@pytest.fixture
def old(db: None) -> OldTable:
    """In our own database."""

    def execute(statement: str, parameters: Any = None) -> list[tuple[Any, ...]]:
        with connection.cursor() as cursor:
            cursor.execute(statement, parameters)
            return cursor.fetchall() if cursor.description else []

    execute(TABLE)
    return OldTable(execute, None)


@pytest.fixture
def elsewhere(db: None, second_database: str) -> Iterator[OldTable]:
    """In that database, with nothing else in it."""
    with psycopg.connect(second_database, autocommit=True) as other:
        other.execute("DROP SCHEMA IF EXISTS public CASCADE; CREATE SCHEMA public")
        other.execute("GRANT USAGE ON SCHEMA public TO PUBLIC")
        other.execute(TABLE)

        def execute(statement: str, parameters: Any = None) -> list[tuple[Any, ...]]:
            cursor = other.execute(statement, parameters)
            return cursor.fetchall() if cursor.description else []

        yield OldTable(execute, second_database)
