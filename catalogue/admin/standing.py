"""How products and packages stand with Zoho, as badges: one word for a system, one row for a record."""

from collections.abc import Iterable
from typing import Any

from django.contrib import admin
from django.db.models import Case, IntegerField, Max, OuterRef, QuerySet, Subquery, Value, When
from django.http import HttpRequest
from django.template.loader import render_to_string
from unfold.admin import ModelAdmin

from catalogue.models import ServicePackage
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
WORDS = {SEVERITY[status]: status.label for status in SyncStatus}


def words_of(severity: int | None) -> str | None:
    """The state of a package in one system, in words; None where nothing is owed to it at all."""
    return None if severity is None else str(WORDS[severity])


def kinds_of(system: System) -> list[Kind]:
    return [kind for kind in Kind if kind.system is system]


def worst_state(system: System, owner: str) -> Subquery:
    """An annotation: the severity of the worst record of that system; None without any.

    `owner` leads from a Zoho record to what is asked about. Worked out for the rows of a page only.
    """
    whens = [When(status=status, then=Value(severity)) for status, severity in SEVERITY.items()]
    records = ProductIntegration.objects.filter(**{owner: OuterRef("pk")}, kind__in=kinds_of(system))
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


def standing_fragment(request: HttpRequest, packages: Iterable[ServicePackage], refresh_url: str) -> str:
    """The packages with each of their Zoho records, as HTML that asks for itself again while something is owed."""
    rows: list[dict[str, Any]] = [
        {"package": package, "records": sorted(package.integrations.all(), key=_in_order)}
        for package in packages
    ]
    states = {record.status for row in rows for record in row["records"]}
    context = {
        "rows": rows,
        "refresh_url": refresh_url,
        "moving": bool(states & {SyncStatus.PENDING, SyncStatus.FAILED}),
        "soon": SyncStatus.PENDING in states,
        "may_resync": request.user.has_perm("zoho_sync.resync_productintegration"),
        "may_see_records": request.user.has_perm("zoho_sync.view_productintegration"),
    }
    return render_to_string("catalogue/zoho_standing.html", context, request)


def _in_order(record: ProductIntegration) -> int:
    return list(Kind).index(Kind(record.kind))


def package_panel(request: HttpRequest, package: ServicePackage) -> str:
    """The way of one package from approval to Zoho, as HTML that asks for itself again while something is owed."""
    records = sorted(package.integrations.all(), key=_in_order)
    states = {record.status for record in records}
    context = {
        "package": package,
        "steps": timeline_of(package, records),
        "last_wishes": package.resyncs.select_related("requested_by")[:3],
        "moving": bool(states & {SyncStatus.PENDING, SyncStatus.FAILED}),
        "soon": SyncStatus.PENDING in states,
    }
    return render_to_string("catalogue/package_timeline.html", context, request)
