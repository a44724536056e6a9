"""`docs/zoho-fields.md`, written from the mapping tables. A test fails when the page is stale."""

from collections.abc import Iterator
from decimal import Decimal

from zoho_sync.billing import mapping as billing
from zoho_sync.desired import table_of
from zoho_sync.fields import Field, Terms
from zoho_sync.models import Kind

INTRODUCTION = """# What we write in Zoho

Generated from the mapping tables in `zoho_sync/crm/mapping.py` and `zoho_sync/billing/mapping.py` by
`make manage CMD="zoho_fields document"`. Do not edit by hand: a test compares this page with the tables.

Every field below is ours: what is typed into it in Zoho is overwritten by the next sync of that package.
Amounts are rand; whether they include VAT is the setting `ZOHO_PRICES_INCLUDE_VAT`.
"""


def field_page() -> str:
    """The whole page, as Markdown."""
    terms = Terms(vat_rate=Decimal("0.15"))
    return "\n".join([INTRODUCTION, *_lines(terms)]) + "\n"


def _lines(terms: Terms) -> Iterator[str]:
    for kind in Kind:
        yield f"## {kind.label}\n"
        yield "| ours | in Zoho | type | longest | rules |"
        yield "|---|---|---|---|---|"
        yield from (_row(field) for field in table_of(kind, terms))
        yield ""
    yield "## Custom fields of Billing plans\n"
    yield "Made by hand in Zoho Billing. Only labels named in `ZOHO_BILLING_CUSTOM_FIELDS` are sent.\n"
    yield "| label |"
    yield "|---|"
    yield from (f"| {label} |" for label in billing.PLAN_CUSTOM_FIELDS)


def _row(field: Field) -> str:
    rules = [
        name
        for name, holds in (
            ("key" if field.unique else "", field.unique),
            ("required", field.required),
            ("custom field", field.custom),
        )
        if holds
    ]
    return f"| {field.source} | `{field.name}` | {field.type.value} | {field.length or ''} | {', '.join(rules)} |"
