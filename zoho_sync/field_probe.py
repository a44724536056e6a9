"""Trying it: a real edit of one of our fields as an ordinary user, and what became of it."""

from dataclasses import dataclass

from django.conf import settings

from zoho_sync.connection.errors import NeedsPerson, ZohoError
from zoho_sync.connection.http import ZohoHttp
from zoho_sync.crm.client import CrmClient
from zoho_sync.models import Kind, ProductIntegration, SyncStatus, System

FIELD = "Description"
MARK = "Edited by hand, to see whether that is possible."


@dataclass(frozen=True)
class Probe:
    """`taken` says whether the edit went through; None when that cannot be said. `words` tell what happened."""

    taken: bool | None
    words: str


def probe() -> Probe:
    """Edit one record as the user of ZOHO_PROBE_REFRESH_TOKEN, look what CRM holds, and put it back.

    Three or four calls. Raises a ZohoError when the integration itself cannot read or put back.
    """
    if not settings.ZOHO_PROBE_REFRESH_TOKEN:
        return Probe(None, "No ordinary user to try it as: set ZOHO_PROBE_REFRESH_TOKEN.")
    row = ProductIntegration.objects.filter(kind=Kind.CRM_PRODUCT, status=SyncStatus.OK).first()
    if row is None:
        return Probe(None, "No package is in CRM yet: there is nothing to try it on.")
    ours = ZohoHttp(System.CRM)
    theirs = ZohoHttp(System.CRM, refresh_token=settings.ZOHO_PROBE_REFRESH_TOKEN)
    try:
        return _try(CrmClient(ours), CrmClient(theirs), row)
    finally:
        ours.close()
        theirs.close()


def _try(ours: CrmClient, theirs: CrmClient, row: ProductIntegration) -> Probe:
    before = ours.product(row.remote_id, [FIELD])
    if before is None:
        return Probe(None, f"CRM no longer has {row.remote_key}: run the backfill, then try again.")
    said = _edited(theirs, row.remote_id)
    after = ours.product(row.remote_id, [FIELD]) or {}
    if after.get(FIELD) != MARK:
        return Probe(False, f"The edit of {FIELD} of {row.remote_key} did not go through. {said}")
    [result] = ours.update([{"id": row.remote_id, FIELD: before.get(FIELD)}], packages=[row.package_id])
    if result.error is not None:
        raise result.error
    return Probe(True, f"An ordinary user can edit {FIELD} of {row.remote_key}. It was put back.")


def _edited(theirs: CrmClient, remote_id: str) -> str:
    """What Zoho said to the edit."""
    try:
        [result] = theirs.update([{"id": remote_id, FIELD: MARK}])
    except NeedsPerson as refusal:
        return f"Zoho refused it: {refusal}"
    except ZohoError as trouble:
        return f"Zoho gave no clear answer: {trouble}"
    return f"Zoho refused it: {result.error}" if result.error else "Zoho said nothing and dropped it."
