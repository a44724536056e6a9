"""The predecessor's products: drafts here, submitted or approved where they were, archived where they were."""

from typing import Any
from uuid import UUID

from django.contrib.auth.models import User

from catalogue import services
from catalogue.content import plain
from catalogue.models import Product, ProductStatus
from catalogue.product_import.apply import create_products
from catalogue.product_import.plan import NOTHING, wanted_content
from circletel.core import audit
from circletel.core.errors import NotReady, Refused
from circletel.predecessor.reading import Reader, identity, text
from circletel.predecessor.run import MigrationRun, Outcome
from circletel.predecessor.source import Row
from circletel.predecessor.tables import PRODUCTS


def import_products(run: MigrationRun, rows: list[Row], reader: Reader) -> None:
    def write(row: Row) -> Outcome:
        key = identity(row.id)
        if Product.objects.filter(pk=key).exists():
            return Outcome.UNCHANGED
        product = create_product(reader.read(row), run.actor, key=key)
        _follow_its_status(product, row, run)
        return Outcome.NEW

    run.each(PRODUCTS, rows, write)


def create_product(content: dict[str, Any], actor: User, *, key: UUID | None = None) -> Product:
    """A draft with these values, {path: value}."""
    wanted = wanted_content(NOTHING, plain(content), is_new=True)
    (product,) = create_products([wanted], actor=actor, ids=[key] if key else None)
    return product


def product_with_key(content: dict[str, Any], *, preferred: str = "") -> Product | None:
    """The product with this SKU, segment and provider; among several the one with the id `preferred`, or a live one."""
    same_key = Product.objects.filter(
        sku__iexact=content["sku"],
        market_segment=content["market_segment"],
        provider__iexact=content["provider"],
    )

    def fitness(one: Product) -> tuple[bool, bool, str]:
        return str(one.pk) != preferred, one.status == ProductStatus.ARCHIVED, str(one.pk)

    return min(same_key, key=fitness, default=None)


def _follow_its_status(product: Product, row: Row, run: MigrationRun) -> None:
    status = text(row.values.get("status")).casefold()
    if status == "archived" or row.values.get("is_current") is False:
        Product.objects.filter(pk=product.pk).update(status=ProductStatus.ARCHIVED)
        changes = {"status": [ProductStatus.DRAFT.value, ProductStatus.ARCHIVED.value]}
        detail = "archived at the predecessor"
        audit.record("archived", product, actor=run.actor, changes=changes, detail=detail)
    elif status in ("pending", "approved"):
        _submit(product, row, run, approved_there=status == "approved")
    elif status not in ("", "draft"):
        raise Refused(f"status: {status!r} is none of draft, pending, approved and archived")


def _submit(product: Product, row: Row, run: MigrationRun, *, approved_there: bool) -> None:
    """An approval is somebody's signature under a content; nobody's is carried over unasked."""
    try:
        services.submit(product.pk, actor=run.actor)
    except NotReady as problems:
        run.remark(PRODUCTS, row, f"stays a draft: {problems}")
        return
    if approved_there and run.approver is None:
        run.remark(PRODUCTS, row, "was approved there and waits for an approver here")
    elif approved_there and run.approver:
        services.approve(product.pk, actor=run.approver)
