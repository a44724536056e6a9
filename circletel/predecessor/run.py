"""The whole move, in the order in which things need each other. Run again, it changes nothing."""

from collections.abc import Mapping
from contextlib import nullcontext

from django.contrib.auth.models import User
from django.db import transaction

from catalogue.legacy.reading import Options
from catalogue.legacy.source import LegacyDatabase, LegacyTrouble
from circletel.core import audit
from circletel.core.errors import NotAllowed
from circletel.core.rights import ensure_may
from circletel.predecessor import integrations
from circletel.predecessor.changes import histories_of, import_changes, needs_approver
from circletel.predecessor.integrations import import_integrations
from circletel.predecessor.packages import import_packages
from circletel.predecessor.products import import_products
from circletel.predecessor.report import Report
from circletel.predecessor.tables import (
    CHANGES,
    INTEGRATIONS,
    MAIN,
    PACKAGES,
    PRODUCTS,
    OldTable,
    read_tables,
    with_side_tables,
)
from circletel.predecessor.work import Move

_CHANGE_COLUMNS = {
    "id", "service_package_id", "package_id", "old_price", "new_price", "price_difference", "percentage_change",
    "published_at", "effective_date", "status", "notice_sent_at", "reminder_1month_sent_at",
    "reminder_1week_sent_at", "affected_customers_count", "new_customers_count", "created_by", "approved_by",
    "reason", "admin_notes", "notes", "customer_message", "created_at", "updated_at",
}  # fmt: skip


def move_in(
    database: LegacyDatabase,
    options: Options,
    *,
    actor: User,
    approver: User | None = None,
    schema: str = "public",
    dry_run: bool = False,
) -> Report:
    """Bring in what the predecessor has, 200 rows to a transaction. With `dry_run` everything is undone at the end.

    `approver` signs what had been approved and published there. Raises NotAllowed or LegacyTrouble, having written
    nothing. Rows that cannot come in are in the report, with reasons.
    """
    _ensure_rights(actor, approver)
    report = Report(dry_run)
    tables = read_tables(database, schema)
    report.missing_tables = [name for name in MAIN if tables[name].table is None]
    _ensure_answered_for(tables, approver)
    with transaction.atomic() if dry_run else nullcontext():
        _write(Move(actor, approver, report), tables, options)
        if dry_run:
            transaction.set_rollback(True)
    return report


def _ensure_rights(actor: User, approver: User | None) -> None:
    ensure_may(actor, "catalogue.import_product", "import products")
    ensure_may(actor, "catalogue.submit_product", "submit products")
    ensure_may(actor, "catalogue.publish_product", "bring packages on sale")
    ensure_may(actor, "pricing.draft_pricechange", "bring in price changes")
    if approver is None:
        return
    if approver.pk == actor.pk:
        raise NotAllowed("The approver must be somebody other than who brings the data in")
    ensure_may(approver, "catalogue.approve_product", "approve products")
    ensure_may(approver, "pricing.publish_pricechange", "answer for published price changes")


def _ensure_answered_for(tables: Mapping[str, OldTable], approver: User | None) -> None:
    number = needs_approver(tables[CHANGES])
    if number and approver is None:
        raise LegacyTrouble(
            f"{number} price changes were published there. Say who answers for them here, with --approver USERNAME."
        )


def _write(move: Move, tables: Mapping[str, OldTable], options: Options) -> None:
    products, packages = with_side_tables(tables)
    histories = histories_of(tables[CHANGES])
    _note_unknown(move.report, tables[INTEGRATIONS], integrations.UNDERSTOOD)
    _note_unknown(move.report, tables[CHANGES], _CHANGE_COLUMNS)
    if products.table:
        import_products(move, products, options)
    if packages.table:
        import_packages(move, packages, options, histories)
    import_integrations(move, tables[INTEGRATIONS])
    import_changes(move, tables[CHANGES], histories)
    if move.report.wrote_something:
        counts = ", ".join(f"{sum(one.values())} {name}" for name, one in move.report.counts.items())
        audit.record("moved in", move.actor, actor=move.actor, detail=f"from {_origin(tables)}: {counts}")


def _origin(tables: Mapping[str, OldTable]) -> str:
    table = tables[PACKAGES].table or tables[PRODUCTS].table
    return f"{table.database}.{table.schema}" if table else ""


def _note_unknown(report: Report, table: OldTable, understood: set[str]) -> None:
    if table.table is None:
        return
    unknown = [column.name for column in table.table.columns if column.name not in understood]
    if unknown:
        report.unknown_columns[table.name] = unknown
