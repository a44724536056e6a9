"""Zoho records that another system made for our packages: known by their ids, believed only once compared."""

from uuid import UUID

from django.utils import timezone

from catalogue.models import ServicePackage
from zoho_sync.backfill.decision import AMBIGUOUS_CODE, Ambiguous
from zoho_sync.desired import current_terms, desired_records
from zoho_sync.models import Kind, ProductIntegration, System
from zoho_sync.results import WRITTEN, mark_dead
from zoho_sync.services import nudge_after_commit

# The records of Billing that another's plan concerns.
_OF_A_PLAN = (Kind.BILLING_PLAN, Kind.BILLING_INSTALLATION, Kind.BILLING_HARDWARE)
_COMPARE = (
    "the system before this one made its plan: run backfill_zoho billing, which compares before it sends"
)


def inherit(package: ServicePackage, kind: Kind, remote_id: str, *, row_id: UUID | None = None) -> bool:
    """Note that Zoho holds `remote_id` for the package, in the caller's transaction. What it says there is not known.

    A CRM record is owed and goes by its id, so that there are not two of it. Nothing of the package goes to Billing
    before a backfill has compared: a plan is reached by its code, and another system's code is not ours.
    Returns False when the row has an id already, or when the package has no record of that kind.
    """
    row = _row(package, kind)
    if row is None or row.remote_id:
        return False
    values = {
        "remote_id": remote_id,
        # Known to exist, and nothing of what it says has been acknowledged to us.
        "acknowledged_payload": {},
        **({"id": row_id} if row_id else {}),
    }
    ProductIntegration.objects.filter(pk=row.pk).update(**values)
    if kind.system is System.BILLING:
        _hold(package)
    else:
        nudge_after_commit({kind.system})
    return True


def _row(package: ServicePackage, kind: Kind) -> ProductIntegration | None:
    row = package.integrations.select_for_update().filter(kind=kind).first()
    if row is not None:
        return row
    for record in desired_records(package, current_terms(), [kind]):
        now = timezone.now()
        return ProductIntegration.objects.create(
            package=package,
            kind=kind,
            remote_key=record.key,
            desired_hash=record.hash,
            next_retry_at=now,
            owed_since=now,
        )
    return None


def _hold(package: ServicePackage) -> None:
    doubt, now = Ambiguous(_COMPARE, code=AMBIGUOUS_CODE), timezone.now()
    rows = list(package.integrations.filter(kind__in=_OF_A_PLAN).select_for_update().order_by("pk"))
    for row in rows:
        mark_dead(row, doubt, now)
        row.changed_at = now
    ProductIntegration.objects.bulk_update(rows, WRITTEN)
