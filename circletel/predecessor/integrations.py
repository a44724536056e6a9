"""The Zoho ids the predecessor kept. What it called in step is not believed: ids are kept, contents are compared."""

import re
from collections import Counter

from catalogue.legacy.source import Row
from catalogue.models import ServicePackage
from circletel.core.errors import Refused
from circletel.predecessor.report import Outcome
from circletel.predecessor.tables import INTEGRATIONS, OldTable, is_empty
from circletel.predecessor.values import identity, text
from circletel.predecessor.work import Move
from zoho_sync.inherited import inherit
from zoho_sync.models import Kind, ProductIntegration

COLUMNS = {"zoho_crm_product_id": Kind.CRM_PRODUCT, "zoho_billing_plan_id": Kind.BILLING_PLAN}
# One-time charges were items there; here they are add-ons, which are other records.
ITEMS = ("zoho_billing_item_id", "zoho_billing_hardware_item_id")
UNDERSTOOD = {
    "id", "admin_product_id", "service_package_id", *COLUMNS, *ITEMS, "sync_status", "last_synced_at",
    "last_sync_error", "created_at", "updated_at", "retry_count", "next_retry_at", "last_retry_at",
    "sync_error_details", "zoho_crm_sync_status", "zoho_crm_last_synced_at", "zoho_crm_last_sync_error",
    "zoho_billing_sync_status", "zoho_billing_last_synced_at", "zoho_billing_last_sync_error", "rate_limit_hits",
    "last_rate_limit_at",
}  # fmt: skip
_ZOHO_ID = re.compile(r"[0-9]{5,30}")


def import_integrations(move: Move, table: OldTable) -> None:
    stands_in = {column: Counter(text(row.values.get(column)) for row in table.rows) for column in COLUMNS}

    def write(row: Row) -> Outcome:
        package = ServicePackage.objects.filter(pk=identity(row.values.get("service_package_id"))).first()
        if package is None:
            raise Refused("service_package_id: the package is not here; was it refused above?")
        found = _ids(row, stands_in)
        kept = [_inherit(package, kind, id, row, move) for kind, id in found.items()]
        for column in ITEMS:
            if not is_empty(row.values.get(column)) and any(kept):
                words = (
                    f"{column} {row.values[column]} is an item in Billing; here the charge becomes an add-on"
                )
                move.report.remark(INTEGRATIONS, row.id, str(package), f"{words}: retire the item by hand")
        return Outcome.NEW if any(kept) else Outcome.UNCHANGED

    move.each(INTEGRATIONS, table.rows, write)


def _ids(row: Row, stands_in: dict[str, Counter[str]]) -> dict[Kind, str]:
    """Raises Refused at what no Zoho id can be, and at one id for two packages: that would mix them up."""
    found, reasons = {}, []
    for column, kind in COLUMNS.items():
        id = text(row.values.get(column))
        if not id:
            continue
        if not _ZOHO_ID.fullmatch(id):
            reasons.append(f"{column}: {id[:40]!r} is no Zoho id")
        elif stands_in[column][id] > 1:
            reasons.append(f"{column}: {id} is said of {stands_in[column][id]} packages; Zoho has it once")
        else:
            found[kind] = id
    if reasons:
        raise Refused(*reasons)
    return found


def _inherit(package: ServicePackage, kind: Kind, id: str, row: Row, move: Move) -> bool:
    taken = ProductIntegration.objects.filter(kind=kind, remote_id=id).exclude(package=package).first()
    if taken is not None:
        raise Refused(f"{kind.label} {id}: {taken} has that id here")
    # One row there stood for several of ours; the first kind keeps its id.
    own = identity(row.id) if kind is Kind.CRM_PRODUCT else None
    kept = inherit(package, kind, id, row_id=own)
    move.report.zoho_ids[kind.value] += kept
    return kept
