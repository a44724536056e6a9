"""Bringing packages into Zoho CRM: up to a hundred in one upsert, each judged by its own result."""

from collections.abc import Sequence
from typing import Any

from zoho_sync.connection.errors import NeedsPerson, ZohoError
from zoho_sync.crm.client import CrmClient, ItemResult
from zoho_sync.crm.mapping import fields, key_field
from zoho_sync.desired import DesiredRecord
from zoho_sync.fields import Terms, wire
from zoho_sync.models import ProductIntegration


def export(
    client: CrmClient, rows: Sequence[ProductIntegration], records: Sequence[DesiredRecord], terms: Terms
) -> list[ItemResult]:
    """Send `records`, which belong to `rows` in this order; one result each.

    Raises a ZohoError when the connection failed. A request that is refused as a whole is halved until the
    record that spoils it stands alone, so that one bad record never stops the others.
    """
    bodies = [_body(row, record, terms) for row, record in zip(rows, records, strict=True)]
    try:
        return client.upsert(
            bodies, key_field=key_field(terms.crm_prefix), packages=[row.package_id for row in rows]
        )
    except NeedsPerson as refusal:
        if refusal.about_connection:
            raise
        if len(rows) == 1:
            return [ItemResult(error=refusal)]
    half = len(rows) // 2
    return export(client, rows[:half], records[:half], terms) + _export_rest(
        client, rows[half:], records[half:], terms
    )


def _export_rest(
    client: CrmClient, rows: Sequence[ProductIntegration], records: Sequence[DesiredRecord], terms: Terms
) -> list[ItemResult]:
    """The second half: what the first half achieved must not be forgotten when the connection fails here."""
    try:
        return export(client, rows, records, terms)
    except ZohoError as trouble:
        return [ItemResult(error=trouble) for _ in rows]


def _body(row: ProductIntegration, record: DesiredRecord, terms: Terms) -> dict[str, Any]:
    """The record as it travels. An empty field is sent as null only to clear what CRM holds from before."""
    before = row.acknowledged_payload or {}
    values = {
        name: value
        for name, value in record.payload.items()
        if value is not None or before.get(name) is not None
    }
    return wire(fields(terms.crm_prefix), values)
