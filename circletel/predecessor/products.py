"""The predecessor's products: drafts here, submitted or approved where they were, put away where they were."""

from typing import Any

from catalogue import services
from catalogue.legacy.mapping import map_columns
from catalogue.legacy.reading import Options, Reader, ReadRow
from catalogue.legacy.source import LegacyTrouble, Row
from catalogue.models import Product, ProductStatus
from catalogue.product_import.apply import create_products
from catalogue.product_import.plan import NOTHING, wanted_content
from circletel.core import audit
from circletel.core.errors import NotReady, Refused
from circletel.predecessor.report import Outcome
from circletel.predecessor.tables import PRODUCTS, OldTable
from circletel.predecessor.values import identity, text
from circletel.predecessor.work import Move

# Columns of both tables that are read elsewhere, or that nothing here corresponds to.
UNDERSTOOD = {
    "id", "status", "approval_status", "contract_terms", "is_current", "version", "approved_at", "approved_by",
    "rejection_reason", "is_featured", "is_popular", "is_symmetrical", "metadata", "pricing", "price_history",
    "source_admin_product_id", "admin_product_id", "source_product_id", "product_id", "valid_from", "valid_to",
    "logical_key", "compatible_providers", "network_provider_id", "bundle_components", "published_at", "active",
    "cost_price_zar",
}  # fmt: skip


def reader_of(table: OldTable, options: Options, report: Any) -> Reader:
    """Reads the rows of a table by the legacy column names. Raises LegacyTrouble where a column is missing."""
    assert table.table is not None  # nobody reads a table that is not there
    mapping = map_columns(table.table, {})
    unknown = [name for name in mapping.not_understood if name not in UNDERSTOOD]
    if unknown:
        report.unknown_columns[table.name] = unknown
    reader = Reader(mapping, options)
    if reader.missing and table.rows:
        raise LegacyTrouble(
            f"No column of {table.table} gives {', '.join(reader.missing)}: say --default FIELD=VALUE for each."
        )
    return reader


def import_products(move: Move, table: OldTable, options: Options) -> None:
    reader = reader_of(table, options, move.report)

    def write(row: Row) -> Outcome:
        key = identity(row.id)
        if Product.objects.filter(pk=key).exists():
            return Outcome.UNCHANGED
        product = create_product(reader.read(row), move, key=key)
        _follow_its_status(product, row, move)
        return Outcome.NEW

    move.each(PRODUCTS, table.rows, write)


def create_product(read: ReadRow, move: Move, *, key: Any = None) -> Product:
    """A draft of what the row says. Raises Refused with every reason why it cannot be."""
    ensure_readable(read)
    content = wanted_content(NOTHING, read.said, is_new=True)
    (product,) = create_products([content], actor=move.actor, ids=[key] if key else None)
    return product


def ensure_readable(read: ReadRow) -> None:
    if read.problems:
        raise Refused(
            *(
                f"{one.column}: {one.value!r}, expected {one.expected}"
                if one.value
                else f"{one.column}: is empty, expected {one.expected}"
                for one in read.problems
            )
        )


def _follow_its_status(product: Product, row: Row, move: Move) -> None:
    said = text(row.values.get("status")).casefold()
    if said == "archived" or row.values.get("is_current") is False:
        _archive(product, move)
    elif said in ("pending", "pending_approval", "approved"):
        _submit(product, row, move, approved_there=said == "approved")
    elif said == "rejected":
        reason = text(row.values.get("rejection_reason")) or "Rejected before the move."
        Product.objects.filter(pk=product.pk).update(rejection_reason=reason)
    elif said not in ("", "draft"):
        raise Refused(f"status: {said!r} is none of draft, pending, approved, rejected and archived")


def _archive(product: Product, move: Move) -> None:
    Product.objects.filter(pk=product.pk).update(status=ProductStatus.ARCHIVED)
    changes = {"status": [ProductStatus.DRAFT.value, ProductStatus.ARCHIVED.value]}
    audit.record("archived", product, actor=move.actor, changes=changes, detail="archived at the predecessor")


def _submit(product: Product, row: Row, move: Move, *, approved_there: bool) -> None:
    """An approval is somebody's signature under a content; nobody's is carried over unasked."""
    try:
        services.submit(product.pk, actor=move.actor)
    except NotReady as problems:
        move.remark(PRODUCTS, row, f"stays a draft: {problems}")
        return
    if not approved_there:
        return
    if move.approver is None:
        move.remark(PRODUCTS, row, "was approved there and waits for an approver here")
        return
    services.approve(product.pk, actor=move.approver)
