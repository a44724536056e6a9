"""What our mapping needs in the CRM organisation before anything can be sent: custom fields and the unique key."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from zoho_sync.connection.errors import OutcomeUnknown, ZohoError
from zoho_sync.crm.client import FIELDS_PER_CALL, CrmClient
from zoho_sync.crm.mapping import custom_fields, fields, key_field
from zoho_sync.fields import Field, FieldType

# How many custom fields Zoho documents for a module, and how many of all fields may be unique.
CUSTOM_FIELDS_BY_EDITION = {
    "free": 0,
    "standard": 10,
    "professional": 155,
    "enterprise": 300,
    "ultimate": 500,
}
UNIQUE_FIELDS_AT_MOST = 2


@dataclass(frozen=True)
class Preparation:
    """What is there and what is not. `warnings` are for a person: nothing here mends them."""

    to_create: Sequence[Field] = ()
    to_mark_unique: Sequence[dict[str, Any]] = ()
    warnings: Sequence[str] = field(default_factory=list)
    custom_fields: int = 0
    """How many custom fields the module has now."""
    unique_fields: Sequence[str] = ()

    @property
    def is_complete(self) -> bool:
        return not self.to_create and not self.to_mark_unique


def plan(client: CrmClient, prefix: str, costs: bool = False) -> Preparation:
    """Compare the mapping with the organisation. One call."""
    theirs = {str(item.get("api_name", "")): item for item in client.fields()}
    missing = [row for row in custom_fields(prefix, costs) if row.name not in theirs]
    key = theirs.get(key_field(prefix))
    unmarked = [key] if key is not None and not key.get("unique") else []
    return Preparation(
        missing,
        unmarked,
        list(_warnings(theirs, fields(prefix, costs))),
        sum(bool(item.get("custom_field")) for item in theirs.values()),
        [name for name, item in theirs.items() if item.get("unique")],
    )


def beyond_the_edition(client: CrmClient, wanted: Preparation) -> list[str]:
    """Why the organisation cannot hold what `wanted` would make, with the numbers; empty when it can. One call.

    Of an edition we do not know nothing is concluded: then Zoho itself refuses what is too much.
    """
    edition = client.edition()
    most = next((most for name, most in CUSTOM_FIELDS_BY_EDITION.items() if name in edition), None)
    reasons = []
    missing = len(wanted.to_create)
    if most is not None and missing and wanted.custom_fields + missing > most:
        reasons.append(
            f"{missing} custom fields are missing in Products, which has {wanted.custom_fields} and may have {most}"
            f" in the edition {edition}: {wanted.custom_fields + missing - most} too many. Delete custom fields that"
            " nobody uses, or take another edition"
        )
    to_mark = len(wanted.to_mark_unique) + sum(row.unique for row in wanted.to_create)
    if to_mark and len(wanted.unique_fields) + to_mark > UNIQUE_FIELDS_AT_MOST:
        reasons.append(
            f"a module may have {UNIQUE_FIELDS_AT_MOST} unique fields and Products has {len(wanted.unique_fields)}"
            f" ({', '.join(wanted.unique_fields)}): allow duplicates in one of them, the key needs a place"
        )
    return reasons


def apply(client: CrmClient, prefix: str, wanted: Preparation, costs: bool = False) -> list[str]:
    """Make what `wanted` lists, five fields a call, and return a sentence for each that could not be made."""
    complaints: list[str] = []
    for rows in _batches(wanted.to_create):
        try:
            results = client.create_fields([_definition(row) for row in rows])
        except OutcomeUnknown:
            continue  # looked at again below
        except ZohoError as refusal:
            complaints += [f"{row.name}: {refusal}" for row in rows]
            continue
        complaints += [
            f"{row.name}: {result.error}" for row, result in zip(rows, results, strict=False) if result.error
        ]
    remaining = plan(client, prefix, costs)
    if remaining.to_mark_unique:
        changes = [
            {"id": str(item["id"]), "unique": {"case_sensitive": False}} for item in remaining.to_mark_unique
        ]
        results = client.update_fields(changes)
        complaints += [f"{key_field(prefix)}: {result.error}" for result in results if result.error]
        remaining = plan(client, prefix, costs)
    named = {complaint.split(":")[0] for complaint in complaints}
    complaints += [
        f"{row.name}: Zoho did not say why, but it is not there"
        for row in remaining.to_create
        if row.name not in named
    ]
    complaints += [
        f"{item['api_name']}: it is still not marked unique"
        for item in remaining.to_mark_unique
        if item["api_name"] not in named
    ]
    return complaints


def _batches(rows: Sequence[Field]) -> Iterable[Sequence[Field]]:
    return (rows[start : start + FIELDS_PER_CALL] for start in range(0, len(rows), FIELDS_PER_CALL))


def _definition(row: Field) -> dict[str, Any]:
    """A custom field as Zoho wants it described. Its API name follows from the label: blanks become underscores."""
    definition: dict[str, Any] = {"field_label": row.name.replace("_", " "), "data_type": row.type.value}
    if row.type is FieldType.TEXT:
        definition["length"] = row.length
    if row.type is FieldType.INTEGER:
        definition["length"] = 9
    if row.type is FieldType.AMOUNT:
        definition |= {
            "length": 16,
            "decimal_place": 2,
            "currency": {"rounding_option": "normal", "precision": 2},
        }
    if row.type is FieldType.TEXT_AREA:
        definition["textarea"] = {"type": "small"}
    if row.unique:
        definition["unique"] = {"case_sensitive": False}
    return definition


def _warnings(theirs: dict[str, dict[str, Any]], table: Iterable[Field]) -> Iterable[str]:
    for row in table:
        item = theirs.get(row.name)
        if item is None:
            if not row.custom:
                yield f"{row.name}: the organisation has no such field"
            continue
        length = item.get("length")
        if (
            row.length
            and isinstance(length, int)
            and length < row.length
            and row.type in (FieldType.TEXT, FieldType.TEXT_AREA)
        ):
            yield f"{row.name}: the organisation allows {length} characters, we may send {row.length}"
        if row.custom and item.get("data_type") not in (row.type.value, None):
            yield f"{row.name}: the organisation has it as {item.get('data_type')}, we send {row.type.value}"
