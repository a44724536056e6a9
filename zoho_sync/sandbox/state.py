"""Everything one sandbox holds and remembers. A single event loop owns it, so each call is atomic."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from aiohttp import web

from .clock import Clock
from .faults import Faults
from .journal import Journal
from .limits import BillingLimits, CrmLimits
from .settings import Settings
from .store import Document, Store, case_insensitive


class State:
    """The records of CRM and Billing, the tokens, the limits used, the faults ordered, the calls seen."""

    def __init__(self, settings: Settings, path: str | None = None) -> None:
        self.settings = settings
        self.clock = Clock()
        self.store = Store(path)
        table = self.store.table
        self.tokens = table("oauth_tokens", index=("access_token",))
        self.crm_products = table("crm_products", fold=case_insensitive, index=("Product_Name",))
        self.crm_deleted = table("crm_deleted")
        self.crm_timelines = table("crm_timelines")
        self.crm_fields = table("crm_fields", fold=case_insensitive, index=("api_name",))
        self.crm_profiles = table("crm_profiles")
        self.crm_users = table("crm_users", fold=case_insensitive, index=("full_name",))
        self.billing_products = table(
            "billing_products", "product_id", fold=case_insensitive, index=("name",)
        )
        self.billing_plans = table("billing_plans", "plan_id", index=("plan_code", "product_id"))
        self.billing_addons = table("billing_addons", "addon_id", index=("addon_code", "product_id"))
        self.billing_coupons = table("billing_coupons", "coupon_id", index=("coupon_code", "product_id"))
        self.billing_taxes = table("billing_taxes", "tax_id")
        self.billing_custom_fields = table("billing_custom_fields", "customfield_id", index=("entity",))
        self.billing_customers = table(
            "billing_customers", "customer_id", fold=case_insensitive, index=("display_name", "email")
        )
        self.billing_subscriptions = table(
            "billing_subscriptions", "subscription_id", index=("customer_id", "plan_code")
        )
        self.billing_invoices = table(
            "billing_invoices", "invoice_id", index=("customer_id", "subscription_id")
        )
        self.billing_payments = table("billing_payments", "payment_id", index=("customer_id",))
        self.billing_creditnotes = table("billing_creditnotes", "creditnote_id", index=("customer_id",))
        self.journal = Journal()
        self.faults = Faults()
        self.billing_limits = BillingLimits(settings, self.store)
        self.crm_limits = CrmLimits(settings, self.store)
        self.search_index = SearchIndex(self)
        self.snapshots: dict[str, Snapshot] = {}

    def load(self) -> None:
        self.store.load()
        self._derive()

    def _derive(self) -> None:
        """What follows from the records and values."""
        self.clock.ahead = timedelta(seconds=self.store.values.get("clock", {}).get("ahead_seconds", 0))
        for field in self.crm_fields:
            if field["unique"] or field["external"]:
                self.crm_products.add_index(field["api_name"])
        self.search_index.rebuild()

    def take_snapshot(self, name: str) -> None:
        """Remember every record and value. No document is changed in place, so references are enough."""
        documents = {kind: list(table) for kind, table in self.store.tables.items()}
        self.snapshots[name] = Snapshot(documents, dict(self.store.values))

    def restore(self, name: str) -> None:
        """After `clear`: what was there when the snapshot was taken, but what was used up."""
        snapshot = self.snapshots[name]
        for kind, documents in snapshot.documents.items():
            for document in documents:
                self.store.tables[kind].put(document)
        for value, document in snapshot.values.items():
            if value not in USED_UP:
                self.store.set_value(value, document)
        self._derive()

    def clear(self) -> None:
        """Back to an empty Zoho, with all limits unused and no faults ordered."""
        for field in self.crm_fields:
            if field["api_name"] != "Product_Name":
                self.crm_products.drop_index(field["api_name"])
        self.store.clear()
        self.clock.ahead = timedelta()
        self.journal.clear()
        self.faults.clear()
        self.billing_limits.reset()
        self.crm_limits.reset()
        self.search_index.rebuild()


# Values that a reset does not bring back: ids go on counting, and nothing is used up.
USED_UP = ("next_id", "billing_use", "crm_credits", "token_requests")


@dataclass(frozen=True)
class Snapshot:
    documents: dict[str, list[Document]]
    values: dict[str, Document]


class SearchIndex:
    """What CRM search can see: the products as they were `search_lag_seconds` ago."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._visible: dict[str, Document] = {}
        self._waiting: deque[tuple[Any, str, Document | None]] = deque()

    def rebuild(self) -> None:
        self._waiting.clear()
        self._visible = {document["id"]: document for document in self._state.crm_products}

    def note(self, id: str, document: Document | None) -> None:
        self._waiting.append((self._state.clock.now(), id, document))

    def documents(self) -> list[Document]:
        known_until = self._state.clock.now() - timedelta(seconds=self._state.settings.search_lag_seconds)
        while self._waiting and self._waiting[0][0] <= known_until:
            _, id, document = self._waiting.popleft()
            if document is None:
                self._visible.pop(id, None)
            else:
                self._visible[id] = document
        return list(self._visible.values())


STATE = web.AppKey("state", State)


def state_of(request: web.Request) -> State:
    return request.app[STATE]
