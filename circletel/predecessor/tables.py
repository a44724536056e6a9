"""The predecessor's tables as plain rows, with what stood in side tables and JSON columns beside the rest."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from psycopg.sql import Literal

from catalogue.legacy.source import (
    Column,
    LegacyDatabase,
    LegacyTrouble,
    Row,
    Session,
    Table,
    find_table,
    rows_of,
)

PRODUCTS, PACKAGES = "admin_products", "service_packages"
INTEGRATIONS, CHANGES = "product_integrations", "price_changes"
MAIN = (PRODUCTS, PACKAGES, INTEGRATIONS, CHANGES)
PRICING, FEATURES, HARDWARE = "admin_product_pricing", "admin_product_features", "admin_product_hardware"
SIDE = (PRICING, FEATURES, HARDWARE)


@dataclass
class OldTable:
    """One table as it was read; `table` is None where the predecessor had none of that name."""

    name: str
    table: Table | None = None
    rows: list[Row] = field(default_factory=list)

    def by(self, column: str) -> dict[str, list[dict[str, Any]]]:
        """{value of `column`: the rows that have it}"""
        found: dict[str, list[dict[str, Any]]] = {}
        for row in self.rows:
            found.setdefault(str(row.values.get(column)), []).append(row.values)
        return found

    def widened(self, more: Callable[[dict[str, Any]], Mapping[str, Any]]) -> "OldTable":
        """With what `more` says of each row, where the row itself says nothing."""
        if self.table is None:
            return self
        rows = [
            Row(
                row.id,
                row.values | {k: v for k, v in more(row.values).items() if is_empty(row.values.get(k))},
            )
            for row in self.rows
        ]
        known = {column.name for column in self.table.columns}
        added = dict.fromkeys(name for row in rows for name in row.values if name not in known)
        columns = (*self.table.columns, *(Column(name, "joined") for name in added))
        return OldTable(self.name, replace(self.table, columns=columns), rows)


def is_empty(value: Any) -> bool:
    return value is None or value == "" or value == []


def first_of(row: Mapping[str, Any], *names: str) -> Any:
    """The first of these columns that says something."""
    return next((row[name] for name in names if not is_empty(row.get(name))), None)


def read_tables(database: LegacyDatabase, schema: str) -> dict[str, OldTable]:
    """Every table of the predecessor that is there, all as of one instant. Raises LegacyTrouble.

    Row-level security would hide rows without a word; asked to be off, it makes PostgreSQL refuse instead.
    """
    with database.session() as session:
        if database.url is not None:
            session.run("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        session.run("SET LOCAL row_security = off")
        tables = {name: _read(session, schema, name) for name in (*MAIN, *SIDE)}
    if tables[PRODUCTS].table is None and tables[PACKAGES].table is None:
        raise LegacyTrouble(
            f"There is neither {schema}.{PRODUCTS} nor {schema}.{PACKAGES}: is it the right database and --schema?"
        )
    _refuse_our_own(tables[PRODUCTS])
    return tables


def _read(session: Session, schema: str, name: str) -> OldTable:
    there = session.one(
        "SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
        " WHERE n.nspname = {schema} AND c.relname = {name}",
        schema=Literal(schema),
        name=Literal(name),
    )
    if there is None:
        return OldTable(name)
    table = find_table(session, f"{schema}.{name}")
    return OldTable(name, table, list(rows_of(session, table)))


def _refuse_our_own(products: OldTable) -> None:
    if products.table and any(column.name == "approved_fingerprint" for column in products.table.columns):
        raise LegacyTrouble(
            f"{products.table} is this catalogue's own table, not the predecessor's: give its database with"
            " --database, or its schema with --schema."
        )


def with_side_tables(tables: Mapping[str, OldTable]) -> tuple[OldTable, OldTable]:
    """Products and packages, each with everything that belongs to it as columns the column mapping knows."""
    packages = tables[PACKAGES].widened(_package_columns)
    of_product: dict[str, list[dict[str, Any]]] = {}
    for row in packages.rows:
        of_product.setdefault(str(source_of(row.values)), []).append(row.values)
    pricing, features = tables[PRICING].by("product_id"), tables[FEATURES].by("product_id")
    hardware = tables[HARDWARE].by("product_id")

    def more(row: dict[str, Any]) -> dict[str, Any]:
        key = str(row.get("id"))
        sold = of_product.get(key, [])
        return {
            **_pricing(pricing.get(key, [])),
            **_hardware(hardware.get(key, [])),
            **({"features": _features(features[key])} if key in features else {}),
            **_business_key(sold[0] if sold else {}),
            **_term(row, sold),
        }

    return tables[PRODUCTS].widened(more), packages


def source_of(package: Mapping[str, Any]) -> str | None:
    """The id of the product a package was published from."""
    return first_of(package, "source_admin_product_id", "admin_product_id", "source_product_id", "product_id")


def _package_columns(row: dict[str, Any]) -> dict[str, Any]:
    """What the predecessor kept in JSON, and a SKU for the packages that never had one: their address."""
    metadata = row.get("metadata") if isinstance(row.get("metadata"), dict) else {}
    pricing = row.get("pricing") if isinstance(row.get("pricing"), dict) else {}
    assert isinstance(metadata, dict)
    assert isinstance(pricing, dict)
    carriers = row.get("compatible_providers")
    found = {
        "sku": str(row.get("slug") or "").upper()[:64],
        "contract_months": first_of(metadata, "contract_months", "contract_term", "contract_term_months"),
        "data_limit": first_of(metadata, "data_limit", "data_cap"),
        "technology": metadata.get("technology"),
        "price": first_of(pricing, "monthly", "base_price_zar"),
        # 0 was what the column began with, so it says nothing; a fee above it does.
        "installation_fee": _above_zero(first_of(pricing, "setup", "installation")),
        "provider": carriers[0] if isinstance(carriers, list) and len(carriers) == 1 else None,
        "hardware_model": _device(metadata.get("hardware")),
    }
    return {name: value for name, value in found.items() if not is_empty(value)}


def _above_zero(value: Any) -> Any:
    return None if str(value) in ("0", "0.0", "0.00", "None") else value


def _device(value: Any) -> Any:
    return first_of(value, "model", "name") if isinstance(value, dict) else value


def _business_key(package: Mapping[str, Any]) -> dict[str, Any]:
    """The predecessor's products had no key of their own: that of the first package made of one is its key."""
    names = {
        "sku": ("sku",),
        "market_segment": ("market_segment", "customer_type", "customer_segment"),
        "provider": ("provider",),
    }
    found = {name: first_of(package, *columns) for name, columns in names.items()}
    return {name: value for name, value in found.items() if value is not None}


def _term(row: Mapping[str, Any], sold: list[dict[str, Any]]) -> dict[str, Any]:
    """A list of terms says what can be chosen; a product of ours has one: that of its package, else the shortest."""
    if sold and not is_empty(sold[0].get("contract_months")):
        return {"contract_months": sold[0]["contract_months"]}
    terms = row.get("contract_terms")
    return {"contract_months": min(terms)} if isinstance(terms, list) and terms else {}


def _pricing(rows: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """The approved pricing that began last, or the last there is."""
    best = max(
        rows,
        key=lambda row: (row.get("approval_status") == "approved", str(row.get("effective_from") or "")),
        default=None,
    )
    if best is None:
        return {}
    names = {
        "price_regular": "price_regular",
        "installation_fee": "installation_fee",
        **({"price_promo": "price_promo"} if best.get("is_promotional", True) else {}),
        "promo_start_date": "promo_start_date",
        "promo_end_date": "promo_end_date",
    }
    found = {ours: best.get(theirs) for ours, theirs in names.items()}
    if is_empty(found.get("price_promo")):
        found = {name: value for name, value in found.items() if not name.startswith("promo")}
    return {name: value for name, value in found.items() if not is_empty(value)}


def _features(rows: list[dict[str, Any]]) -> list[str]:
    ordered = sorted(rows, key=lambda row: (row.get("sort_order") or 0, str(row.get("id"))))
    return [
        ": ".join(str(part) for part in (row.get("feature_name"), row.get("feature_value")) if part)
        for row in ordered
    ]


def _hardware(rows: list[dict[str, Any]]) -> dict[str, Any]:
    if not rows:
        return {}
    device = rows[0]
    found = {
        "hardware_model": device.get("hardware_model"),
        "hardware_included": device.get("is_included"),
        "hardware_retail_value": device.get("retail_value"),
    }
    return {name: value for name, value in found.items() if value is not None}
