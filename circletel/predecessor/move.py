"""The whole move, in the order in which things need each other. Run again, it changes nothing."""

from collections.abc import Mapping
from contextlib import nullcontext

from django.contrib.auth.models import User
from django.db import transaction

from circletel.core import audit
from circletel.core.errors import NotAllowed
from circletel.core.rights import ensure_may
from circletel.predecessor.changes import histories_of, import_changes
from circletel.predecessor.integrations import import_integrations
from circletel.predecessor.packages import import_packages
from circletel.predecessor.products import import_products
from circletel.predecessor.reading import Options, Reader, text
from circletel.predecessor.run import MigrationRun
from circletel.predecessor.source import SourceError
from circletel.predecessor.tables import CHANGES, INTEGRATIONS, PACKAGES, PRODUCTS, OldTable, read_tables


def move_in(
    url: str | None,
    options: Options,
    *,
    actor: User,
    approver: User | None = None,
    schema: str = "public",
    dry_run: bool = False,
) -> MigrationRun:
    """Bring in what the predecessor has, row by row. With `dry_run` everything is rolled back at the end.

    `approver` signs what had been approved and published there. Raises NotAllowed or SourceError, having written
    nothing. Rows that cannot come in are in the report, with reasons.
    """
    _ensure_rights(actor, approver)
    tables = read_tables(url, schema)
    answered_for = [
        row for row in tables[CHANGES].rows if text(row.values.get("status")) in ("published", "effective")
    ]
    if answered_for and approver is None:
        raise SourceError(
            f"{len(answered_for)} price changes were published there. Say who answers for them here, with"
            " --approver USERNAME."
        )
    run = MigrationRun(actor, approver, dry_run)
    with transaction.atomic() if dry_run else nullcontext():
        _write(run, tables, options)
        if dry_run:
            transaction.set_rollback(True)
    return run


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


def _write(run: MigrationRun, tables: Mapping[str, OldTable], options: Options) -> None:
    histories = histories_of(tables[CHANGES].rows)
    products, packages = tables[PRODUCTS], tables[PACKAGES]
    import_products(run, products.rows, Reader(products.table, options, run))
    import_packages(run, packages.rows, Reader(packages.table, options, run), histories)
    import_integrations(run, tables[INTEGRATIONS].rows)
    import_changes(run, tables[CHANGES].rows, histories)
    if run.wrote_something:
        counts = ", ".join(f"{sum(one.values())} {name}" for name, one in run.counts.items())
        audit.record("moved in", run.actor, actor=run.actor, detail=f"from {packages.table}: {counts}")
