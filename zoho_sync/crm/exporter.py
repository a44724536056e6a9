"""Bringing packages into Zoho CRM: up to a hundred in one upsert, each judged by its own result.

A record that CRM holds under another key, or under none, is updated by its id: an upsert by key would add a
second one.
"""

from collections.abc import Callable, Sequence
from typing import Any

from zoho_sync.connection.errors import InvalidField, NeedsPerson, ZohoError
from zoho_sync.crm.client import CrmClient, ItemResult
from zoho_sync.crm.mapping import fields, key_field
from zoho_sync.desired import DesiredRecord
from zoho_sync.fields import Terms, wire
from zoho_sync.models import ProductIntegration

Pair = tuple[ProductIntegration, DesiredRecord]
Send = Callable[[Sequence[Pair]], list[ItemResult]]


def export(
    client: CrmClient, rows: Sequence[ProductIntegration], records: Sequence[DesiredRecord], terms: Terms
) -> list[ItemResult]:
    """Send `records`, which belong to `rows` in this order; one result each.

    Raises a ZohoError when the connection failed. A request that is refused as a whole is halved until the
    record that spoils it stands alone, so that one bad record never stops the others.
    """
    key = key_field(terms.crm_prefix)

    def upsert(pairs: Sequence[Pair]) -> list[ItemResult]:
        bodies = [_body(row, record, terms) for row, record in pairs]
        return client.upsert(bodies, key_field=key, packages=_packages(pairs))

    def update(pairs: Sequence[Pair]) -> list[ItemResult]:
        bodies = [{"id": row.remote_id, **_body(row, record, terms)} for row, record in pairs]
        return client.update(bodies, packages=_packages(pairs))

    pairs = list(zip(rows, records, strict=True))
    by_id = [pair for pair in pairs if _is_known_otherwise(*pair, key)]
    results = dict(zip(map(_pk, by_id), _all_sent(update, by_id), strict=True))
    # Deleted in CRM meanwhile: then it is made again, under its key.
    by_id = [pair for pair in by_id if not _is_unknown_id(results[_pk(pair)])]
    by_key = [pair for pair in pairs if pair not in by_id]
    if by_key:
        sent = _all_sent(upsert, by_key) if not by_id else _rest_sent(upsert, by_key)
        results |= dict(zip(map(_pk, by_key), sent, strict=True))
    return [results[row.pk] for row in rows]


def _all_sent(send: Send, pairs: Sequence[Pair]) -> list[ItemResult]:
    if not pairs:
        return []
    try:
        return send(pairs)
    except NeedsPerson as refusal:
        if refusal.about_connection:
            raise
        if len(pairs) == 1:
            return [ItemResult(error=refusal)]
    half = len(pairs) // 2
    return _all_sent(send, pairs[:half]) + _rest_sent(send, pairs[half:])


def _rest_sent(send: Send, pairs: Sequence[Pair]) -> list[ItemResult]:
    """What went before must not be forgotten when the connection fails here."""
    try:
        return _all_sent(send, pairs)
    except ZohoError as trouble:
        return [ItemResult(error=trouble) for _ in pairs]


def _pk(pair: Pair) -> Any:
    return pair[0].pk


def _packages(pairs: Sequence[Pair]) -> list[Any]:
    return [row.package_id for row, _record in pairs]


def _is_known_otherwise(row: ProductIntegration, record: DesiredRecord, key: str) -> bool:
    """CRM has the record, and not under the key it ought to have."""
    held = row.acknowledged_payload
    return bool(row.remote_id) and held is not None and held.get(key) != record.payload[key]


def _is_unknown_id(result: ItemResult) -> bool:
    return isinstance(result.error, InvalidField) and result.error.details.get("api_name") == "id"


def _body(row: ProductIntegration, record: DesiredRecord, terms: Terms) -> dict[str, Any]:
    """The record as it travels. An empty field is sent as null only to clear what CRM holds from before."""
    before = row.acknowledged_payload or {}
    values = {
        name: value
        for name, value in record.payload.items()
        if value is not None or before.get(name) is not None
    }
    return wire(fields(terms.crm_prefix, terms.crm_costs), values)
