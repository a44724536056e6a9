"""Bringing legacy rows into the catalogue as drafts. Run again, it changes nothing."""

from dataclasses import dataclass
from uuid import UUID

from django.contrib.auth.models import User
from django.db import IntegrityError, transaction

from catalogue.legacy.plan import LegacyRow, Outcome, Plan, plan_migration
from catalogue.legacy.reading import Options
from catalogue.legacy.source import LegacyDatabase, Table, find_table
from catalogue.models import FoundBy, LegacyProduct, LegacyTable, Product
from catalogue.product_import.apply import create_products, write
from circletel.core import audit
from circletel.core.errors import Refused
from circletel.core.rights import ensure_may

_BATCH = 1000


@dataclass(frozen=True)
class Migration:
    """`plan` says what was done with each row, or with `dry_run` what would be."""

    plan: Plan
    dry_run: bool = False

    def __str__(self) -> str:
        counts = self.plan.counts
        return ", ".join(f"{counts[outcome]} {outcome}" for outcome in Outcome)


def migrate(
    database: LegacyDatabase,
    name: str,
    options: Options,
    *,
    actor: User,
    key: str = "",
    dry_run: bool = False,
) -> Migration:
    """Make drafts of the rows that can be; the others are in the plan, with reasons. All of them, or none.

    A product someone edited in the catalogue is never touched again, nor is one that was there before.
    Raises NotAllowed, LegacyTrouble or Refused, having written nothing.
    """
    ensure_may(actor, "catalogue.import_product", "import products")
    try:
        with transaction.atomic():
            with database.session() as session:
                table = find_table(session, name, key=key)
                legacy_table = None if dry_run else locked_record(table)
                plan = plan_migration(session, table, options)
            migration = Migration(plan, dry_run)
            if legacy_table is not None:
                _apply(plan, legacy_table, actor, summary=str(migration))
            return migration
    except IntegrityError as error:
        raise Refused(
            "someone added one of these products at this very moment; run the migration again"
        ) from error


def locked_record(table: Table) -> LegacyTable:
    """Our record of the table, held until the transaction ends: one deed at a time."""
    record, _created = LegacyTable.objects.get_or_create(
        database=table.database, schema=table.schema, name=table.name
    )
    return LegacyTable.objects.select_for_update().get(pk=record.pk)


def _apply(plan: Plan, table: LegacyTable, actor: User, *, summary: str) -> None:
    new, changed = plan.of(Outcome.NEW), plan.of(Outcome.CHANGED)
    found = [row for row in plan.of(Outcome.THERE) if row.link is None]
    products = create_products([row.planned.wanted for row in new if row.planned], actor=actor)
    links = [
        _link(table, row, product.pk, FoundBy.MIGRATION, product.version)
        for row, product in zip(new, products, strict=True)
    ]
    links += [
        _link(table, row, row.found.product.id, row.found.by, row.found.product.version)
        for row in found
        if row.found
    ]
    LegacyProduct.objects.bulk_create(links, _BATCH)
    for row in changed:
        _update(row, actor)
    if new or changed or found:
        audit.record("legacy migrated", table, actor=actor, detail=summary)


def _link(table: LegacyTable, row: LegacyRow, product_id: UUID, by: FoundBy, version: int) -> LegacyProduct:
    return LegacyProduct(
        table=table,
        legacy_id=row.read.id,
        product_id=product_id,
        found_by=by,
        row=row.read.row,
        content=row.content,
        product_version=version,
    )


def _update(row: LegacyRow, actor: User) -> None:
    assert row.planned is not None
    assert row.link is not None
    write([row.planned], actor=actor)
    link = row.link
    link.row, link.content = row.read.row, row.content
    link.product_version = Product.objects.values_list("version", flat=True).get(pk=link.product_id)
    link.save(update_fields=["row", "content", "product_version", "recorded_at"])
