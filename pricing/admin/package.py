"""The catalogue's package pages, with what pricing has to say about them."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from unfold.decorators import action, display

from catalogue.admin import ServicePackageAdmin
from catalogue.models import ServicePackage
from circletel.core.admin.base import ReadOnlyInline
from circletel.core.amounts import rand
from pricing.models import PriceEntry

MOST_SELECTED = 2000


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
