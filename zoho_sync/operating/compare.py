"""What a record ought to say beside what Zoho last took, with the differences marked."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from zoho_sync.desired import current_terms, desired_records
from zoho_sync.models import ProductIntegration, SyncStatus


@dataclass(frozen=True)
class Row:
    field: str
    wanted: Any
    accepted: Any

    @property
    def differs(self) -> bool:
        return self.wanted != self.accepted


@dataclass(frozen=True)
class Comparison:
    """`beside` says whose accepted payload it is: the record's own or that of the last of its kind."""

    rows: list[Row]
    beside: str


def compare(record: ProductIntegration) -> Comparison:
    """Field by field. Where Zoho never took this record, beside the last one of its kind that it took."""
    wanted = _wanted(record)
    accepted, beside = record.acknowledged_payload, "this record, when Zoho last took it"
    if accepted is None:
        other = (
            ProductIntegration.objects.filter(kind=record.kind, status=SyncStatus.OK)
            .exclude(acknowledged_payload=None)
            .order_by("-last_synced_at")
            .first()
        )
        accepted = other.acknowledged_payload if other else None
        beside = f"{other.remote_key}, the last of its kind that Zoho took" if other else ""
    return Comparison(list(_rows(wanted, accepted)), beside)


def _wanted(record: ProductIntegration) -> Mapping[str, Any]:
    for desired in desired_records(record.package, current_terms()):
        if desired.kind == record.kind:
            return desired.payload
    return record.acknowledged_payload or {}


def _rows(wanted: Mapping[str, Any], accepted: Mapping[str, Any] | None) -> list[Row]:
    fields = list(wanted) + [name for name in accepted or {} if name not in wanted]
    return [Row(name, wanted.get(name), (accepted or {}).get(name)) for name in fields]
