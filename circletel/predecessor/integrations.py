"""The Zoho ids the predecessor kept. Its sync status is not believed: ids are kept, contents are compared."""

import re
from collections import Counter

from catalogue.models import ServicePackage
from circletel.core.errors import Refused
from circletel.predecessor.reading import identity, text
from circletel.predecessor.run import MigrationRun, Outcome
from circletel.predecessor.source import Row
from circletel.predecessor.tables import INTEGRATIONS
from zoho_sync.backfill.settlement import inherit
from zoho_sync.models import Kind, ProductIntegration

_COLUMNS = {"zoho_crm_product_id": Kind.CRM_PRODUCT, "zoho_billing_plan_id": Kind.BILLING_PLAN}
# One-time charges were items there; here they are add-ons, which are other records.
_ITEMS = ("zoho_billing_item_id", "zoho_billing_hardware_item_id")
_ZOHO_ID = re.compile(r"[0-9]{5,30}")


def import_integrations(run: MigrationRun, rows: list[Row]) -> None:
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
