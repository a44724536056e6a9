"""The resources by kind: a page of them, or one, in a fixed number of queries whatever the size of the page."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol
from uuid import UUID

from django.db.models import Case, F, IntegerField, Max, Q, QuerySet, TextField, Value, When
from django.db.models.functions import Lower
from django.utils import timezone

from catalogue.models import MarketSegment, ServicePackage
from catalogue.tmf620 import columns, resources, totals, written
from catalogue.tmf620.categories import CategoryKey
from catalogue.tmf620.columns import INSTALLATION_NOW, PRICE_NOW, Columns
from catalogue.tmf620.dialects import Kind, Rendering
from catalogue.tmf620.matching import filtered
from catalogue.tmf620.queries import Condition, Query
from catalogue.tmf620.values import Document


@dataclass(frozen=True)
class Page:
    documents: list[Document]
    total: int
    """How many match, on all pages."""


class Collection(Protocol):
    def page(self, query: Query, rendering: Rendering, offset: int, limit: int) -> Page: ...

    def get(self, id: str, rendering: Rendering) -> Document | None: ...


def on_sale(rendering: Rendering) -> QuerySet[ServicePackage]:
    return ServicePackage.objects.on_sale(rendering.at)


def as_uuid(id: str) -> UUID | None:
    try:
        return UUID(id)
    except ValueError:
        return None


@dataclass(frozen=True)
class PackageCollection:
    """One resource for each package on sale, under the package's id."""

    kind: Kind
    columns: Columns

    def page(self, query: Query, rendering: Rendering, offset: int, limit: int) -> Page:
        packages = self._matching(query, rendering)
        ordered = self._ordered(packages, query)[offset : offset + limit]
        return Page([self.build(package, rendering) for package in ordered], packages.count())

    def texts(self, query: Query, rendering: Rendering, offset: int, limit: int) -> tuple[list[str], int]:
        """The same page as JSON, from what was written down ahead as far as that is true, and the total."""
        packages = self._matching(query, rendering)
        ordered = self._ordered(packages, query)
        total = totals.total((self.kind, query.conditions), packages.count)
        return written.texts(ordered, offset, limit, self.kind, rendering), total

    def build(self, package: ServicePackage, rendering: Rendering) -> Document:
        return written.BUILDERS[self.kind](package, rendering)

    def _ordered(self, packages: QuerySet[ServicePackage], query: Query) -> QuerySet[ServicePackage]:
        return packages.alias(**columns.sort_keys(query, self.columns)).order_by(
            *columns.sort_terms(query), "name", "contract_months", "id"
        )

    def get(self, id: str, rendering: Rendering) -> Document | None:
        key = as_uuid(id)
        package = on_sale(rendering).filter(pk=key).first() if key else None
        return self.build(package, rendering) if package else None

    def _matching(self, query: Query, rendering: Rendering) -> QuerySet[ServicePackage]:
        packages, conditions = on_sale(rendering), []
        for condition in query.conditions:
            if condition.path == "category.id" and condition.operator in ("eq", "ne"):
                packages = packages.filter(_in_category(condition, rendering))
            else:
                conditions.append(condition)
        return columns.restrict(packages, Query(tuple(conditions)), self.columns)


def _in_category(condition: Condition, rendering: Rendering) -> Q:
    keys = [key for key in category_index(rendering).keys if key.id in condition.values]
    within = Q(pk__in=[])
    for key in keys:
        if key.service_type:
            within |= Q(market_segment=key.segment, service_type__iexact=key.service_type)
    return ~within if condition.operator == "ne" else within


class PriceCollection:
    """The charges of every package on sale: one to four for each."""

    def page(self, query: Query, rendering: Rendering, offset: int, limit: int) -> Page:
        first, *others = (self._rows(charge, query, rendering) for charge in resources.CHARGES)
        rows = first.union(*others, all=True)
        ordered = rows.order_by(*columns.sort_terms(query), "name", "contract_months", "id", "position")
        chosen = [(row[0], row[1]) for row in ordered[offset : offset + limit]]
        packages = ServicePackage.objects.in_bulk({id for id, _ in chosen})
        documents = [
            document
            for id, position in chosen
            if (document := self._document(packages[id], resources.CHARGES[position], rendering))
        ]
        return Page(documents, rows.count())

    def get(self, id: str, rendering: Rendering) -> Document | None:
        for charge in resources.CHARGES:
            key = as_uuid(id.removesuffix(f"-{charge}")) if id.endswith(f"-{charge}") else None
            if key and (package := on_sale(rendering).filter(pk=key).first()):
                return self._document(package, charge, rendering)
        return None

    def _document(self, package: ServicePackage, name: str, rendering: Rendering) -> Document | None:
        for charge in resources.charges(package, rendering.at):
            if charge.name == name:
                return resources.price(package, charge, rendering)
        return None

    def _rows(self, charge: str, query: Query, rendering: Rendering) -> QuerySet[Any, Any]:
        condition, amount, title = self._sql(rendering)[charge]
        known = columns.price_columns(charge, amount, columns.price_name(title))
        charged = columns.restrict(on_sale(rendering).filter(condition), query, known)
        position = Value(resources.CHARGES.index(charge), IntegerField())
        keys = columns.sort_keys(query, known)
        return (
            charged.order_by()
            .annotate(position=position, **keys)
            .values_list("id", "position", "name", "contract_months", *keys)
        )

    def _sql(self, rendering: Rendering) -> dict[str, tuple[Q, Any, Any]]:
        """For each charge: which packages have it, its amount and its title. `resources.charges` in SQL."""
        today = timezone.localdate(rendering.at)
        offered = (
            (Q(promotion_from=None) | Q(promotion_from__lte=today))
            & (Q(promotion_to=None) | Q(promotion_to__gte=today))
            & (
                Q(new_customer_price=None, promotion_price__lt=F("price"))
                | Q(promotion_price__lt=F("new_customer_price"))
            )
        )
        return {
            resources.RECURRING: (Q(), PRICE_NOW, Value("a month")),
            resources.DISCOUNT: (offered, F("promotion_price") - PRICE_NOW, Value("discount a month")),
            resources.INSTALLATION: (
                Q(installation_fee__isnull=False),
                INSTALLATION_NOW,
                Value("installation"),
            ),
            resources.HARDWARE: (
                ~Q(hardware_model="") & Q(hardware_price__isnull=False),
                F("hardware_price"),
                F("hardware_model"),
            ),
        }


@dataclass(frozen=True)
class CategoryIndex:
    """Every category that something on sale stands in, with the latest change below it."""

    changed: Mapping[CategoryKey, Any]

    @property
    def keys(self) -> list[CategoryKey]:
        return list(self.changed)

    @property
    def roots(self) -> list[CategoryKey]:
        return [key for key in self.changed if key.parent is None]

    def below(self, key: CategoryKey) -> list[CategoryKey]:
        return [sub for sub in self.changed if sub.parent == key]


def category_index(rendering: Rendering) -> CategoryIndex:
    """In one query. Segments come before their service types."""
    order = Case(
        *(When(market_segment=value, then=Value(i)) for i, value in enumerate(MarketSegment.values)),
        output_field=IntegerField(),
    )
    rows = (
        on_sale(rendering)
        .annotate(folded=Lower("service_type"), segment_order=order)
        .values("market_segment", "folded", "segment_order")
        .annotate(spelling=Max("service_type", output_field=TextField()), changed=Max("changed_at"))
        .order_by("segment_order", "folded")
    )
    changed: dict[CategoryKey, Any] = {}
    for row in rows:
        root = CategoryKey(row["market_segment"])
        changed[root] = max(changed.get(root, row["changed"]), row["changed"])
        changed[CategoryKey(row["market_segment"], row["spelling"])] = row["changed"]
    return CategoryIndex(changed)


class MemoryCollection:
    """Few enough to be built whole and filtered in memory."""

    def all(self, rendering: Rendering) -> list[Document]:
        raise NotImplementedError

    def page(self, query: Query, rendering: Rendering, offset: int, limit: int) -> Page:
        documents = filtered(self.all(rendering), query)
        return Page(documents[offset : offset + limit], len(documents))

    def get(self, id: str, rendering: Rendering) -> Document | None:
        return next((document for document in self.all(rendering) if document["id"] == id), None)


class CategoryCollection(MemoryCollection):
    def all(self, rendering: Rendering) -> list[Document]:
        index = category_index(rendering)
        return [
            resources.category(key, index.below(key), changed, rendering)
            for key, changed in index.changed.items()
        ]


class CatalogCollection(MemoryCollection):
    def all(self, rendering: Rendering) -> list[Document]:
        index = category_index(rendering)
        return [resources.catalog(index.roots, max(index.changed.values(), default=None), rendering)]


COLLECTIONS: dict[Kind, Collection] = {
    Kind.CATALOG: CatalogCollection(),
    Kind.CATEGORY: CategoryCollection(),
    Kind.OFFERING: PackageCollection(Kind.OFFERING, columns.OFFERING),
    Kind.SPECIFICATION: PackageCollection(Kind.SPECIFICATION, columns.SPECIFICATION),
    Kind.PRICE: PriceCollection(),
}
