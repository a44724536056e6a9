"""Zoho's side: whole lists, a page at a time, and single records to look at again. Calls are counted by their log."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from django.core.cache import cache

from zoho_sync.billing.client import PRODUCTS, BillingClient, Family
from zoho_sync.billing.client import Remote as BillingRecord
from zoho_sync.compare.records import SHELVES, Remote, Shelf
from zoho_sync.connection.errors import NotAuthorised
from zoho_sync.connection.http import ZohoHttp
from zoho_sync.crm.client import CrmClient
from zoho_sync.crm.mapping import fields, key_field
from zoho_sync.desired import current_terms, table_of
from zoho_sync.fields import Terms
from zoho_sync.models import System

# That COQL is not granted is remembered for a day, so that it is not asked for in vain each time.
NO_QUERIES = "reconciliation:no-coql"
DAY = 86_400
WHO_AND_WHEN = ("Modified_By", "Modified_Time")


def open_zoho(sleep: Callable[[float], None] = time.sleep) -> "Zoho":
    """Both systems for something that a person waits for: a limit that is reached refuses it."""
    return Zoho(current_terms(), {system: ZohoHttp(system, sleep=sleep) for system in System})


class Zoho:
    """The systems as a comparison reads them, each over its connection. Every method raises ZohoErrors.

    CRM is read by COQL where that is granted, unless `queries` is false. Close it.
    """

    def __init__(self, terms: Terms, connections: Mapping[System, ZohoHttp], *, queries: bool = True) -> None:
        self.terms = terms
        self._connections = connections
        self._queries = queries
        if System.CRM in connections:
            self.crm = CrmClient(connections[System.CRM])
        if System.BILLING in connections:
            self.billing = BillingClient(connections[System.BILLING])
        self._columns = [field.name for field in fields(terms.crm_prefix, terms.crm_costs)] + list(
            WHO_AND_WHEN
        )

    def __enter__(self) -> "Zoho":
        return self

    def __exit__(self, *_: object) -> None:
        for http in self._connections.values():
            http.close()

    @property
    def queries_granted(self) -> bool:
        """Whether CRM is read by COQL."""
        return self._queries and not cache.get(NO_QUERIES)

    def everything(self, shelf: Shelf) -> Iterator[Remote]:
        """The whole list, in Zoho's order."""
        if (family := shelf.family) is None:
            return self._crm_list()
        return (self._from_billing(family, record) for record in self.billing.iter(family))

    def by_key(self, shelf: Shelf, keys: Sequence[str]) -> Iterator[Remote]:
        """The records with these keys, in as few calls as there are."""
        if shelf.family is None:
            yield from self._crm_by_key(keys)
        elif shelf.family is PRODUCTS:
            # Products have no code to ask by.
            yield from (remote for remote in self.everything(shelf) if remote.key in set(keys))
        else:
            for key in keys:
                if found := self.billing.find(shelf.family, key):
                    yield self._from_billing(shelf.family, found)

    def again(self, shelf: Shelf, record: Remote | None, key: str) -> Remote | None:
        """One record as it is now: by Zoho's id where it has been seen, else by our key."""
        if shelf.family is None and record is not None:
            return next(map(self._from_crm, self.crm.products_by_id(self._columns, [record.id])), None)
        found = list(self.by_key(shelf, [record.key if record else key]))
        return next((each for each in found if record is None or each.id == record.id), None)

    def look(self, shelf: Shelf, wanted: Mapping[str, tuple[str, str]]) -> dict[str, Remote | None]:
        """Some records as they are now: {name: record} for {name: (Zoho's id where known, key)}."""
        found: dict[str, Remote] = {}
        ids = sorted({id for id, _key in wanted.values() if id})
        if shelf.family is None and ids:
            found |= {
                each.id: each for each in map(self._from_crm, self.crm.products_by_id(self._columns, ids))
            }
        keys = sorted({key for id, key in wanted.values() if shelf.family is not None or not id})
        by_key = {each.key: each for each in self.by_key(shelf, keys)} if keys else {}
        return {
            name: found.get(id) if shelf.family is None and id else by_key.get(key)
            for name, (id, key) in wanted.items()
        }

    def _crm_list(self) -> Iterator[Remote]:
        return self._by_query(
            lambda: self.crm.query_products(["id", *self._columns]),
            instead=lambda: map(self._from_crm, self.crm.iter_products(self._columns)),
        )

    def _crm_by_key(self, keys: Sequence[str]) -> Iterator[Remote]:
        key, wanted = key_field(self.terms.crm_prefix), set(keys)
        return self._by_query(
            lambda: self.crm.query_by_key(["id", *self._columns], key, keys),
            instead=lambda: (remote for remote in self._crm_list() if remote.key in wanted),
        )

    def _by_query(
        self, ask: Callable[[], Iterator[dict[str, Any]]], *, instead: Callable[[], Iterator[Remote]]
    ) -> Iterator[Remote]:
        """What `ask` finds by COQL, where that is granted."""
        if self.queries_granted:
            try:
                yield from map(self._from_crm, ask())
            except NotAuthorised:
                cache.set(NO_QUERIES, True, DAY)
            else:
                return
        yield from instead()

    def _from_crm(self, row: dict[str, Any]) -> Remote:
        who = row.get("Modified_By")
        return Remote(
            id=str(row.get("id") or ""),
            key=str(row.get(key_field(self.terms.crm_prefix)) or ""),
            values={name: row[name] for name in self._columns if name in row and name not in WHO_AND_WHEN},
            modified_at=str(row.get("Modified_Time") or ""),
            modified_by=str(who.get("name") or who.get("id") or "") if isinstance(who, dict) else "",
        )

    def _from_billing(self, family: Family, record: BillingRecord) -> Remote:
        values = {name: record.values[name] for name in _names(family, self.terms) if name in record.values}
        if "status" in values:
            values["status"] = "active" if record.is_active else "inactive"  # as the sync reads it
        return Remote(
            id=record.remote_id,
            key=str(record.values.get(family.key) or ""),
            values=values,
            # Billing says when, and nowhere who.
            modified_at=str(record.values.get("updated_time") or ""),
        )


def _names(family: Family, terms: Terms) -> dict[str, None]:
    """The fields of a family that are compared, and what tells whether a record is in use."""
    kinds = next(shelf.kinds for shelf in SHELVES if shelf.family is family)
    names = [field.name for kind in kinds for field in table_of(kind, terms)]
    return dict.fromkeys([*names, "custom_fields", "status", "product_id"])
