"""How products and packages stand with Zoho, as badges: one word for a system, one row for a record."""

from collections.abc import Iterable
from typing import Any

from django.contrib import admin
from django.db.models import Case, IntegerField, Max, OuterRef, QuerySet, Subquery, Value, When
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.urls import reverse
from unfold.admin import ModelAdmin
from unfold.decorators import display

from catalogue.models import Product, ServicePackage
from circletel.core.admin.base import BADGES, badge
from circletel.core.amounts import rand
from zoho_sync.models import Kind, ProductIntegration, SyncStatus, System
from zoho_sync.operating.timeline import timeline_of

# The worst state of a package's records is the one a person must know of.
SEVERITY = {
    SyncStatus.OK: 1,
    SyncStatus.GIVEN_UP: 2,
    SyncStatus.PENDING: 3,
    SyncStatus.FAILED: 4,
    SyncStatus.DEAD: 5,
}
WORDS = {SEVERITY[status]: str(status.label) for status in SyncStatus}


def worst_state(system: System, owner: str) -> Subquery:
    """An annotation: the severity of the worst record of that system; None without any.

    `owner` leads from a Zoho record to what is asked about. Worked out for the rows of a page only.
    """
    whens = [When(status=status, then=Value(severity)) for status, severity in SEVERITY.items()]
    kinds = [kind for kind in Kind if kind.system is system]
    records = ProductIntegration.objects.filter(**{owner: OuterRef("pk")}, kind__in=kinds)
    worst = records.order_by().values(owner).annotate(worst=Max(Case(*whens, output_field=IntegerField())))
    return Subquery(worst.values("worst"))


class ZohoStateFilter(admin.SimpleListFilter):
    """Products or packages by the worst state of their records in one system."""

    system: System

    def lookups(self, request: HttpRequest, model_admin: ModelAdmin) -> Iterable[tuple[str, str]]:
        return [*((value, str(words)) for value, words in SyncStatus.choices), ("none", "No records")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        field = f"{self.system}_state"
        value = self.value()
        if value == "none":
            return queryset.filter(**{f"{field}__isnull": True})
        if value in SyncStatus.values:
            return queryset.filter(**{field: SEVERITY[SyncStatus(value)]})
        return queryset


class CrmStateFilter(ZohoStateFilter):
    title, parameter_name, system = "Zoho CRM", "crm", System.CRM


class BillingStateFilter(ZohoStateFilter):
    title, parameter_name, system = "Zoho Billing", "billing", System.BILLING


FILTERS = (CrmStateFilter, BillingStateFilter, "market_segment", "service_type", "provider", "technology")


class StandingColumns(ModelAdmin):
    """What the lists of products and of packages say alike: to whom it is sold, and how it stands."""

    @display(description="Sold to", ordering="market_segment", header=True)
    def sold_to(self, record: Any) -> tuple[str, str]:
        return record.get_market_segment_display(), f"over {record.provider}"

    shown_status = badge("status")

    @display(description="Zoho CRM", ordering="crm_state", label=BADGES)
    def crm(self, record: Any) -> str | None:
        return WORDS.get(record.crm_state)

    @display(description="Zoho Billing", ordering="billing_state", label=BADGES)
    def billing(self, record: Any) -> str | None:
        return WORDS.get(record.billing_state)


def standing_fragment(request: HttpRequest, product: Product) -> str:
    """Its packages with each of their Zoho records, as HTML that asks for itself again while something is owed."""
    packages = product.packages.prefetch_related("integrations").order_by("-published_at")
    rows: list[dict[str, Any]] = [
        {
            "package": package,
            "price": rand(package.current_price),
            "records": sorted(package.integrations.all(), key=_in_order),
        }
        for package in packages
    ]
    context = {
        "rows": rows,
        "refresh_url": reverse("admin:catalogue_product_zoho_standing", args=[product.pk]),
        "may_see_records": request.user.has_perm("zoho_sync.view_productintegration"),
        **_pace(record for row in rows for record in row["records"]),
    }
    return render_to_string("catalogue/zoho_standing.html", context, request)


def _pace(records: Iterable[ProductIntegration]) -> dict[str, bool]:
    """Whether, and how soon, a page about these records asks for itself again."""
    states = {record.status for record in records}
    return {
        "moving": bool(states & {SyncStatus.PENDING, SyncStatus.FAILED}),
        "soon": SyncStatus.PENDING in states,
    }


def _in_order(record: ProductIntegration) -> int:
    return list(Kind).index(Kind(record.kind))


def package_panel(request: HttpRequest, package: ServicePackage) -> str:
    """The way of one package from approval to Zoho, as HTML that asks for itself again while something is owed."""
    records = sorted(package.integrations.all(), key=_in_order)
    context = {
        "package": package,
        "steps": timeline_of(package, records),
        "last_wishes": package.resyncs.select_related("requested_by")[:3],
        **_pace(records),
    }
    return render_to_string("catalogue/package_timeline.html", context, request)
