"""The whole move, in the order in which things need each other. Run again, it changes nothing.

Of the Zoho ids the predecessor kept, the sync status is not believed: ids are kept, contents are compared.
"""

import re
from collections import Counter
from collections.abc import Mapping
from contextlib import nullcontext

from django.contrib.auth.models import User
from django.db import transaction

from catalogue.models import ServicePackage
from circletel.core import audit
from circletel.core.errors import NotAllowed, Refused
from circletel.core.rights import ensure_may
from circletel.predecessor.changes import histories_of, import_changes
from circletel.predecessor.fields import text
from circletel.predecessor.packages import import_packages, import_products
from circletel.predecessor.reading import Options, Reader, identity
from circletel.predecessor.run import MigrationRun, Outcome
from circletel.predecessor.source import (
    CHANGES,
    INTEGRATIONS,
    PACKAGES,
    PRODUCTS,
    OldTable,
    Row,
    SourceError,
    read_tables,
)
from zoho_sync.backfill.settlement import inherit
from zoho_sync.models import Kind, ProductIntegration

_COLUMNS = {"zoho_crm_product_id": Kind.CRM_PRODUCT, "zoho_billing_plan_id": Kind.BILLING_PLAN}
# One-time charges were items there; here they are add-ons, which are other records.
_ITEMS = ("zoho_billing_item_id", "zoho_billing_hardware_item_id")
_ZOHO_ID = re.compile(r"[0-9]{5,30}")


def move_in(
    url: str,
    options: Options,
    *,
    actor: User,
    approver: User | None = None,
    dry_run: bool = False,
) -> MigrationRun:
    """Bring in what the predecessor has, row by row. With `dry_run` everything is rolled back at the end.

    `approver` signs what had been approved and published there. Raises NotAllowed or SourceError, having written
    nothing. Rows that cannot come in are in the report, with reasons.
    """
    _ensure_rights(actor, approver)
    tables = read_tables(url)
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
    _import_integrations(run, tables[INTEGRATIONS].rows)
    import_changes(run, tables[CHANGES].rows, histories)
    if run.wrote_something:
        counts = ", ".join(f"{sum(one.values())} {name}" for name, one in run.counts.items())
        audit.record("moved in", run.actor, actor=run.actor, detail=f"from {packages.table}: {counts}")


def _import_integrations(run: MigrationRun, rows: list[Row]) -> None:
    times = {column: Counter(text(row.values.get(column)) for row in rows) for column in _COLUMNS}

    def write(row: Row) -> Outcome:
        package = ServicePackage.objects.filter(pk=identity(row.values.get("service_package_id"))).first()
        if package is None:
            raise Refused("service_package_id: the package is not here; was it refused above?")
        found = _ids(row, times)
        kept = [kind for kind, id in found.items() if _inherit(package, kind, id, row)]
        for column in _ITEMS:
            if kept and (item := row.values.get(column)):
                words = f"{column} {item} is an item in Billing; here the charge becomes an add-on"
                run.remark(INTEGRATIONS, row, f"{words}: retire the item by hand")
        return Outcome.NEW if kept else Outcome.UNCHANGED

    run.each(INTEGRATIONS, rows, write)


def _ids(row: Row, times: dict[str, Counter[str]]) -> dict[Kind, str]:
    """Raises Refused at what no Zoho id can be, and at one id for two packages: that would mix them up."""
    found, reasons = {}, []
    for column, kind in _COLUMNS.items():
        id = text(row.values.get(column))
        if id and not _ZOHO_ID.fullmatch(id):
            reasons.append(f"{column}: {id[:40]!r} is no Zoho id")
        elif id and times[column][id] > 1:
            reasons.append(f"{column}: {id} is said of {times[column][id]} packages; Zoho has it once")
        elif id:
            found[kind] = id
    if reasons:
        raise Refused(*reasons)
    return found


def _inherit(package: ServicePackage, kind: Kind, id: str, row: Row) -> bool:
    taken = ProductIntegration.objects.filter(kind=kind, remote_id=id).exclude(package=package).first()
    if taken is not None:
        raise Refused(f"{kind.label} {id}: {taken} has that id here")
    # One row there stood for several of ours; the first kind keeps its id.
    return inherit(package, kind, id, row_id=identity(row.id) if kind is Kind.CRM_PRODUCT else None)
