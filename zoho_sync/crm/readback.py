"""Did CRM keep what it was sent? Asked once for each version of the mapping.

CRM drops a field it does not know, or one that our user's profile may not edit, without a word. So the first
record written under a new mapping is read back.
"""

import hashlib

import structlog
from django.db.models import QuerySet

from zoho_sync.compare.diff import differences
from zoho_sync.crm.client import CrmClient
from zoho_sync.crm.mapping import fields
from zoho_sync.fields import Terms
from zoho_sync.models import Kind, MappingCheck, ProductIntegration, SyncStatus

log = structlog.get_logger(__name__)


def mapping_version(terms: Terms) -> str:
    """A hash of what is written where: another name, type, length or source is another version."""
    rows = [
        (field.name, field.source, field.type.value, field.length)
        for field in fields(terms.crm_prefix, terms.crm_costs)
    ]
    return hashlib.sha256(repr(rows).encode()).hexdigest()


def is_due(terms: Terms) -> bool:
    """Something was written under this version and nobody has looked yet."""
    known = MappingCheck.objects.filter(mapping_version=mapping_version(terms)).exists()
    return not known and _written(terms).exists()


def look(client: CrmClient, terms: Terms) -> MappingCheck | None:
    """Read one record back and remember what CRM lost; one call. None when nothing was written yet."""
    row = _written(terms).order_by("-last_synced_at").first()
    if row is None or row.acknowledged_payload is None:
        return None
    sent = row.acknowledged_payload
    held = client.product(row.remote_id, list(sent))
    if held is None:
        return None  # deleted meanwhile: another one will do
    table = fields(terms.crm_prefix, terms.crm_costs)
    # What CRM leaves out of its answer, it does not hold.
    differing = differences(table, sent, {**dict.fromkeys(sent), **held})
    lost = sorted(each.field.name for each in differing)
    check, _created = MappingCheck.objects.update_or_create(
        mapping_version=mapping_version(terms), defaults={"remote_id": row.remote_id, "lost": lost}
    )
    if lost:
        log.error(
            "zoho_lost_fields",
            fields=lost,
            record=row.remote_key,
            help="run manage.py zoho_fields check; the integration's profile must be able to edit them",
        )
    return check


def _written(terms: Terms) -> QuerySet[ProductIntegration]:
    names = [field.name for field in fields(terms.crm_prefix, terms.crm_costs)]
    rows = ProductIntegration.objects.filter(kind=Kind.CRM_PRODUCT, status=SyncStatus.OK)
    return rows.filter(acknowledged_payload__has_keys=names)
