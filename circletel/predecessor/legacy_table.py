"""The legacy `products` table: its rows become drafts, and each is kept as it stood beside its product."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.contrib.auth.models import User
from django.core.serializers.json import DjangoJSONEncoder
from django.db import transaction

from catalogue.models import LegacyProduct, LegacyTable, Product
from circletel.core import audit
from circletel.core.errors import Refused
from circletel.core.models import AuditEntry
from circletel.core.rights import ensure_may
from circletel.predecessor.products import create_product, product_with_key
from circletel.predecessor.reading import MADE_UP_SKU, Options, Reader
from circletel.predecessor.run import MigrationRun, Outcome
from circletel.predecessor.source import Row, SourceError, Table, connected, find_table, rows_of

_NOT_ACTIVE = {"inactive", "archived", "discontinued", "deleted", "disabled", "retired", "draft"}


def migrate(
    url: str | None, name: str, options: Options, *, actor: User, dry_run: bool = False
) -> MigrationRun:
    """Make a draft of every row that can be one; the others are in the report, with reasons.

    A row that is here already, or whose product is, changes nothing. With `dry_run` everything is rolled back at the
    end. Raises NotAllowed or SourceError, having written nothing.
    """
    with connected(url, read_only=True) as opened:
        table = find_table(opened, name)
        rows = rows_of(opened, table)
    with refusal_recorded("legacy migrated", table, actor):
        ensure_may(actor, "catalogue.import_product", "import products")
    run = MigrationRun(actor, dry_run=dry_run)
    with transaction.atomic():
        _migrate(run, table, rows, options)
        transaction.set_rollback(dry_run)
    return run


def record_of(table: Table) -> LegacyTable:
    """Our record of the table, locked until the transaction ends: one operation on it at a time."""
    records = LegacyTable.objects.select_for_update()
    return records.get_or_create(database=table.database, schema=table.schema, name=table.name)[0]


@contextmanager
def refusal_recorded(action: str, table: Table, actor: User) -> Iterator[None]:
    """Write a refused attempt into the audit trail, after the rollback; not that a database cannot do something."""
    try:
        yield
    except SourceError:
        raise
    except Refused as refusal:
        with transaction.atomic():
            result = AuditEntry.Result.REFUSED
            audit.record(action, record_of(table), actor=actor, result=result, detail=str(refusal))
        raise


def _migrate(run: MigrationRun, table: Table, rows: list[Row], options: Options) -> None:
    reader, record = Reader(table, options, run), record_of(table)
    links = {link.legacy_id: link for link in LegacyProduct.objects.filter(table=record)}

    def write(row: Row) -> Outcome:
        values = _as_json(row.values)
        if link := links.get(row.id):
            if link.row != values:
                run.remark(table.name, row, "changed there since it came in: the product here is left alone")
            return Outcome.UNCHANGED
        content = reader.read(row)
        product = _product_like(content)
        if product is None:
            product = create_product(content, run.actor)
            if _is_not_active(row):
                run.remark(table.name, row, "is not active there, and a draft here")
        else:
            run.remark(table.name, row, f"is in the catalogue already, as {product}")
        LegacyProduct.objects.create(table=record, legacy_id=row.id, product=product, row=values)
        return Outcome.NEW

    run.each(table.name, rows, write)
    if run.wrote_something:
        counts = run.counts[table.name]
        detail = ", ".join(f"{counts[outcome]} {outcome}" for outcome in Outcome)
        audit.record("legacy migrated", record, actor=run.actor, detail=detail)


def _product_like(content: dict[str, Any]) -> Product | None:
    """The product with the row's SKU; of a row that has none, with its name and price. Archived ones count too."""
    if not content["sku"].startswith(MADE_UP_SKU):
        return product_with_key(content)
    return Product.objects.filter(
        name__iexact=content["name"],
        market_segment=content["market_segment"],
        provider__iexact=content["provider"],
        pricing__regular_price=content["pricing.regular_price"],
    ).first()


def _is_not_active(row: Row) -> bool:
    said = (row.values.get("is_active"), row.values.get("active"))
    return False in said or str(row.values.get("status")).casefold() in _NOT_ACTIVE


def _as_json(values: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(json.dumps(values, cls=DjangoJSONEncoder))
    return found
