"""What Zoho holds, in the form of our own payloads, and where it says something else."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from zoho_sync.billing.client import Remote
from zoho_sync.billing.exporter import as_payload
from zoho_sync.desired import DesiredRecord, table_of
from zoho_sync.fields import FieldType, Terms, plain
from zoho_sync.models import Kind


def in_our_form(record: DesiredRecord, held: Mapping[str, Any], terms: Terms) -> dict[str, Any]:
    """The record Zoho holds as if it were our payload. What Zoho did not mention is not in it."""
    if record.kind is not Kind.CRM_PRODUCT:
        return as_payload(record.payload, Remote("", record.key, dict(held)))
    types = {field.name: field.type for field in table_of(record.kind, terms)}
    return {name: _as_plain(types.get(name), held.get(name)) for name in record.payload}


def differences(record: DesiredRecord, theirs: Mapping[str, Any]) -> Iterator[str]:
    """The fields in which `theirs` says something else than `record`. Nothing and an empty text are the same.

    What is not in `theirs` is not compared: Billing's list of add-ons, for one, does not tell their plans.
    """
    mentioned = ((name, ours) for name, ours in record.payload.items() if name in theirs)
    return (name for name, ours in mentioned if _read(ours) != _read(theirs[name]))


def _read(value: Any) -> Any:
    # Zoho's screens change line ends and strip texts.
    return value.replace("\r\n", "\n").strip() or None if isinstance(value, str) else value


def _as_plain(type: FieldType | None, value: Any) -> Any:
    if value is None or value == "":
        return None
    try:
        if type is FieldType.AMOUNT:
            return plain(Decimal(str(value)))
        if type is FieldType.INSTANT:
            return plain(datetime.fromisoformat(str(value)))
    except (InvalidOperation, ValueError):
        return value
    return value
