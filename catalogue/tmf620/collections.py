"""What is on sale by kind of resource: a page of it, or one. A list is built once for each state of the catalogue."""

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from django.db.models import QuerySet
from django.utils import timezone

from catalogue.models import MarketSegment, ServicePackage
from catalogue.storefront import epoch as epochs
from catalogue.storefront.document import as_json
from catalogue.storefront.epoch import Epoch
from catalogue.tmf620 import matching, resources
from catalogue.tmf620.dialects import V4, Kind, Rendering
from catalogue.tmf620.queries import Query, chosen
from catalogue.tmf620.resources import BUILDERS, CategoryKey
from catalogue.tmf620.values import Document

# Kept by a process at most: ten at each address of the server, which TMF620_PUBLIC_URL makes one.
MOST_LISTS = 40
Lists = dict[tuple[str, Kind, str], list[str]]
_lists: tuple[Epoch | None, Lists] = (None, {})


def page(kind: Kind, query: Query, rendering: Rendering, offset: int, limit: int) -> tuple[list[str], int]:
    """One page as JSON, and how many match on all pages. Raises InvalidQuery."""
    matching.ensure_known(kind, query)
    if not (query.conditions or query.sort or query.fields):
        texts = _texts(kind, rendering)
        return texts[offset : offset + limit], len(texts)
    documents = _matching(kind, query, rendering)
    return as_texts(documents[offset : offset + limit], query, rendering), len(documents)


def find(kind: Kind, id: str, rendering: Rendering) -> Document | None:
    if kind in BUILDERS:
        key = as_uuid(id[:36])
        package = on_sale(rendering).filter(pk=key).first() if key else None
        documents = BUILDERS[kind](package, rendering) if package else []
    else:
        documents = _everything(kind, rendering)
    return next((document for document in documents if document["id"] == id), None)


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


def _everything(kind: Kind, rendering: Rendering) -> list[Document]:
    return [json.loads(text) for text in _texts(kind, rendering)]


def _matching(kind: Kind, query: Query, rendering: Rendering) -> list[Document]:
    documents = _everything(kind, rendering)
    paths = {condition.path for condition in query.conditions} | {path for path, _ in query.sort}
    if matching.AMOUNT not in paths or rendering.dialect.embeds_prices:
        return matching.filtered(documents, query)
    # This version only refers to the prices that are asked for: the other one knows their amounts.
    shown = {document["id"]: document for document in documents}
    embedded = _everything(kind, replace(rendering, dialect=V4))
    prices = {document["id"]: document["productOfferingPrice"] for document in embedded}
    judged = [{**shown[id], "productOfferingPrice": prices[id]} for id in shown if id in prices]
    return [shown[document["id"]] for document in matching.filtered(judged, query)]


def _texts(kind: Kind, rendering: Rendering) -> list[str]:
    """All of one kind as JSON, in the usual order. Built by the first who asks in an epoch."""
    global _lists
    epoch, keeps = epochs.current(rendering.at)
    if not keeps:
        return list(map(as_json, _built(kind, rendering)))
    if _lists[0] is not epoch:
        _lists = epoch, {}
    lists = _lists[1]
    key = (rendering.dialect.version, kind, rendering.root)
    texts = lists.get(key)
    if texts is None:
        texts = list(map(as_json, _built(kind, rendering)))
        # A change while it was built makes it one of no epoch.
        if epochs.current(timezone.now())[0] is epoch:
            if len(lists) >= MOST_LISTS:
                lists.clear()
            lists[key] = texts
    return texts


def _built(kind: Kind, rendering: Rendering) -> list[Document]:
    if kind in BUILDERS:
        packages = on_sale(rendering).order_by("name", "contract_months", "id")
        return [document for package in packages for document in BUILDERS[kind](package, rendering)]
    changed = _categories(rendering)
    if kind is Kind.CATALOG:
        roots = [key for key in changed if key.parent is None]
        return [resources.catalog(roots, max(changed.values(), default=None), rendering)]
    return [
        resources.category(key, [sub for sub in changed if sub.parent == key], at, rendering)
        for key, at in changed.items()
    ]


def _categories(rendering: Rendering) -> Mapping[CategoryKey, datetime]:
    """Every category that something on sale stands in, with the latest change below it.

    Segments come before their service types.
    """
    found: dict[tuple[int, str], tuple[str, datetime]] = {}
    rows = on_sale(rendering).values_list("market_segment", "service_type", "changed_at")
    for segment, spelling, changed in rows:
        place = MarketSegment.values.index(segment)
        for folded, name in (("", ""), (spelling.lower(), spelling)):
            before = found.get((place, folded), (name, changed))
            found[place, folded] = max(before[0], name), max(before[1], changed)
    return {
        CategoryKey(MarketSegment.values[place], name): changed
        for (place, _), (name, changed) in sorted(found.items())
    }
