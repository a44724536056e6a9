"""`docs/zoho-fields.md`, `docs/zoho-crm-field-security.md` and `docs/zoho-errors.md`, written from the tables.

A test fails when a page is stale.
"""

from collections.abc import Iterator
from decimal import Decimal

from zoho_sync.billing import mapping as billing
from zoho_sync.connection import codes
from zoho_sync.crm import mapping as crm
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
    yield "## What CRM is told only with `ZOHO_CRM_SEND_COSTS`\n"
    yield "| ours | in Zoho | type | longest | rules |"
    yield "|---|---|---|---|---|"
    usual = crm.custom_fields(terms.crm_prefix)
    yield from (_row(field) for field in crm.custom_fields(terms.crm_prefix, True) if field not in usual)
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


SECURITY = """# Locking our fields in Zoho CRM

Generated from the mapping table in `zoho_sync/crm/mapping.py` by
`make manage CMD="zoho_field_security document"`. Do not edit by hand: a test compares this page with the table.

The catalogue is the master of the fields below. In Zoho CRM they ought to be read only, or hidden, for every
profile but the integration's own, so that what sales reads is what the catalogue says. CRM cannot lock whole
records of Products; field permissions are the only lock there is. They hold for the API as well as the screens.

## Once: a profile for the integration

1. *Setup → Users and Control → Security Control → Profiles → New Profile*. Name it for example *API Integration*.
2. Give it *View*, *Create* and *Edit* on Products, and *Module Customization*: without that Zoho does not tell
   who may edit a field, and the check says *cannot verify*.
3. *Setup → Users* : the user whose consent made the refresh token gets this profile, and nobody else does.

## By the program

    make manage CMD="zoho_field_security check"               who may edit what
    make manage CMD="zoho_field_security check --fix"         what would be locked
    make manage CMD="zoho_field_security check --fix --yes"   lock it
    make manage CMD="zoho_field_security check --probe"       try a real edit as an ordinary user, and put it back

Exit codes: 0 all is locked; 3 somebody may edit something; 4 it cannot be verified; 1 CRM could not be asked, or
refused to lock a field. `--json` prints a report. The same is in the admin under *Field security checks*, and each
night it is looked at by itself: a hole that was not there the day before is logged as an error and mailed to
Django's `ADMINS`.

`--probe` needs `ZOHO_PROBE_REFRESH_TOKEN`, the refresh token of an ordinary user (scope
`ZohoCRM.modules.products.ALL`). It edits the description of one product, looks what CRM holds, and puts it back.

## By hand

*Setup → Customization → Modules and Fields → Products → the layout's fields*. For each field of the table: the three
dots beside it → *Set Permission* → *Read Only* for every profile but the integration's → *Done*. New profiles begin
with *Read and Write*: do it again for each.

What the check says, and what to do:

| it says | do |
|---|---|
| `may edit it` | set the field to read only for that profile, by hand or with `--fix --yes` |
| `share the integration's profile` | give these people another profile |
| `Zoho does not tell` | give the integration's profile *Module Customization* |
| `CRM has no such field` | `make manage CMD="zoho_fields create"` |
| `the integration may not write it` | set the field to *Read and Write* for the integration's profile, or nothing arrives |

## The fields

| field in CRM | holds | made by |
|---|---|---|
"""


def security_page() -> str:
    """The page about field permissions, as Markdown."""
    rows = (
        f"| `{field.name}` | {field.source} | {'zoho_fields create' if field.custom else 'Zoho'} |"
        for field in crm.fields("ct_")
    )
    return SECURITY + "\n".join(rows) + "\n"


ERRORS = """# What Zoho's errors mean, and what to do

Generated from the tables in `zoho_sync/connection/codes.py` by `make manage CMD="zoho_fields document"`. Do not
edit by hand: a test compares this page with the tables.

*Worth retrying* goes by itself. *Needs a person* stays in the admin under *Zoho records* with Zoho's own words until
somebody mends the cause and presses *Send again*. A code that is not here needs a person.
"""


def errors_page() -> str:
    """The page about error codes, as Markdown."""
    lines = [ERRORS]
    for title, table in (
        ("Access tokens", codes.OAUTH),
        ("Zoho CRM", codes.CRM),
        ("Zoho Billing", codes.BILLING | {"(none: known by its words)": codes.TAKEN}),
    ):
        lines += [f"## {title}\n", "| code | HTTP | family | means | what to do |", "|---|---|---|---|---|"]
        lines += [
            f"| `{code}` | {row.http_status} | {row.family} | {row.words} | {row.advice} |"
            for code, row in table.items()
        ]
        lines.append("")
    return "\n".join(lines)
