"""What Zoho holds, read once from end to end and kept in a scratch file, so that memory does not grow with it."""

import json
import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.utils import timezone

from zoho_sync.billing.client import BillingClient
from zoho_sync.billing.exporter import FAMILIES
from zoho_sync.crm.client import CrmClient
from zoho_sync.crm.mapping import fields, key_field
from zoho_sync.desired import table_of
from zoho_sync.fields import Terms
from zoho_sync.models import Kind

CRM_FAMILY = "crm"
# What a decision reads beside the fields of our mapping.
ALSO_READ = ("status", "product_id", "interval_unit", "custom_fields")


@dataclass(frozen=True)
class Held:
    """One record as Zoho holds it. `key` is empty where it carries none of ours; `code` is CRM's Product_Code."""

    remote_id: str
    key: str
    code: str
    name: str
    values: dict[str, Any]


class Listing:
    """Everything Zoho holds of some families, to be asked by key, code, name or id."""

    def __init__(self) -> None:
        # Without a name SQLite keeps a private file that vanishes with the connection, also after a crash.
        self._file = sqlite3.connect("")
        self._file.execute("CREATE TABLE held (family, id, key, code, name, record)")
        self.read_at = timezone.now()
        """When reading began: what was acknowledged since is newer than this listing."""
        for column in ("key", "id", "code", "name"):
            self._file.execute(f"CREATE INDEX by_{column} ON held (family, {column})")

    def close(self) -> None:
        self._file.close()

    def add(self, family: str, records: Iterable[Held]) -> int:
        """Keep `records` and return how many there were."""
        rows = (
            (
                family,
                held.remote_id,
                *map(_folded, (held.key, held.code, held.name)),
                json.dumps(held.__dict__),
            )
            for held in records
        )
        return self._file.executemany("INSERT INTO held VALUES (?, ?, ?, ?, ?, ?)", rows).rowcount

    def with_key(self, family: str, key: str) -> list[Held]:
        """Those with this key. CRM compares unique fields without regard to case, Billing is taken at its word."""
        found = self._select(family, "key", _folded(key)) if key else []
        return found if family == CRM_FAMILY else [held for held in found if held.key == key]

    def without_key(self, family: str, *, code: str = "", name: str = "") -> list[Held]:
        """Those that carry no key of ours and have this code, or this name."""
        column, wanted = ("code", code) if code else ("name", name)
        found = self._select(family, column, _folded(wanted)) if wanted else []
        return [held for held in found if not held.key]

    def with_id(self, family: str, remote_id: str) -> Held | None:
        return next(iter(self._select(family, "id", remote_id)), None) if remote_id else None

    def _select(self, family: str, column: str, value: str) -> list[Held]:
        found = self._file.execute(
            f"SELECT record FROM held WHERE family = ? AND {column} = ?",  # noqa: S608  (a name of ours)
            (family, value),
        )
        return [Held(**json.loads(record)) for (record,) in found]


def read_crm(client: CrmClient, terms: Terms, listing: Listing) -> int:
    """Read every product of CRM, 200 a call. Returns how many there are; raises a ZohoError."""
    names, key = (
        [field.name for field in fields(terms.crm_prefix, terms.crm_costs)],
        key_field(terms.crm_prefix),
    )

    def held(record: dict[str, Any]) -> Held:
        values = {name: record.get(name) for name in names}
        own, code, name = (
            str(record.get(each) or "").strip() for each in (key, "Product_Code", "Product_Name")
        )
        return Held(str(record["id"]), own, code, name, values)

    return listing.add(CRM_FAMILY, map(held, client.iter_products(names)))


def read_billing(client: BillingClient, terms: Terms, listing: Listing) -> int:
    """Read every product, plan and add-on of Billing, 200 a call. Returns how many; raises a ZohoError."""
    kinds = {family.path: kind for kind, family in FAMILIES.items()}
    return sum(_read_family(client, kind, terms, listing) for kind in kinds.values())


def _read_family(client: BillingClient, kind: Kind, terms: Terms, listing: Listing) -> int:
    family = FAMILIES[kind]
    names = {*(field.name for field in table_of(kind, terms)), *ALSO_READ}
    held = (
        Held(
            found.remote_id,
            str(found.values.get(family.key) or ""),
            "",
            str(found.values.get("name") or ""),
            {name: value for name, value in found.values.items() if name in names},
        )
        for found in client.iter(family)
    )
    return listing.add(family.path, held)


def _folded(text: str) -> str:
    return text.strip().casefold()
