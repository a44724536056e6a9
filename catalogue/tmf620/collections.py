"""What is on sale by kind of resource: a page of it, or one, in a fixed number of queries whatever the size of the page."""

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Case, IntegerField, Max, QuerySet, TextField, Value, When
from django.db.models.functions import Lower
from django.utils import timezone

from catalogue.models import MarketSegment, ServicePackage
from catalogue.storefront import epoch as epochs
from catalogue.storefront.epoch import Epoch
from catalogue.tmf620 import attributes, resources, written
from catalogue.tmf620.categories import CategoryKey
from catalogue.tmf620.dialects import V4, Kind, Rendering
from catalogue.tmf620.matching import filtered
from catalogue.tmf620.queries import Query, chosen
from catalogue.tmf620.values import Document
from catalogue.tmf620.written import as_json

# Of these kinds each package is one resource, so that a page of packages is a page of them.
ONE_A_PACKAGE = (Kind.OFFERING, Kind.SPECIFICATION)
_counted: tuple[Epoch | None, int] = (None, 0)


def page(kind: Kind, query: Query, rendering: Rendering, offset: int, limit: int) -> tuple[list[str], int]:
    """One page as JSON, and how many match on all pages. Raises InvalidQuery."""
    attributes.ensure_known(kind, query)
    if kind in ONE_A_PACKAGE and not query.conditions and not query.sort:
        packages = _in_order(rendering)
        texts, total = written.texts(packages[offset : offset + limit], kind, rendering), _count(packages)
        if query.fields is None:
            return texts, total
        documents = [json.loads(text) for text in texts]
    else:
        documents = _matching(kind, query, rendering)
        total = len(documents)
        documents = documents[offset : offset + limit]
    return as_texts(documents, query, rendering), total


def find(kind: Kind, id: str, rendering: Rendering) -> Document | None:
    if kind in written.BUILDERS:
        key = as_uuid(id[:36])
        package = on_sale(rendering).filter(pk=key).first() if key else None
        documents = written.BUILDERS[kind](package, rendering) if package else []
    else:
        documents = everything(kind, rendering)
    return next((document for document in documents if document["id"] == id), None)


def everything(kind: Kind, rendering: Rendering) -> list[Document]:
    """All of one kind, in the usual order."""
    if kind in written.BUILDERS:
        documents: list[Document] = json.loads(
            f"[{','.join(written.texts(_in_order(rendering), kind, rendering))}]"
        )
        return documents
    changed = categories(rendering)
    if kind is Kind.CATALOG:
        roots = [key for key in changed if key.parent is None]
        return [resources.catalog(roots, max(changed.values(), default=None), rendering)]
    return [
        resources.category(key, [sub for sub in changed if sub.parent == key], at, rendering)
        for key, at in changed.items()
    ]


def as_texts(documents: list[Document], query: Query, rendering: Rendering) -> list[str]:
    """Each with the attributes asked for."""
    return [as_json(chosen(document, query.fields, rendering.dialect.always)) for document in documents]


def on_sale(rendering: Rendering) -> QuerySet[ServicePackage]:
    return ServicePackage.objects.on_sale(rendering.at)


def as_uuid(id: str) -> UUID | None:
    try:
        return UUID(id)
    except ValueError:
        return None


def categories(rendering: Rendering) -> Mapping[CategoryKey, datetime]:
    """Every category that something on sale stands in, with the latest change below it, in one query.

    Segments come before their service types.
    """
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
    return changed


def _in_order(rendering: Rendering) -> QuerySet[ServicePackage]:
    return on_sale(rendering).order_by("name", "contract_months", "id")


def _matching(kind: Kind, query: Query, rendering: Rendering) -> list[Document]:
    documents = everything(kind, rendering)
    paths = {condition.path for condition in query.conditions} | {path for path, _ in query.sort}
    if attributes.AMOUNT not in paths or rendering.dialect.embeds_prices:
        return filtered(documents, query)
    # This version only refers to the prices that are asked for: the other one knows their amounts.
    shown = {document["id"]: document for document in documents}
    embedded = everything(kind, replace(rendering, dialect=V4))
    prices = {document["id"]: document["productOfferingPrice"] for document in embedded}
    judged = [{**shown[id], "productOfferingPrice": prices[id]} for id in shown if id in prices]
    return [shown[document["id"]] for document in filtered(judged, query)]


def _count(packages: QuerySet[ServicePackage]) -> int:
    """Once an epoch: it is the same for every page, and the dearest part of each."""
    global _counted
    epoch, keeps = epochs.current(timezone.now())
    if not keeps:
        return packages.count()
    if _counted[0] is not epoch:
        counted = packages.count()
        # A change while it was counted makes it one of no epoch.
        if epochs.current(timezone.now())[0] is not epoch:
            return counted
        _counted = epoch, counted
    return _counted[1]
