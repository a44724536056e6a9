"""`GET /`: a look inside, for people. Plain HTML, nothing fetched from elsewhere, every value escaped."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from itertools import islice
from typing import Any

from aiohttp import web

from .crm.fields import unique_fields
from .faults import Fault
from .journal import Entry
from .state import State, state_of
from .store import Document
from .web import whole_number

ROWS = 200
CALLS = 40
Columns = tuple[tuple[str, str], ...]

# Heading and field. `*` marks amounts, which stand to the right.
KINDS: dict[str, tuple[str, Columns]] = {
    "crm_products": (
        "CRM products",
        (
            ("Product code", "Product_Code"),
            ("Name", "Product_Name"),
            ("Unit price", "*Unit_Price"),
            ("Active", "Product_Active"),
            ("Modified by", "Modified_By"),
            ("Modified", "Modified_Time"),
        ),
    ),
    "billing_products": (
        "Billing products",
        (("Product id", "product_id"), ("Name", "name"), ("Status", "status"), ("Modified", "updated_time")),
    ),
    "billing_plans": (
        "Billing plans",
        (
            ("Plan code", "plan_code"),
            ("Name", "name"),
            ("Price", "*recurring_price"),
            ("Every", "interval_unit"),
            ("Status", "status"),
            ("Modified", "updated_time"),
        ),
    ),
    "billing_addons": (
        "Billing add-ons",
        (
            ("Add-on code", "addon_code"),
            ("Name", "name"),
            ("Price", "*price_brackets"),
            ("Type", "type"),
            ("Status", "status"),
            ("Modified", "updated_time"),
        ),
    ),
    "billing_subscriptions": (
        "Billing subscriptions",
        (
            ("Number", "subscription_number"),
            ("Plan", "plan_code"),
            ("Reference", "reference_id"),
            ("Status", "status"),
            ("Next bill", "next_billing_at"),
        ),
    ),
    "billing_invoices": (
        "Billing invoices",
        (
            ("Number", "number"),
            ("Date", "invoice_date"),
            ("Total", "*total"),
            ("Balance", "*balance"),
            ("Status", "status"),
        ),
    ),
}

STYLE = """
:root { color-scheme: light dark; --ink: #1c2733; --soft: #5c6b7a; --line: #dfe5eb; --paper: #fff;
  --ground: #f4f6f8; --mark: #b4470f; --good: #17663a; --bad: #a8202b; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6ebf0; --soft: #9aa8b5; --line: #33404c;
  --paper: #1b232b; --ground: #12181e; --mark: #f0955f; --good: #6cc592; --bad: #f08a92; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--ground); color: var(--ink); font: 15px/1.5 system-ui, sans-serif; }
header, main { max-width: 1240px; margin: 0 auto; padding: 0 20px; }
header { padding-top: 28px; }
h1 { margin: 0; font-size: 26px; letter-spacing: -.01em; }
h1 span { color: var(--mark); }
h2 { margin: 0; font-size: 17px; }
p { margin: 4px 0 0; color: var(--soft); max-width: 70ch; }
nav { display: flex; flex-wrap: wrap; gap: 10px; margin: 20px 0; }
nav a { flex: 1 1 140px; padding: 10px 14px; background: var(--paper); border: 1px solid var(--line);
  border-radius: 8px; color: inherit; text-decoration: none; }
nav a:hover, nav a:focus-visible { border-color: var(--mark); }
nav b { display: block; font-size: 22px; font-variant-numeric: tabular-nums; }
nav span { color: var(--soft); font-size: 13px; }
section { margin: 0 0 24px; background: var(--paper); border: 1px solid var(--line); border-radius: 8px; }
.head { display: flex; flex-wrap: wrap; gap: 4px 16px; align-items: baseline; padding: 14px 18px; }
.head small { color: var(--soft); }
.wide { overflow-x: auto; }
table { width: 100%; border-collapse: collapse; font-size: 14px; }
th, td { padding: 7px 18px; text-align: left; border-top: 1px solid var(--line); vertical-align: top;
  overflow-wrap: anywhere; min-width: 90px; }
th { color: var(--soft); font-weight: 600; font-size: 12.5px; white-space: nowrap; }
.amount { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
.when { white-space: nowrap; font-variant-numeric: tabular-nums; }
.good { color: var(--good); } .bad { color: var(--bad); font-weight: 600; }
.empty { padding: 0 18px 16px; margin: 0; }
.pages { padding: 10px 18px; border-top: 1px solid var(--line); display: flex; gap: 18px; }
a { color: var(--mark); }
code { font-size: 13px; }
@media (max-width: 640px) { header, main { padding: 0 12px; } header { padding-top: 18px; }
  th, td, .head { padding-left: 12px; padding-right: 12px; } }
"""


async def show(request: web.Request) -> web.Response:
    """Everything on one page, 200 rows of each kind; `?kind=…&page=…` turns the pages of one kind."""
    state = state_of(request)
    turned = request.query.get("kind", "")
    number = whole_number(request.query.get("page"), 1) or 1
    parts = [
        introduction(state),
        tiles(state),
        limits(state),
        *(records(state, kind, number if kind == turned else 1) for kind in KINDS),
        calls(state),
        faults(state),
    ]
    return web.Response(text=frame("".join(parts)), content_type="text/html")


def frame(body: str) -> str:
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Sandbox Zoho</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1"><link rel="icon" href="data:,">'
        f"<style>{STYLE}</style></head><body>{body}</main></body></html>"
    )


def introduction(state: State) -> str:
    now = state.clock.now().strftime("%A %d %B %Y, %H:%M")
    return (
        "<header><h1>Sandbox <span>Zoho</span></h1><p>A local stand-in for Zoho CRM and Zoho Billing. "
        f"Nothing here is real and nothing here reaches Zoho. It is {escape(now)} in the organisation.</p>"
        "</header><main>"
    )


def tiles(state: State) -> str:
    shown = [(title, f"#{kind}", len(state.store.tables[kind])) for kind, (title, _) in KINDS.items()]
    answered = sum(sum(each.values()) for each in state.journal.calls.values())
    shown.append(("API calls since start", "#calls", answered))
    links = (
        f'<a href="{href}"><b>{grouped(count)}</b><span>{escape(title)}</span></a>'
        for title, href, count in shown
    )
    return f"<nav>{''.join(links)}</nav>"


def limits(state: State) -> str:
    billing, crm = state.billing_limits.as_json(), state.crm_limits.as_json()
    rows = [
        ("Billing, this minute", billing["this_minute"], billing["per_minute"]),
        ("Billing, today", billing["today"], billing["per_day"]),
        ("Billing, at once", billing["running"], billing["concurrency"]),
        ("CRM credits, 24 hours", crm["credits_used"], crm["credits"]),
        ("CRM, at once", crm["running"], crm["concurrency"]),
        ("CRM, heavy calls at once", crm["running_heavy"], crm["heavy_concurrency"]),
    ]
    cells = [[escape(name), amount(used), amount(most or "no limit")] for name, used, most in rows]
    blocked = billing["blocked_seconds"]
    note = f"Billing is blocked for another {blocked} s" if blocked else "what may be used, and what was"
    return section("limits", "Limits", note, table(("Limit", "*Used", "*Of"), cells))


def records(state: State, kind: str, number: int) -> str:
    title, columns = KINDS[kind]
    if kind == "crm_products":  # what makes a product unique here was somebody's decision, and is shown first
        keys = [name for name in unique_fields(state) if name not in dict(columns).values()]
        columns = (*((name.replace("_", " "), name) for name in keys), *columns)
    total = len(state.store.tables[kind])
    start = (number - 1) * ROWS
    rows = islice(state.store.tables[kind].newest_first(), start, start + ROWS)
    cells = [[value(document, field) for _, field in columns] for document in rows]
    note = f"{grouped(total)} in all"
    if total > ROWS:
        note = f"{grouped(start + 1)} to {grouped(start + len(cells))} of {grouped(total)}, newest first"
    headings = [("*" if field.startswith("*") else "") + heading for heading, field in columns]
    return section(kind, title, note, table(headings, cells) + turner(kind, number, total))


def value(document: Document, field: str) -> str:
    """A table cell."""
    if field == "*price_brackets":
        return amount(", ".join(money(bracket["price"]) for bracket in document["price_brackets"]))
    if field.startswith("*"):
        return amount(money(document.get(field[1:])))
    found = document.get(field)
    if field == "interval_unit":
        return escape(
            str(found).removesuffix("s") if document["interval"] == 1 else f"{document['interval']} {found}"
        )
    if isinstance(found, dict):
        found = found.get("name")
    if field in ("Modified_Time", "updated_time", "last_modified_time"):
        return f'<span class="when">{escape(str(found)[:19].replace("T", " "))}</span>'
    if isinstance(found, bool):
        found = "active" if found else "inactive"
    if field in ("status", "Product_Active"):
        return f'<span class="{"good" if found == "active" else "bad"}">{escape(str(found or ""))}</span>'
    return escape(str(found if found is not None else ""))


def money(number: Any) -> str:
    return f"R {grouped(number, 2)}" if isinstance(number, int | float) else ""


def amount(text: Any) -> str:
    shown = grouped(text) if isinstance(text, int) else str(text)
    return f'<span class="amount">{escape(shown)}</span>'


def grouped(number: float, places: int = 0) -> str:
    """1 234.50: a no-break space for the thousands, as South Africans write it."""
    return f"{number:,.{places}f}".replace(",", "\N{NO-BREAK SPACE}")


def turner(kind: str, number: int, total: int) -> str:
    links = []
    if number > 1:
        links.append(f'<a href="/?kind={kind}&amp;page={number - 1}#{kind}">Previous {ROWS}</a>')
    if total > number * ROWS:
        links.append(f'<a href="/?kind={kind}&amp;page={number + 1}#{kind}">Next {ROWS}</a>')
    return f'<div class="pages">{"".join(links)}</div>' if links else ""


def calls(state: State) -> str:
    latest = list(islice(reversed(state.journal.entries), CALLS))
    note = f"the latest {len(latest)}" if latest else ""
    return section(
        "calls", "API calls", note, table(("At (UTC)", "Call", "Answer", "*Took"), map(call, latest))
    )


def call(entry: Entry) -> list[str]:
    told = entry.as_json()
    answer = "no answer" if entry.status is None else str(entry.status)
    kind = "good" if entry.status is not None and entry.status < 400 else "bad"
    ordered = f" <small>(fault {entry.fault})</small>" if entry.fault else ""
    return [
        f'<span class="when">{escape(told["at"][11:23])}</span>',
        f"<code>{escape(entry.method)} {escape(entry.path)}</code>",
        f'<span class="{kind}">{answer}</span>{ordered}',
        amount("" if entry.milliseconds is None else f"{entry.milliseconds} ms"),
    ]


def faults(state: State) -> str:
    rows = [fault(order) for order in state.faults.orders]
    note = "what was ordered to go wrong, and has not all gone wrong yet"
    return section("faults", "Faults", note, table(("No.", "When", "Then", "*Left"), rows))


def fault(order: Fault) -> list[str]:
    match = ", ".join(f"{name} {wanted}" for name, wanted in order.match.items()) or "any call"
    action = ", ".join(f"{name} {what}" for name, what in order.action.items())
    left = "until taken away" if order.times is None else order.times
    return [str(order.number), escape(match), escape(action), amount(left)]


def section(id: str, title: str, note: str, body: str) -> str:
    head = f'<div class="head"><h2>{escape(title)}</h2><small>{escape(note)}</small></div>'
    return f'<section id="{id}">{head}{body}</section>'


def table(headings: Iterable[str], rows: Iterable[list[str]]) -> str:
    """Headings with a `*` stand over amounts. The cells are HTML already."""
    body = "".join(f"<tr>{''.join(map(cell, row))}</tr>" for row in rows)
    if not body:
        return '<p class="empty">None yet.</p>'
    head = "".join(
        f'<th class="amount">{escape(h[1:])}</th>' if h.startswith("*") else f"<th>{escape(h)}</th>"
        for h in headings
    )
    return f'<div class="wide"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'


def cell(content: str) -> str:
    return (
        f'<td class="amount">{content}</td>'
        if content.startswith('<span class="amount">')
        else f"<td>{content}</td>"
    )
