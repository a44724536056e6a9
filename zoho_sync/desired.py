"""Desired state: which Zoho records ought to exist for a package, and what they ought to say.

`desired_records` is pure. Publishing, syncing, previews, repairs and the nightly comparison all compare its
answer with something else; none of them knows a field of its own.
"""

import hashlib
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django.conf import settings

from catalogue.models import ServicePackage, vat_rate_today
from zoho_sync.billing import mapping as billing
from zoho_sync.crm import mapping as crm
from zoho_sync.fields import Facts, Field, Terms, payload, plain, problems
from zoho_sync.keys import HARDWARE_SUFFIX, INSTALLATION_SUFFIX, line_key, package_key
from zoho_sync.models import Kind

ENCODER = json.JSONEncoder(sort_keys=True, ensure_ascii=False)
BILLING_TABLES = {
    Kind.BILLING_PRODUCT: billing.PRODUCT,
    Kind.BILLING_PLAN: billing.PLAN,
    Kind.BILLING_INSTALLATION: billing.INSTALLATION,
    Kind.BILLING_HARDWARE: billing.HARDWARE,
}
SUFFIXES = {Kind.BILLING_INSTALLATION: INSTALLATION_SUFFIX, Kind.BILLING_HARDWARE: HARDWARE_SUFFIX}


@dataclass(frozen=True)
class DesiredRecord:
    """One Zoho record as it ought to be. `payload` holds plain JSON values; amounts are text with two decimals."""

    kind: Kind
    key: str
    payload: Mapping[str, Any]

    @cached_property
    def hash(self) -> str:
        return payload_hash(self.payload)


def payload_hash(values: Mapping[str, Any]) -> str:
    return hashlib.sha256(ENCODER.encode(values).encode("utf-8", "replace")).hexdigest()


def current_terms() -> Terms:
    """The terms of this installation today. One query, for the VAT rate. Raises NoVatRate."""
    return Terms(
        vat_rate=vat_rate_today(),
        prices_include_vat=settings.ZOHO_PRICES_INCLUDE_VAT,
        crm_prefix=settings.ZOHO_CRM_FIELD_PREFIX,
        billing_custom_fields=frozenset(settings.ZOHO_BILLING_CUSTOM_FIELDS),
        crm_costs=settings.ZOHO_CRM_SEND_COSTS,
        base_url=settings.CIRCLETEL_BASE_URL.rstrip("/"),
    )


def desired_records(
    package: ServicePackage, terms: Terms, kinds: Collection[Kind] = tuple(Kind)
) -> list[DesiredRecord]:
    """The records that mirror `package`, in the order in which they must come to exist; of some kinds only, if asked."""
    facts = Facts(package, terms, package_key(package))
    return [
        DesiredRecord(kind, *_describe(kind, facts))
        for kind in Kind
        if kind in kinds and _is_offered(kind, package)
    ]


def _is_offered(kind: Kind, package: ServicePackage) -> bool:
    # Zero is a value: free installation and an included device are charged at 0.00, so that the invoice shows them.
    if kind is Kind.BILLING_INSTALLATION:
        return package.installation_fee is not None
    return kind is not Kind.BILLING_HARDWARE or package.hardware_price is not None


def _describe(kind: Kind, facts: Facts) -> tuple[str, dict[str, Any]]:
    """The key and the payload of one record."""
    values = payload(table_of(kind, facts.terms), facts)
    if kind is Kind.BILLING_PRODUCT:
        return line_key(facts.package), values
    if kind is Kind.BILLING_PLAN and (custom := billing.plan_custom_fields(facts)):
        values["custom_fields"] = plain(custom)
    return facts.key + SUFFIXES.get(kind, ""), values


def retired_record(kind: Kind, key: str, acknowledged: Mapping[str, Any] | None) -> DesiredRecord:
    """The record of something a package no longer has: nothing is deleted in Zoho, it stays as it was, inactive."""
    return DesiredRecord(kind, key, {**(acknowledged or {}), "status": "inactive"})


def table_of(kind: Kind, terms: Terms) -> tuple[Field, ...]:
    """The mapping table behind a kind of record."""
    if kind is Kind.CRM_PRODUCT:
        return crm.fields(terms.crm_prefix, terms.crm_costs)
    return BILLING_TABLES[kind]


def problems_of(record: DesiredRecord, terms: Terms) -> list[str]:
    """Why Zoho would refuse `record`: missing or too long values, each named. Empty when it would take it."""
    return problems(table_of(record.kind, terms), record.payload)
