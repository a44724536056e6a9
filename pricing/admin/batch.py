"""The page of batches: ask, see everything that would be drafted, then draft it; and the list of packages, where a
selection of them begins a batch."""

from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.contrib import admin, messages
from django.core import signing
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from unfold.decorators import action, display

from catalogue.admin import ServicePackageAdmin
from catalogue.models import ServicePackage
from circletel.core.admin.actions import ActionsAdmin
from circletel.core.admin.base import ReadOnlyInline
from circletel.core.amounts import rand, signed_percent
from circletel.core.errors import Refused
from pricing import batch
from pricing.admin.forms import BatchForm
from pricing.batch import PlannedChange
from pricing.models import PriceEntry

MOST_SHOWN = 500
MOST_SELECTED = 2000
SALT = "pricing.batch"


def batch_page(model_admin: ActionsAdmin, request: HttpRequest) -> HttpResponse:
    """GET asks, POST shows the plan, POST with `plan` drafts exactly what was shown."""
    if not request.user.has_perm("pricing.draft_pricechange"):
        raise PermissionDenied
    if "plan" in request.POST:
        return _draft(request)
    selection = request.session.get("price_batch_selection") if "selected" in request.GET else None
    form = BatchForm(request.POST or None, request.FILES or None, selection=selection)
    context: dict[str, Any] = {"form": form, "selected": selection}
    if request.method == "POST" and form.is_valid():
        planned, errors = _planned(form)
        fit = [row for row in planned if not row.problem]
        context |= {
            "errors": errors,
            "planned": bool(planned),
            "rows": [_shown(row) for row in sorted(planned, key=lambda row: bool(row.problem))[:MOST_SHOWN]],
            "hidden": max(0, len(planned) - MOST_SHOWN),
            "fit": len(fit),
            "unfit": len(planned) - len(fit),
            "plan": _signed(form, fit) if fit and not errors else "",
        }
    return model_admin.page(request, "pricing/batch.html", "Many price changes at once", **context)


def _planned(form: BatchForm) -> tuple[list[PlannedChange], list[Any]]:
    if form.cleaned_data.get("file"):
        wished, errors = batch.read_file(form.cleaned_data["file"].read())
        return batch.plan(wished), errors
    return batch.plan_adjustment(form.packages(), form.cleaned_data["percent"], form.last_digit()), []


def _signed(form: BatchForm, fit: list[PlannedChange]) -> str:
    """What was shown, so that nothing else can be drafted. The old prices are in it: a plan grows stale with them."""
    day = form.cleaned_data["effective_date"]
    plan = {
        "rows": [(str(row.package.pk), str(row.package.price), str(row.new_price)) for row in fit],
        "effective_date": day and day.isoformat(),
        "reason": form.cleaned_data["reason"],
        "name": form.cleaned_data["name"],
    }
    return signing.dumps(plan, salt=SALT, compress=True)


def _draft(request: HttpRequest) -> HttpResponse:
    here = reverse("admin:pricing_pricechange_batch")
    try:
        plan = signing.loads(request.POST["plan"], salt=SALT, max_age=24 * 3600)
    except signing.BadSignature:
        messages.error(request, "The preview is more than a day old: make it again.")
        return HttpResponseRedirect(here)
    shown = [
        PlannedChange(ServicePackage(pk=UUID(pk), price=Decimal(old)), Decimal(new))
        for pk, old, new in plan["rows"]
    ]
    day = plan["effective_date"] and date.fromisoformat(plan["effective_date"])
    try:
        number = batch.draft_batch(
            shown,
            effective_date=day,
            reason=plan["reason"],
            name=plan["name"],
            actor=request.user,  # type: ignore[arg-type]
        )
    except Refused as refusal:
        messages.error(request, "Nothing was drafted; make the preview again.")
        for reason in refusal.reasons[:10]:
            messages.error(request, reason)
        return HttpResponseRedirect(here)
    messages.success(request, f"{number} drafted. Somebody else publishes them.")
    drafts = reverse("admin:pricing_pricechange_changelist")
    return HttpResponseRedirect(f"{drafts}?status__exact=draft")


def _shown(row: PlannedChange) -> dict[str, Any]:
    return {
        "name": row.package.name,
        "sku": row.package.sku,
        "sold_to": f"{row.package.get_market_segment_display()}, {row.package.provider}",
        "old": rand(row.package.price),
        "new": rand(row.new_price),
        "percentage": signed_percent(row.percentage),
        "problem": row.problem,
    }


# --- the pages of packages, with what pricing has to say about them


class PriceLedgerInline(ReadOnlyInline):
    model = PriceEntry
    verbose_name_plural = "Price ledger"
    fields = readonly_fields = ("audience", "version", "shown_price", "valid_from", "valid_to", "recorded_at")

    @display(description="Price a month")
    def shown_price(self, entry: PriceEntry) -> str:
        return rand(entry.price)


admin.site.unregister(ServicePackage)


@admin.register(ServicePackage)
class PricedPackageAdmin(ServicePackageAdmin):
    """Packages with their price ledger, and a selection of them as the beginning of a batch."""

    inlines: Any = (*ServicePackageAdmin.inlines, PriceLedgerInline)
    actions: Any = (*(ServicePackageAdmin.actions or ()), "change_prices")

    def has_draft_prices_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return request.user.has_perm("pricing.draft_pricechange")

    @action(description="Change prices of selected packages …", permissions=["draft_prices"])
    def change_prices(self, request: HttpRequest, queryset: QuerySet[ServicePackage]) -> HttpResponse:
        """Only leads to the page of batches, which shows everything before anything is drafted."""
        chosen = [str(pk) for pk in queryset.values_list("pk", flat=True)[:MOST_SELECTED]]
        # In the session, because two thousand ids do not fit an address.
        request.session["price_batch_selection"] = chosen
        return HttpResponseRedirect(reverse("admin:pricing_pricechange_batch") + "?selected=1")
