"""Is a legacy row in the catalogue already? By SKU, else by name and price; an archived product counts too."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from uuid import UUID

from catalogue.legacy.reading import ReadRow
from catalogue.models import FoundBy, Product, ProductStatus
from catalogue.product_import.values import tidy


@dataclass(frozen=True)
class Known:
    """As much of a product as it takes to recognise it."""

    id: UUID
    sku: str
    name: str
    market_segment: str
    provider: str
    contract_months: int
    regular_price: Decimal | None
    status: str
    version: int

    def __str__(self) -> str:
        return f"{self.name} ({self.sku}, {self.market_segment}, {self.provider})"


@dataclass(frozen=True)
class Found:
    product: Known
    by: FoundBy


class Ambiguous(Exception):
    """More than one product fits equally well."""

    def __init__(self, by: FoundBy, products: list[Known]) -> None:
        super().__init__(", ".join(map(str, products)))
        self.by = by


class Catalogue:
    """Every product, read in one query."""

    def __init__(self) -> None:
        self._by_sku: dict[str, list[Known]] = defaultdict(list)
        self._by_name_and_price: dict[tuple[str, Decimal], list[Known]] = defaultdict(list)
        for product in _products():
            self._by_sku[product.sku.upper()].append(product)
            if product.regular_price is not None:
                self._by_name_and_price[_folded(product.name), product.regular_price].append(product)

    def find(self, row: ReadRow) -> Found | None:
        """The product that the row is, if there is one. Raises Ambiguous."""
        values = row.values
        if sku := values.get("sku"):
            fits = _fitting(row, self._by_sku.get(sku.upper(), []), ("market_segment", "provider"))
            if fits:
                return Found(_only(fits, FoundBy.SKU), FoundBy.SKU)
        name, price = values.get("name"), values.get("price_incl_vat")
        if name and price is not None:
            same = self._by_name_and_price.get((_folded(name), price), [])
            fits = _fitting(row, same, ("market_segment", "provider", "contract_months"))
            if fits:
                return Found(_only(fits, FoundBy.NAME_AND_PRICE), FoundBy.NAME_AND_PRICE)
        return None


def _products() -> Iterable[Known]:
    fields = ("id", "sku", "name", "market_segment", "provider", "contract_months")
    rows = Product.objects.values_list(*fields, "pricing__regular_price", "status", "version")
    return (Known(*row) for row in rows)


def _fitting(row: ReadRow, products: list[Known], fields: tuple[str, ...]) -> list[Known]:
    """Those that do not contradict what the row itself says; what was only assumed speaks against nobody."""
    said = {
        field: _folded(row.values[field])
        for field in fields
        if row.values.get(field) and field not in row.assumed
    }
    return [
        product
        for product in products
        if all(_folded(getattr(product, field)) == value for field, value in said.items())
    ]


def _only(products: list[Known], by: FoundBy) -> Known:
    in_use = [product for product in products if product.status != ProductStatus.ARCHIVED]
    if not in_use:  # archived ones may share a key: the earlier lives of one product
        return products[-1]
    if len(in_use) > 1:
        raise Ambiguous(by, in_use)
    return in_use[0]


def _folded(value: Any) -> str:
    return tidy(str(value)).casefold()
