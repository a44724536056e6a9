"""What an import would do: each row beside the product it is about. A fixed number of queries, no writing."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django.db.models.functions import Upper

from catalogue.content import (
    HARDWARE_FIELDS,
    PRICING_FIELDS,
    PRODUCT_FIELDS,
    differences,
    plain,
    product_content,
)
from catalogue.models import Product, ProductStatus
from catalogue.product_import.columns import BY_NAME, BY_PATH
from catalogue.product_import.parsing import (
    Key,
    ParsedFile,
    RowError,
    business_key,
    contradictions,
)

# They say which product a row is about, so they are never changed by it, not even in their case.
KEY_PATHS = ("sku", "market_segment", "provider")
# The other half of a contradiction with the file, where the file is silent about it.
BESIDE = ("promo_price_incl_vat", "installation_fee_incl_vat", "hardware_model")
NO_DEVICE = {f"hardware.{field}": None for field in HARDWARE_FIELDS}
NOTHING: dict[str, Any] = {
    **dict.fromkeys(PRODUCT_FIELDS),
    **{f"pricing.{field}": None for field in PRICING_FIELDS},
    **NO_DEVICE,
    "features": [],
}


@dataclass(frozen=True)
class ImportOutcome:
    """How many products an import made, changed, left alone; `voided` of the changed were submitted."""

    created: int = 0
    updated: int = 0
    unchanged: int = 0
    voided: int = 0

    def __str__(self) -> str:
        sentence = f"{self.created} new, {self.updated} changed, {self.unchanged} unchanged"
        if self.voided:
            sentence += (
                f"; {self.voided} of the changed had been submitted or approved and must be submitted again"
            )
        return sentence


@dataclass
class PlannedRow:
    """A row, its product if there is one, and the product's content `before` and as `wanted`."""

    number: int | None
    product: Product | None
    before: dict[str, Any]
    wanted: dict[str, Any]

    @property
    def is_new(self) -> bool:
        return self.product is None

    @cached_property
    def changes(self) -> dict[str, list[Any]]:
        return differences(self.before, self.wanted)

    @property
    def voids_approval(self) -> bool:
        submitted = (ProductStatus.PENDING, ProductStatus.APPROVED)
        return self.product is not None and self.product.status in submitted and bool(self.changes)


@dataclass(frozen=True)
class ImportPlan:
    """What would be done with the good rows, and every error. With errors, nothing may be done."""

    rows: list[PlannedRow]
    errors: list[RowError]

    @property
    def outcome(self) -> ImportOutcome:
        new = sum(row.is_new for row in self.rows)
        changed = sum(not row.is_new and bool(row.changes) for row in self.rows)
        voided = sum(row.voids_approval for row in self.rows)
        return ImportOutcome(new, changed, len(self.rows) - new - changed, voided)


def plan_import(parsed: ParsedFile, *, lock: bool = False) -> ImportPlan:
    """Compare the file with the catalogue. Archived products count as gone. `lock` holds those found."""
    products = products_by_key({row.key[0] for row in parsed.rows}, lock=lock)
    rows: list[PlannedRow] = []
    errors = list(parsed.errors)
    for row in parsed.rows:
        product = products.get(row.key)
        before = product_content(product) if product else NOTHING
        said = plain({BY_NAME[name].path: value for name, value in row.values.items()})
        wanted = wanted_content(before, said, is_new=product is None)
        rows.append(PlannedRow(row.number, product, before, wanted))
        errors += contradictions(row.number, _beside(wanted) | row.values)
    return ImportPlan(rows, sorted(errors, key=lambda error: error.row or 0))


def contradictions_in(content: dict[str, Any], wanted: dict[str, Any]) -> Iterator[RowError]:
    """Where this content, {path: value}, stands against itself or against the rest of what the product is to say."""
    said = {BY_PATH[path].name: value for path, value in content.items() if path in BY_PATH}
    return contradictions(None, _beside(wanted) | said)


def _beside(wanted: dict[str, Any]) -> dict[str, Any]:
    return {name: wanted[BY_NAME[name].path] for name in BESIDE}


def products_by_key(skus: Collection[str], *, lock: bool) -> dict[Key, Product]:
    """The products with these SKUs (in capitals) that are not archived. `lock` holds them until the transaction ends."""
    found = (
        Product.objects.with_content()
        .exclude(status=ProductStatus.ARCHIVED)
        .alias(upper_sku=Upper("sku"))
        .filter(upper_sku__in=skus)
        .order_by("pk")
    )
    if lock:
        found = found.select_for_update(of=("self",))
    return {business_key(product.sku, product.market_segment, product.provider): product for product in found}


def wanted_content(before: dict[str, Any], said: dict[str, Any], *, is_new: bool) -> dict[str, Any]:
    """`before` with what is `said`, as `product_content` writes it; the rest stays as it is, and so does the key."""
    if not is_new:
        said = {path: value for path, value in said.items() if path not in KEY_PATHS}
    wanted = before | said
    if not wanted["hardware.model"]:
        return wanted | NO_DEVICE
    return wanted | {"hardware.included": bool(wanted["hardware.included"])}
