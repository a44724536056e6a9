"""The deals of price lists: one by one as in the file, and one by one as the supplier has them now."""

from collections.abc import Iterable
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.html import format_html_join
from django.utils.safestring import SafeString
from unfold.decorators import display

from catalogue.actions import DRAFT_PRICE_CHANGES
from catalogue.models import PriceList, PriceListRow, SupplierDeal
from circletel.core.admin.actions import ActionsAdmin
from circletel.core.admin.base import HidesCosts, ReadOnlyAdmin, TwoLines, badge, in_words, link
from circletel.core.admin.long_lists import LongList
from circletel.core.amounts import rand


class PriceListFilter(admin.SimpleListFilter):
    title, parameter_name = "price list", "list"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, str]]:
        return [
            (
                str(price_list.pk),
                f"{price_list}, {timezone.localtime(price_list.uploaded_at):%-d %b %Y, %H:%M}",
            )
            for price_list in PriceList.objects.select_related("supplier").order_by("-uploaded_at")[:20]
        ]

    def queryset(self, request: HttpRequest, queryset: QuerySet[PriceListRow]) -> QuerySet[PriceListRow]:
        chosen = self.value()
        return queryset.filter(price_list=chosen) if chosen else queryset  # type: ignore[misc]


class ProposedFilter(admin.SimpleListFilter):
    title, parameter_name = "price change", "proposed"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, str]]:
        return [("yes", "Proposed")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[PriceListRow]) -> QuerySet[PriceListRow]:
        return queryset.filter(proposed_price__isnull=False) if self.value() else queryset


@admin.register(PriceListRow)
class PriceListRowAdmin(LongList, HidesCosts, ActionsAdmin, ReadOnlyAdmin):
    """What each deal of a list would do, or did. Margins show to cost viewers."""

    empty_words = "The rows of an uploaded price list stand here once a worker has read it."
    search_fields = ("deal_id", "name")
    object_actions = (DRAFT_PRICE_CHANGES,)
    ordering = ("-price_list__uploaded_at", "position")

    list_display = (
        "place",
        "shown_deal",
        "shown_outcome",
        "listed",
        "shown_margin",
        "shown_proposed",
        "what",
    )
    list_filter = (PriceListFilter, "outcome", ProposedFilter, "below_floor")
    fields = (
        ("place", "shown_outcome"),
        "shown_deal",
        "listed",
        "shown_margin",
        "shown_proposed",
        "what",
        "shown_product",
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[PriceListRow]:
        return super().get_queryset(request).defer("values")

    @display(description="Row", ordering="position")
    def place(self, row: PriceListRow) -> str:
        return f"{row.sheet} {row.number}" if row.number else "—"

    @display(description="Deal", ordering="name", header=True)
    def shown_deal(self, row: PriceListRow) -> TwoLines:
        return TwoLines(row.name or "—", row.deal_id or "no deal id")

    shown_outcome = badge("outcome")

    @display(description="Listed price a month", ordering="listed_after")
    def listed(self, row: PriceListRow) -> str:
        if row.listed_before is None or row.listed_before == row.listed_after:
            return rand(row.listed_after)
        return f"{rand(row.listed_before)} → {rand(row.listed_after)}"

    @display(description="Margin", ordering="margin_after", header=True)
    def shown_margin(self, row: PriceListRow) -> TwoLines:
        shown = [f"{margin} %" for margin in (row.margin_before, row.margin_after) if margin is not None]
        return TwoLines(" → ".join(shown) or "—", "below the floor" if row.below_floor else "")

    @display(description="Proposed price", ordering="proposed_price")
    def shown_proposed(self, row: PriceListRow) -> str:
        return rand(row.proposed_price)

    @display(description="Why, or what changes")
    def what(self, row: PriceListRow) -> SafeString | str:
        lines = [(text,) for text in (*row.reasons, *row.remarks)]
        changes = [(name, in_words(before), in_words(after)) for name, (before, after) in row.changes.items()]
        return (
            format_html_join("", "<div>{}</div>", lines)
            + format_html_join("", "<div><strong>{}</strong>: {} → {}</div>", changes)
            or "—"
        )

    shown_product = link("product")


@admin.register(SupplierDeal)
class SupplierDealAdmin(LongList, HidesCosts, ReadOnlyAdmin):
    """What suppliers offer now, and the product each deal became."""

    empty_words = "Apply a supplier's price list: each of its rows becomes a deal."
    list_display = ("shown_deal", "listed", "stock", "shown_product", "vanished_at")
    list_filter = ("supplier", "mapping", ("vanished_at", admin.EmptyFieldListFilter))
    search_fields = ("deal_id", "product__name", "product__sku")
    list_select_related = ("supplier", "product")
    fields = (
        ("shown_deal", "shown_product"),
        ("listed", "stock"),
        "shown_details",
        ("mapping", "price_list"),
        "vanished_at",
    )

    @display(description="Deal", ordering="deal_id", header=True)
    def shown_deal(self, deal: SupplierDeal) -> TwoLines:
        return TwoLines(deal.deal_id, deal.supplier.name)

    @display(description="Listed price a month", ordering="listed_price")
    def listed(self, deal: SupplierDeal) -> str:
        return rand(deal.listed_price)

    shown_product = link("product", ordering="product__name")

    @display(description="As the list says")
    def shown_details(self, deal: SupplierDeal) -> SafeString | str:
        return format_html_join("", "<div><strong>{}</strong>: {}</div>", deal.details.items()) or "—"
