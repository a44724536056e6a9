"""The page of the billing proof: how a price change stands, case by case, and the same as CSV."""

from typing import Any
from uuid import UUID

from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db.models import Count
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from unfold.admin import ModelAdmin

from circletel.core.amounts import rand
from pricing import evidence, proof
from pricing.admin.amounts import signed_rand
from pricing.models import MoveState, PriceChange, PriceMove, Verdict

PER_PAGE = 50
TONES = {"right": "success", "under": "danger", "over": "danger", "unknown": "default"}


def urls_of(model_admin: ModelAdmin) -> list[URLPattern]:
    views = {"proof": _page, "proof.csv": _csv}
    return [
        path(
            f"<uuid:change_id>/{name}" + ("/" if name == "proof" else ""),
            model_admin.admin_site.admin_view(_bound(view, model_admin)),
            name=f"pricing_pricechange_{name.replace('.', '_')}",
        )
        for name, view in views.items()
    ]


def _bound(view: Any, model_admin: ModelAdmin) -> Any:
    def bound(request: HttpRequest, change_id: UUID) -> HttpResponseBase:
        if not request.user.has_perm("pricing.view_pricemove"):
            raise PermissionDenied
        change = PriceChange.objects.select_related("package").filter(pk=change_id).first()
        if change is None or change.published_at is None:
            raise Http404("There is no such price change, or it was never published.")
        answer: HttpResponseBase = view(model_admin, request, change)
        return answer

    return bound


def _csv(_admin: ModelAdmin, _request: HttpRequest, change: PriceChange) -> HttpResponseBase:
    return evidence.csv_answer(change)


def _page(model_admin: ModelAdmin, request: HttpRequest, change: PriceChange) -> HttpResponse:
    chosen = request.GET.get("verdict", "")
    cases = proof.cases_of(change).order_by("settled_at", "verdict", "subscription__customer_name", "pk")
    if chosen == "open":
        cases = cases.exclude(verdict=Verdict.RIGHT).filter(settled_at=None)
    elif chosen in Verdict.values:
        cases = cases.filter(verdict=chosen)
    page = Paginator(cases, PER_PAGE).get_page(request.GET.get("page"))
    found = proof.summary(change)
    context = {
        **model_admin.admin_site.each_context(request),
        "opts": model_admin.opts,
        "title": "Billing proof",
        "change": change,
        "found": found,
        "under_rand": rand(found.under_rand),
        "over_rand": rand(found.over_rand),
        "progress": progress_of(change),
        "filters": [
            (value, label, number, value == chosen)
            for value, label, number in (
                ("", "All", found.cases),
                ("open", "Open", found.open),
                *((value, label, getattr(found, value)) for value, label in Verdict.choices),
            )
        ],
        "chosen": chosen,
        "page": page,
        "rows": [_row(move) for move in page],
        "csv_url": reverse("admin:pricing_pricechange_proof_csv", args=[change.pk]),
        "moves_url": moves_url(change),
    }
    return TemplateResponse(request, "pricing/proof.html", context)


def progress_of(change: PriceChange) -> list[tuple[str, int]]:
    """How many moves are in which state, in the order of their life. One query."""
    numbers = dict(
        change.moves.order_by()
        .values_list("state")
        .annotate(number=Count("pk"))
        .values_list("state", "number")
    )
    return [(str(label), numbers[state]) for state, label in MoveState.choices if numbers.get(state)]


def moves_url(change: PriceChange) -> str:
    return f"{reverse('admin:pricing_pricemove_changelist')}?change__id__exact={change.pk}"


def _row(move: PriceMove) -> dict[str, Any]:
    wrong = None if not move.billed_wrong else move.billed_wrong * move.subscription.quantity
    return {
        "url": reverse("admin:pricing_pricemove_change", args=[move.pk]),
        "who": move.subscription.customer_name or move.subscription.customer_id,
        "number": move.subscription.number,
        "verdict": move.get_verdict_display(),
        "tone": TONES[move.verdict],
        "state": move.get_state_display(),
        "why": move.settled_how or move.why,
        "settled": move.settled_at is not None,
        "renewal_on": move.renewal_on,
        "expected": rand(move.expected_price),
        "invoiced": rand(move.invoiced_price),
        "wrong": signed_rand(wrong) if wrong else "—",
    }
