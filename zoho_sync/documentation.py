"""The tables of `docs/zoho-fields.md`, `docs/zoho-crm-field-security.md` and `docs/zoho-errors.md`, from ours.

The text above the mark is written by hand in the page itself. A test fails when a page is stale.
"""

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

from django.conf import settings

from zoho_sync.billing import mapping as billing
from zoho_sync.connection import codes
from zoho_sync.crm import mapping as crm
from zoho_sync.desired import table_of
from zoho_sync.fields import Field, Terms
from zoho_sync.models import Kind

MARK = (
    '<!-- What follows is written by `make manage CMD="zoho_fields document"`: do not edit it by hand. -->\n'
)


def pages() -> dict[Path, str]:
    """Each page as it ought to be: what is written by hand, and the tables of today after it."""
    found = {}
    for name, lines in (
        ("zoho-fields.md", _fields()),
        ("zoho-crm-field-security.md", _security()),
        ("zoho-errors.md", _errors()),
    ):
        page = settings.BASE_DIR / "docs" / name
        by_hand = page.read_text(encoding="utf-8").partition(MARK)[0]
        found[page] = "\n".join([by_hand + MARK, *lines]).rstrip("\n") + "\n"
    return found


def _fields() -> Iterator[str]:
    terms = Terms(vat_rate=Decimal("0.15"))
    tables = {kind.label: table_of(kind, terms) for kind in Kind}
    usual = crm.custom_fields(terms.crm_prefix)
    tables["What CRM is told only with `ZOHO_CRM_SEND_COSTS`"] = tuple(
        field for field in crm.custom_fields(terms.crm_prefix, True) if field not in usual
    )
    for title, table in tables.items():
        yield f"## {title}\n"
        yield "| ours | in Zoho | type | longest | rules |"
        yield "|---|---|---|---|---|"
        yield from map(_row, table)
        yield ""
    yield "## Custom fields of Billing plans\n"
    yield "Made by hand in Zoho Billing. Only labels named in `ZOHO_BILLING_CUSTOM_FIELDS` are sent.\n"
    yield "| label |"
    yield "|---|"
    yield from (f"| {label} |" for label in billing.PLAN_CUSTOM_FIELDS)


def _row(field: Field) -> str:
    rules = {"key": field.unique, "required": field.required, "custom field": field.custom}
    named = ", ".join(name for name, holds in rules.items() if holds)
    return f"| {field.source} | `{field.name}` | {field.type.value} | {field.length or ''} | {named} |"


def _security() -> Iterator[str]:
    yield "| field in CRM | holds | made by |"
    yield "|---|---|---|"
    for field in crm.fields("ct_"):
        made_by = "zoho_fields create" if field.custom else "Zoho"
        yield f"| `{field.name}` | {field.source} | {made_by} |"


def _errors() -> Iterator[str]:
    for title, table in (
        ("Access tokens", codes.OAUTH),
        ("Zoho CRM", codes.CRM),
        ("Zoho Billing", codes.BILLING | {"(none: known by its words)": codes.TAKEN}),
    ):
        yield f"## {title}\n"
        yield "| code | HTTP | family | means | what to do |"
        yield "|---|---|---|---|---|"
        for code, row in table.items():
            yield f"| `{code}` | {row.http_status} | {row.family} | {row.words} | {row.advice} |"
        yield ""
