"""Walking through the admin's pages: which there are, and what can be wrong with one that is open."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from django.contrib import admin
from django.db.models import Model
from django.urls import NoReverseMatch, reverse
from django.urls.resolvers import URLPattern

AXE = Path(__file__).parent / "axe" / "axe.min.js"
# Parts of other pages, downloads, and what only answers a POST.
NOT_PAGES = {
    "core_job_progress", "catalogue_pricelist_panel", "catalogue_pricelist_refused",
    "catalogue_product_zoho_standing", "catalogue_servicepackage_panel",
    "pricing_pricenotice_csv", "pricing_pricenotice_json",
    "pricing_pricechange_impact_csv", "pricing_pricechange_proof_csv",
    "pricing_noticestage_preview", "reconciliation_reconciliationreport_progress", "reconciliation_reconciliationreport_csv",
    "reconciliation_reconciliationreport_json",
}  # fmt: skip
# History and deletion are Django's own; ours is the audit trail.
DJANGOS = ("_history", "_delete")


@dataclass
class Found:
    """Pages by kind, so that a test can take a part: `list`, `add`, `change`, `own`."""

    pages: dict[str, list[str]] = field(
        default_factory=lambda: {"list": [], "add": [], "change": [], "own": []}
    )
    unreachable: list[str] = field(default_factory=list)


def every_page(arguments: dict[str, list[Any]], request: Any) -> Found:
    """Whatever the URL resolver knows: each model's list, its first row, its form, and pages of our own.

    `arguments` are those of pages whose address has more than the key of one row.
    """
    found = Found()
    found.pages["own"] += [reverse("admin:index"), reverse("admin:password_change")]
    for model, pages in admin.site._registry.items():
        dialogs = set(_dialogs(pages))
        for pattern in pages.get_urls():
            name = getattr(pattern, "name", None)
            if name and name not in NOT_PAGES | dialogs and not name.endswith(DJANGOS):
                _take(found, pattern, model, pages, arguments, request)
    for kind, paths in found.pages.items():
        found.pages[kind] = list(dict.fromkeys(paths))
    return found


def _take(
    found: Found,
    pattern: URLPattern,
    model: type[Model],
    pages: Any,
    arguments: dict[str, list[Any]],
    request: Any,
) -> None:
    name = pattern.name
    kind = name.rpartition("_")[2]
    if kind == "add" and not pages.has_add_permission(request):
        return
    kind = {"changelist": "list", "add": "add", "change": "change"}.get(kind, "own")
    given: list[Any] = arguments.get(name, [])
    if not given and pattern.pattern.converters:
        first = model._default_manager.order_by("pk").first()
        given = [first.pk] if first else []
    try:
        found.pages[kind].append(reverse(f"admin:{name}", args=given))
    except NoReverseMatch:
        found.unreachable.append(name)


def _dialogs(pages: Any) -> Iterator[str]:
    """The addresses of actions that ask in a dialog: parts of pages."""
    prefix = f"{pages.opts.app_label}_{pages.opts.model_name}_"
    for place in ("actions_list", "actions_row", "actions_detail", "actions_submit_line"):
        for name in _flat(getattr(pages, place)):
            if getattr(getattr(pages, name, None), "dialog", None):
                yield prefix + name


def _flat(items: Any) -> Iterator[str]:
    for item in items or ():
        if isinstance(item, dict):
            yield from _flat(item["items"])
        else:
            yield item


WIDER = """() => {
  const room = document.documentElement.clientWidth, wide = document.documentElement.scrollWidth;
  if (wide <= room) return [];
  const found = [...document.body.querySelectorAll('*')].filter(e => {
    const box = e.getBoundingClientRect();
    if (!box.width || box.right <= room + 1) return false;
    for (let p = e.parentElement; p; p = p.parentElement)
      if (['auto', 'scroll', 'hidden', 'clip'].includes(getComputedStyle(p).overflowX)) return false;
    return true;
  });
  return [`${wide} px wide in ${room}: ` + found.slice(-3).map(e => e.outerHTML.slice(0, 160)).join(' ⏎ ')];
}"""

AXE_RUN = """async (rules) => {
  const options = {resultTypes: ['violations']};
  if (rules) options.runOnly = {type: 'rule', values: rules};
  const found = await axe.run(document, options);
  return found.violations.filter(v => ['serious', 'critical'].includes(v.impact)).map(
    v => `${v.id}: ${v.help}: ` + v.nodes.slice(0, 2).map(
      n => n.html.slice(0, 220) + ' [' + (n.any[0]?.message || '').slice(0, 160) + ']').join(' ⏎ ')
      + (v.nodes.length > 2 ? ` and ${v.nodes.length - 2} more` : ''));
}"""

HEADS = """() => {
  const wrong = [], h1 = [...document.querySelectorAll('h1, h2')].filter(e => e.innerText.trim());
  if (!h1.length) wrong.push('no heading');
  const raw = document.body.innerText.match(/\\(['"].*?['"],? ?.*?\\)|<[a-z]+ object|datetime\\.|Decimal\\(/);
  if (raw) wrong.push(`Python where words should be: ${raw[0].slice(0, 80)}`);
  if (document.title.trim().split('|')[0].trim().length < 2) wrong.push(`title: “${document.title}”`);
  return wrong;
}"""


def wider_than_the_window(page: Any) -> list[str]:
    """What makes the page scroll sideways; empty when nothing does."""
    found: list[str] = page.evaluate(WIDER)
    return found


def axe_findings(page: Any, rules: list[str] | None = None) -> list[str]:
    """Serious and critical findings of axe-core, in words; of `rules` only where they are given."""
    found: list[str] = page.evaluate(AXE_RUN, rules)
    return found


def without_a_name(page: Any) -> list[str]:
    """Whether the page has a heading and a title, and says nothing in Python."""
    found: list[str] = page.evaluate(HEADS)
    return found


def dress(page: Any, theme: str) -> None:
    """`light` or `dark`, as the person's own system asks for it."""
    page.emulate_media(color_scheme=theme)
    page.evaluate("theme => document.documentElement.classList.toggle('dark', theme === 'dark')", theme)
