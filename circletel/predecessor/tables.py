"""The predecessor's tables as rows, with what stood in side tables joined to the rows they belong to."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from circletel.predecessor.reading import text
from circletel.predecessor.source import Row, Table, connected, ensure_not_ours, find_table, rows_of

PRODUCTS, PACKAGES = "admin_products", "service_packages"
INTEGRATIONS, CHANGES = "product_integrations", "price_changes"
PRICING, FEATURES, HARDWARE = "admin_product_pricing", "admin_product_features", "admin_product_hardware"


@dataclass(frozen=True)
class OldTable:
    """One table as it was read."""

    table: Table
    rows: list[Row]

    def by(self, column: str) -> dict[str, list[dict[str, Any]]]:
        """{value of `column`: the rows that have it}"""
        found: dict[str, list[dict[str, Any]]] = {}
        for row in self.rows:
            found.setdefault(text(row.values.get(column)), []).append(row.values)
        return found


def read_tables(url: str | None, schema: str) -> dict[str, OldTable]:
    """The predecessor's tables, all as of one instant. Raises SourceError."""
    tables: dict[str, OldTable] = {}
    with connected(url, read_only=True) as opened:
        for name in (PRODUCTS, PACKAGES, INTEGRATIONS, CHANGES, PRICING, FEATURES, HARDWARE):
            table = find_table(opened, f"{schema}.{name}")
            ensure_not_ours(opened, table)
            tables[name] = OldTable(table, rows_of(opened, table))
    _join(tables)
    return tables


def _join(tables: Mapping[str, OldTable]) -> None:
    """Give each product its pricing, hardware, features and first package; what its own columns say wins."""
    packages = tables[PACKAGES].by("source_admin_product_id")
    pricing, features, hardware = (tables[name].by("product_id") for name in (PRICING, FEATURES, HARDWARE))
    for row in tables[PACKAGES].rows:
        # The predecessor's packages need not have a SKU; each has an address.
        row.values["sku"] = row.values.get("sku") or text(row.values.get("slug")).upper()[:64]
    for row in tables[PRODUCTS].rows:
        joined: dict[str, Any] = {}
        for device in hardware.get(row.id, [])[:1]:
            joined |= device
        joined |= _pricing(pricing.get(row.id, []))
        if row.id in features:
            joined["features"] = _features(features[row.id])
        for package in packages.get(row.id, [])[:1]:
            # The predecessor's products had no SKU, segment and provider of their own.
            joined["package"] = package
        row.values.update(joined | row.values)


def _pricing(rows: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """The approved pricing that began last, or the last there is."""
    best = max(
        rows,
        key=lambda row: (row.get("approval_status") == "approved", text(row.get("effective_from"))),
        default={},
    )
    return best if best.get("is_promotional", True) else best | {"price_promo": None}


def _features(rows: list[dict[str, Any]]) -> list[str]:
    ordered = sorted(rows, key=lambda row: (row.get("sort_order") or 0, text(row.get("id"))))
    return [": ".join(filter(None, (row.get("feature_name"), row.get("feature_value")))) for row in ordered]
