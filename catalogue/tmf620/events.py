"""What listeners are told: each change of what is on sale, written down in the transaction of the change."""

import hashlib
import json
import uuid
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import F, Q
from django.db.models.functions import TruncDate
from django.dispatch import receiver
from django.http import QueryDict
from django.utils import timezone

from catalogue.models import HubDelivery, HubEvent, HubListener, HubSnapshot, NoVatRate, ServicePackage
from catalogue.signals import package_changed
from catalogue.storefront.document import midnight
from catalogue.tmf620 import queries, resources, values
from catalogue.tmf620.dialects import DIALECTS, V4, Dialect, Kind, Rendering
from catalogue.tmf620.matching import meets
from catalogue.tmf620.values import Document
from circletel.core.enqueue import enqueue
from circletel.core.origin import current_origin

CREATE, CHANGE, STATE, DELETE = "Create", "AttributeValueChange", "StateChange", "Delete"
DOMAIN = "productCatalogManagement"
# What changes with every edit, or with the address we are reached by, is no news.
NO_NEWS = ("lastUpdate", "version", "href")
MOST_AT_ONCE = 500


@dataclass(frozen=True)
class Change:
    """Something happened to one resource. `documents` is what it is now, by version."""

    kind: Kind
    happened: str
    documents: dict[str, Document]


@receiver(package_changed, dispatch_uid="catalogue.tmf620.package_changed")
def tell(package: ServicePackage, **_: Any) -> None:
    """Write events for what differs from what was last told. Called inside the transaction of the change.

    Telling twice tells nothing new. While no VAT rate is recorded prices cannot be told; the sweep comes back.
    """
    at = timezone.now()
    snapshot = HubSnapshot.objects.select_for_update().get_or_create(package=package)[0]
    try:
        now = _documents(package, at) if package.is_on_sale(at) else {}
    except NoVatRate:
        return
    hashes = {key: _hash(documents[V4.version]) for key, documents in now.items()}
    changes = list(_changes(package, snapshot, hashes, now))
    snapshot.on_sale, snapshot.hashes = bool(now), hashes
    snapshot.save()
    write(changes, at)


def _documents(package: ServicePackage, at: datetime) -> dict[str, dict[str, Document]]:
    """Every resource that stands for the package, by `kind/id` and version."""
    found: dict[str, dict[str, Document]] = defaultdict(dict)
    for version, dialect in DIALECTS.items():
        rendering = Rendering(dialect, at=at)
        for kind, build in resources.BUILDERS.items():
            for document in build(package, rendering):
                found[f"{kind}/{document['id']}"][version] = document
    return found


def _changes(
    package: ServicePackage,
    snapshot: HubSnapshot,
    hashes: dict[str, str],
    now: dict[str, dict[str, Document]],
) -> Iterator[Change]:
    told = snapshot.hashes
    if told and not now:
        yield Change(Kind.OFFERING, STATE, _retired(package))
    for key, documents in now.items():
        if told.get(key) != hashes[key]:
            yield Change(Kind(key.partition("/")[0]), CHANGE if key in told else CREATE, documents)
    # The offering goes last: what belongs to it goes before it.
    for key in sorted(set(told) - set(now), key=lambda key: (key.startswith(f"{Kind.OFFERING}/"), key)):
        name, _, id = key.partition("/")
        gone = {version: _gone(Kind(name), id, dialect) for version, dialect in DIALECTS.items()}
        yield Change(Kind(name), DELETE, gone)


def _retired(package: ServicePackage) -> dict[str, Document]:
    return {
        version: {
            **_gone(Kind.OFFERING, str(package.pk), dialect),
            "name": package.name,
            "lastUpdate": values.instant(package.changed_at),
            "lifecycleStatus": "Retired",
            "isSellable": False,
        }
        for version, dialect in DIALECTS.items()
    }


def _gone(kind: Kind, id: str, dialect: Dialect) -> Document:
    return {"id": id, "href": Rendering(dialect).href(kind, id), "@type": dialect.type(kind)}


def write(changes: list[Change], at: datetime) -> None:
    """One row for each change, and one for each listener who wants to hear of it."""
    if not changes:
        return
    events = [HubEvent(occurred_at=at + timedelta(microseconds=i)) for i in range(len(changes))]
    for event, change in zip(events, changes, strict=True):
        event.bodies = {
            version: body(event.pk, change, dialect, event.occurred_at)
            for version, dialect in DIALECTS.items()
        }
    HubEvent.objects.bulk_create(events)
    owed = [
        HubDelivery(event=event, listener=listener, due_at=at)
        for listener in HubListener.objects.all()
        for event in events
        if wants(listener, event)
    ]
    if owed:
        HubDelivery.objects.bulk_create(owed)
        enqueue("catalogue.tmf620.tasks.deliver_events")


def body(id: uuid.UUID, change: Change, dialect: Dialect, at: datetime) -> Document:
    """The notification as it is sent."""
    type_ = f"{dialect.type(change.kind)}{change.happened}Event"
    return {
        "eventId": str(id),
        "eventTime": values.instant(at),
        "eventType": type_,
        dialect.occurred: values.instant(at),
        "correlationId": current_origin().correlation_id or str(id),
        "domain": DOMAIN,
        "title": type_,
        "event": {dialect.name(change.kind): change.documents[dialect.version]},
        "@type": type_,
    }


def wants(listener: HubListener, event: HubEvent) -> bool:
    """Whether the listener's query lets the event through. An empty query lets all through."""
    asked = queries.read(QueryDict(listener.query))
    return all(meets(event.bodies[listener.version], condition) for condition in asked.conditions)


def notice_the_clock() -> int:
    """Tell what went on or off sale, or in or out of promotion, because time passed. Returns how many packages."""
    now = timezone.now()
    today = timezone.localdate(now)
    told = HubSnapshot.objects.filter(on_sale=True)
    on_sale = ServicePackage.objects.on_sale(now)
    began = on_sale.exclude(pk__in=told.values("package_id"))
    ended = ServicePackage.objects.filter(pk__in=told.values("package_id")).exclude(
        pk__in=on_sale.values("pk")
    )
    # Whatever the sweep slept through since a package was last told of.
    turned = Q(package__promotion_from__gt=F("told_on"), package__promotion_from__lte=today)
    turned |= Q(package__promotion_to__gte=F("told_on"), package__promotion_to__lt=today)
    stale = told.filter(told_at__lt=midnight(today)).annotate(told_on=TruncDate("told_at"))
    promoted = stale.filter(turned, package__promotion_price__isnull=False)
    found = (began.values("pk"), ended.values("pk"), promoted.values("pk"))
    ids = {row["pk"] for rows in found for row in rows[:MOST_AT_ONCE]}
    for id in ids:
        with transaction.atomic():
            tell(ServicePackage.objects.select_for_update().get(pk=id))
    return len(ids)


def _hash(document: Document) -> str:
    return hashlib.sha256(json.dumps(_news(document), sort_keys=True).encode()).hexdigest()[:32]


def _news(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _news(item) for name, item in value.items() if name not in NO_NEWS}
    return [_news(item) for item in value] if isinstance(value, list) else value
