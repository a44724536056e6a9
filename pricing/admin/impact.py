"""The page that shows what a price change would do, and the few lines of it on the page of the change."""

import json
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from circletel.core.admin.actions import ActionsAdmin
from circletel.core.admin.base import moved_to
from circletel.core.amounts import rand, signed_rand
from circletel.core.errors import NotAllowed, Refused
from circletel.core.spreadsheet import download
from pricing.impact import Impact, impact_csv, impact_of
from pricing.models import PriceChange
from pricing.renewal_csv import file_name, renewals_csv

LINES = (("old", "Old price", "#f59e0b"), ("new", "New price", "#16a34a"))
OPTIONS = {
    "responsive": True,
    "maintainAspectRatio": False,
    "scales": {
        "x": {"stacked": True, "grid": {"display": False}},
        "y": {"stacked": True, "grid": {}, "beginAtZero": True, "ticks": {"precision": 0}},
    },
}


def impact_page(model_admin: ActionsAdmin, request: HttpRequest, change_id: UUID) -> HttpResponse:
    impact = _asked(request, change_id)
    if isinstance(impact, HttpResponse):
        return impact
    context = {
        "change": impact.change,
        "impact": impact,
        "cohorts": [
            {
                "name": row.cohort.label,
                "customers": row.customers,
                "moved": row.moved,
                "now": rand(row.rand_now),
                "then": rand(row.rand_then),
                "difference": signed_rand(row.difference),
            }
            for row in impact.cohorts
        ],
        "figures": figures(impact),
        "chart": _chart(impact),
        "options": json.dumps(OPTIONS),
        "csv_url": reverse("admin:pricing_pricechange_impact_csv", args=[change_id]),
        "renewals_url": reverse("admin:pricing_pricechange_renewals_csv", args=[change_id]),
        "change_url": reverse("admin:pricing_pricechange_change", args=[change_id]),
    }
    return model_admin.page(request, "pricing/impact.html", f"Impact: {impact.change}", **context)


def impact_csv_file(request: HttpRequest, change_id: UUID) -> HttpResponseBase:
    name = f"impact-{change_id}-{timezone.localdate():%Y-%m-%d}.csv"
    return _csv(request, change_id, impact_csv, name)


def renewals_csv_file(request: HttpRequest, change_id: UUID) -> HttpResponseBase:
    return _csv(request, change_id, renewals_csv, file_name(change_id))


def _csv(request: HttpRequest, change_id: UUID, rows: Any, name: str) -> HttpResponseBase:
    try:
        lines = rows(change_id, actor=request.user)
    except PriceChange.DoesNotExist:
        raise Http404 from None
    except NotAllowed:
        raise PermissionDenied from None
    except Refused as refusal:
        return _refused(request, change_id, refusal)
    return download(lines, name)


def summary(impact: Impact) -> SafeString:
    """For the page of the change, read before it is published."""
    warnings = format_html_join(
        "", '<div><strong class="home-red">{}</strong></div>', ((line,) for line in impact.warnings)
    )
    lines = format_html_join("", "<div>{}: <strong>{}</strong></div>", figures(impact))
    link = reverse("admin:pricing_pricechange_impact", args=[impact.change.pk])
    return format_html('{}{}<div><a class="home-link" href="{}">All of it</a></div>', warnings, lines, link)


def figures(impact: Impact) -> list[tuple[str, str]]:
    """Name and value, in the order in which people ask."""
    found = [
        ("Subscriptions that move", f"{impact.moved} of {impact.customers}"),
        ("A month now", rand(impact.rand_now)),
        ("A month then", rand(impact.rand_then)),
        ("By the change alone", signed_rand(impact.by_the_change)),
    ]
    if impact.margin_now is not None and impact.margin_then is not None:
        found.append(("Margin a month", f"{_signed(impact.margin_now)} → {_signed(impact.margin_then)}"))
    first, last = impact.first_invoice_on, impact.last_invoice_on
    if first is not None and last is not None:
        found.append(
            ("Invoices that change", f"the first on {first:%-d %b %Y}, the last on {last:%-d %b %Y}")
        )
    if impact.moved > impact.billed_unknown:
        found.append(
            ("What they come to", f"{rand(impact.billed_now)} → {rand(impact.billed_then)}, all of it")
        )
    calls = impact.calls
    days = f"{calls.days} day{'' if calls.days == 1 else 's'}"
    found += [
        ("Notices to send", f"{impact.notices} in {impact.stages} stage{'' if impact.stages == 1 else 's'}"),
        (
            "Calls to Zoho Billing",
            f"{calls.moves} to move ({days} at {calls.per_day}), {calls.proof} to prove",
        ),
    ]
    return found


def _signed(amount: Any) -> str:
    return rand(amount) if amount >= 0 else f"−{rand(-amount)}"


def _chart(impact: Impact) -> str:
    return json.dumps(
        {
            "labels": [f"{one.month:%b %Y}" for one in impact.months],
            "datasets": [
                {
                    "label": words,
                    "data": [getattr(one, name) for one in impact.months],
                    "backgroundColor": colour,
                    "borderColor": colour,
                }
                for name, words, colour in LINES
            ],
        }
    )


def _asked(request: HttpRequest, change_id: UUID) -> Impact | HttpResponse:
    try:
        return impact_of(change_id, actor=request.user)  # type: ignore[arg-type]
    except PriceChange.DoesNotExist:
        raise Http404 from None
    except Refused as refusal:
        return _refused(request, change_id, refusal)


def _refused(request: HttpRequest, change_id: UUID, refusal: Refused) -> HttpResponse:
    for reason in refusal.reasons:
        messages.error(request, reason)
    return moved_to(request, reverse("admin:pricing_pricechange_change", args=[change_id]))
