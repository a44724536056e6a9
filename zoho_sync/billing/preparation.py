"""What a person has to set or make in Zoho Billing before the sync can do its work. Looks, and writes nothing new.

Billing has no call that lists custom fields. A label is known to exist when a plan was accepted with it; else it
is tried on a plan of ours, with the value that the sync would write there anyway.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from catalogue.models import ServicePackage
from zoho_sync.billing.client import PLANS, BillingClient
from zoho_sync.billing.mapping import PLAN, PLAN_CUSTOM_FIELDS
from zoho_sync.billing.organisation import Organisation, disagreement
from zoho_sync.connection.errors import InvalidField, Misconfigured
from zoho_sync.desired import current_terms
from zoho_sync.fields import Facts, Terms, payload, plain, wire
from zoho_sync.keys import package_key
from zoho_sync.models import Kind, ProductIntegration

NUMBERS = {"Download Speed", "Upload Speed", "Contract Months", "Installation Days"}
DATES = {"Valid From", "Valid To"}
AMOUNTS = {"Promotion Price"}


@dataclass(frozen=True)
class Finding:
    """One thing looked at. `words` say what a person must do where it is not `fine`."""

    fine: bool
    words: str


def look(client: BillingClient) -> list[Finding]:
    """Everything that has to be right in the organisation. Raises a ZohoError when Zoho cannot be asked."""
    terms = current_terms()
    return [*_organisation(client, terms), *_custom_fields(client, terms)]


def _organisation(client: BillingClient, terms: Terms) -> Iterator[Finding]:
    try:
        found = client.get_organisation()
    except Misconfigured as trouble:
        yield Finding(False, str(trouble))
        return
    complaint = disagreement(found, prices_include_vat=terms.prices_include_vat)
    yield Finding(complaint is None, complaint or _agreement(found, terms))
    try:
        vat_id = client.vat_id(terms.vat_rate)
    except Misconfigured as trouble:
        yield Finding(False, str(trouble))
    else:
        yield Finding(True, f"VAT of {terms.vat_rate * 100:.0f} % is tax {vat_id}")


def _agreement(found: Organisation, terms: Terms) -> str:
    if found.prices_include_vat is None:
        return "Zoho does not tell whether the organisation's prices include VAT: look under Settings, Taxes"
    return f"prices {'include' if terms.prices_include_vat else 'exclude'} VAT there as here"


def _custom_fields(client: BillingClient, terms: Terms) -> Iterator[Finding]:
    known = [label for label in PLAN_CUSTOM_FIELDS if label in terms.billing_custom_fields]
    for label in sorted(terms.billing_custom_fields - set(known)):
        yield Finding(
            False,
            f"ZOHO_BILLING_CUSTOM_FIELDS names {label!r}, which nothing fills. Known: {', '.join(PLAN_CUSTOM_FIELDS)}",
        )
    row = (
        ProductIntegration.objects.filter(kind=Kind.BILLING_PLAN)
        .exclude(remote_id="")
        .exclude(acknowledged_payload=None)
        .order_by("-last_synced_at")
        .select_related("package")
        .first()
    )
    for label in known:
        if row is None:
            yield Finding(True, f"{label!r} can be tried once a plan is synced. {how_to_make(label)}")
        else:
            there = _was_accepted(row, label) or _is_accepted(client, row.package, terms, label)
            words = f"custom field {label!r} is there"
            yield Finding(there, words if there else f"{label!r} is missing. {how_to_make(label)}")


def how_to_make(label: str) -> str:
    """What a person does in Zoho Billing's screens."""
    kinds = ((NUMBERS, "Number"), (DATES, "Date"), (AMOUNTS, "Decimal"))
    type = next((name for labels, name in kinds if label in labels), "Text box")
    return (
        f"In Zoho Billing under Settings, Preferences, Plans, custom fields: a field of type {type} "
        f"with exactly the label {label!r}; or take it out of ZOHO_BILLING_CUSTOM_FIELDS"
    )


def _was_accepted(row: ProductIntegration, label: str) -> bool:
    sent = (row.acknowledged_payload or {}).get("custom_fields") or []
    return any(each.get("label") == label for each in sent)


def _is_accepted(client: BillingClient, package: ServicePackage, terms: Terms, label: str) -> bool:
    facts = Facts(package, terms, package_key(package))
    required = {field.name for field in PLAN if field.required}
    body: dict[str, Any] = wire(
        PLAN, {name: value for name, value in payload(PLAN, facts).items() if name in required}
    )
    value = plain(PLAN_CUSTOM_FIELDS[label](facts))
    body["custom_fields"] = [{"label": label, "value": "" if value is None else value}]
    try:
        client.update(PLANS, facts.key, body, packages=[package.pk])
    except InvalidField as refusal:
        if refusal.code == "120129" or label in str(refusal):
            return False
        raise
    return True
