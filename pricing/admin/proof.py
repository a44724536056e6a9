"""The page of the billing proof: how a price change stands, case by case, and the same as CSV."""

from typing import Any

from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db.models import Count
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.urls import reverse

from circletel.core.admin.actions import ActionsAdmin
from circletel.core.amounts import rand, signed_rand
from pricing import proof
from pricing.models import MoveState, PriceChange, PriceMove, Verdict

PER_PAGE = 50
TONES = {"right": "success", "under": "danger", "over": "danger", "unknown": "default"}


def proof_page(model_admin: ActionsAdmin, request: HttpRequest, change_id: str) -> HttpResponse:
    change = _published(model_admin, request, change_id)
    chosen = request.GET.get("verdict", "")
    cases = proof.cases_of(change).order_by("settled_at", "verdict", "subscription__customer_name", "pk")
    if chosen == "open":
        cases = cases.exclude(verdict=Verdict.RIGHT).filter(settled_at=None)
    elif chosen in Verdict.values:
        cases = cases.filter(verdict=chosen)
    page = Paginator(cases, PER_PAGE).get_page(request.GET.get("page"))
    found = proof.summary(change)
    context = {
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
        "renewals_url": request.user.has_perm("pricing.view_subscription")
        and reverse("admin:pricing_pricechange_renewals_csv", args=[change.pk]),
    }
    return model_admin.page(request, "pricing/proof.html", "Billing proof", **context)


def proof_csv(model_admin: ActionsAdmin, request: HttpRequest, change_id: str) -> HttpResponseBase:
    if not request.user.has_perm("pricing.view_pricemove"):
        raise PermissionDenied
    return proof.csv_answer(_published(model_admin, request, change_id))


def _published(model_admin: ActionsAdmin, request: HttpRequest, change_id: str) -> PriceChange:
    change = model_admin.get_object(request, change_id)
    if change is None or change.published_at is None:
        raise Http404("There is no such price change, or it was never published.")
    return change


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
    wrong = move.billed_wrong_in_all
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
        "total": _total(move),
    }


def _total(move: PriceMove) -> str:
    """What the whole invoice comes to, where that is not what the renewal preview said."""
    if move.invoiced_total is None or move.invoiced_total == move.expected_total:
        return ""
    foreseen = "not foreseen" if move.expected_total is None else f"{rand(move.expected_total)} foreseen"
    return f"in all {rand(move.invoiced_total)}, {foreseen}"
