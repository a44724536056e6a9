"""Listeners: registered, removed, served. An event reaches a listener at least once, signed, or a person is asked."""

import hashlib
import hmac
import json
import random
from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime, timedelta

import structlog
from django.contrib.auth.models import User
from django.db import transaction
from django.http import QueryDict
from django.utils import timezone

from catalogue.models import HubDelivery, HubEvent, HubListener
from catalogue.tmf620 import deliver, queries
from catalogue.tmf620.collections import as_uuid
from catalogue.tmf620.dialects import Dialect
from catalogue.tmf620.errors import InvalidBody, NotFound
from catalogue.tmf620.events import wants
from catalogue.tmf620.values import Document
from circletel.core import audit
from circletel.core.enqueue import enqueue
from circletel.core.rights import ensure_may

log = structlog.get_logger(__name__)

# Minutes until the next try after the first, second, … failure; after the last one a person is asked.
RETRY_MINUTES = (1, 2, 5, 15, 60, 240, 720)
BATCH = 50
KEEP_EVENTS_DAYS = 30
LEASE = timedelta(minutes=10)
SIGNATURE = "X-CircleTel-Signature"


@transaction.atomic
def register(callback: str, query: str, *, actor: User, dialect: Dialect) -> HubListener:
    """From now on, changes are sent to `callback`. Raises NotAllowed or InvalidBody."""
    ensure_may(actor, "catalogue.add_hublistener", "register listeners")
    try:
        deliver.checked(callback)
    except deliver.ForbiddenAddress as wrong:
        raise InvalidBody(f"callback {wrong}.") from None
    queries.read(QueryDict(query))  # raises InvalidQuery
    listener = HubListener.objects.create(
        version=dialect.version, callback=callback, query=query, created_by_id=actor.pk
    )
    audit.record("registered", listener, actor=actor, changes={"query": [None, query]})
    return listener


@transaction.atomic
def unregister(id: str, *, actor: User, dialect: Dialect) -> None:
    """Nothing more is sent; what was owed is forgotten. Raises NotFound."""
    ensure_may(actor, "catalogue.delete_hublistener", "remove listeners")
    key = as_uuid(id)
    listener = HubListener.objects.filter(pk=key, version=dialect.version).first() if key else None
    if listener is None:
        raise NotFound(f"There is no listener with the id {id[:80]}.")
    audit.record("removed", listener, actor=actor)
    listener.delete()


def document(listener: HubListener, href: str, dialect: Dialect) -> Document:
    """As registered. `secret` is told here and never again."""
    return {
        "id": str(listener.pk),
        "href": href,
        "callback": listener.callback,
        "query": listener.query,
        "secret": listener.secret,
        "@type": dialect.subscription_type,
    }


def deliver_due() -> int:
    """Send a batch of what is due. Returns how many were tried; the sweep and nudges call until it is 0."""
    claimed = _claim()
    by_listener: dict[object, list[HubDelivery]] = defaultdict(list)
    for delivery in claimed:
        by_listener[delivery.listener_id].append(delivery)
    for deliveries in by_listener.values():
        _serve(deliveries)
    return len(claimed)


def _claim() -> list[HubDelivery]:
    """The longest due first, held until the lease ends; other workers take others."""
    now = timezone.now()
    with transaction.atomic():
        due = (
            HubDelivery.objects.filter(state=HubDelivery.State.PENDING, due_at__lte=now)
            .select_for_update(skip_locked=True)
            .order_by("due_at", "id")[:BATCH]
        )
        ids = [delivery.pk for delivery in due]
        HubDelivery.objects.filter(pk__in=ids).update(due_at=now + LEASE)
    return list(HubDelivery.objects.filter(pk__in=ids).select_related("event", "listener").order_by("id"))


def _serve(deliveries: list[HubDelivery]) -> None:
    """In order; a listener that fails is left in peace with the rest of its batch, which costs the rest no try."""
    for position, delivery in enumerate(deliveries):
        try:
            _send(delivery)
        except deliver.Undeliverable as trouble:
            later = _failed(delivery, str(trouble))
            rest = [other.pk for other in deliveries[position + 1 :]]
            HubDelivery.objects.filter(pk__in=rest).update(due_at=later)
            return


def _send(delivery: HubDelivery) -> None:
    """Raises Undeliverable. Written down as soon as it is answered, so that little is sent twice."""
    listener = delivery.listener
    content = json.dumps(delivery.event.bodies[listener.version]).encode()
    headers = {
        "Content-Type": "application/json;charset=utf-8",
        "User-Agent": "circletel-catalogue",
        SIGNATURE: signature(listener.secret, content, timezone.now()),
    }
    deliver.post(listener.callback, content, headers)
    HubDelivery.objects.filter(pk=delivery.pk).update(
        state=HubDelivery.State.DELIVERED,
        delivered_at=timezone.now(),
        attempts=delivery.attempts + 1,
        last_error="",
    )


def signature(secret: str, content: bytes, at: datetime) -> str:
    """`t=<seconds since 1970>,v1=<hex>`: HMAC-SHA256 with the listener's secret over `<t>.<body>`."""
    seconds = str(int(at.timestamp()))
    signed = hmac.new(secret.encode(), f"{seconds}.".encode() + content, hashlib.sha256).hexdigest()
    return f"t={seconds},v1={signed}"


def _failed(delivery: HubDelivery, trouble: str) -> datetime:
    """Write the failure down; returns when the listener is tried again."""
    attempts = delivery.attempts + 1
    dead = attempts > len(RETRY_MINUTES)
    minutes = RETRY_MINUTES[min(attempts, len(RETRY_MINUTES)) - 1]
    later = timezone.now() + timedelta(minutes=minutes * random.uniform(1.0, 1.1))
    HubDelivery.objects.filter(pk=delivery.pk).update(
        state=HubDelivery.State.DEAD if dead else HubDelivery.State.PENDING,
        attempts=attempts,
        due_at=later,
        last_error=trouble[:500],
    )
    log.warning("tmf620_not_delivered", listener=str(delivery.listener_id), trouble=trouble, dead=dead)
    return later


@transaction.atomic
def replay(listener: HubListener, *, since: datetime, only_failed: bool = False) -> int:
    """Owe the listener every event since then again, in order. Returns how many. For a person at the shell."""
    events = HubEvent.objects.filter(occurred_at__gte=since)
    if only_failed:
        events = events.filter(
            deliveries__listener=listener,
            deliveries__state__in=[HubDelivery.State.DEAD, HubDelivery.State.PENDING],
        )
    wanted = [event for event in events.iterator(chunk_size=500) if wants(listener, event)]
    HubDelivery.objects.filter(listener=listener, event__in=wanted).delete()
    now = timezone.now()
    HubDelivery.objects.bulk_create(
        (HubDelivery(event=event, listener=listener, due_at=now) for event in wanted), batch_size=1000
    )
    detail = f"{len(wanted)} events since {since.isoformat()}"
    audit.record("replayed", listener, actor=None, detail=detail)
    return len(wanted)


@transaction.atomic
def send_again(ids: Iterable[int], *, actor: User) -> int:
    """What is not delivered is tried at once, with all its tries before it. Returns how many."""
    ensure_may(actor, "catalogue.resend_hubdelivery", "send events again")
    owed = HubDelivery.objects.filter(pk__in=list(ids)).exclude(state=HubDelivery.State.DELIVERED)
    deliveries = list(owed.select_for_update(of=("self",)).select_related("listener"))
    owed.update(state=HubDelivery.State.PENDING, attempts=0, due_at=timezone.now())
    audit.record_many("sent again", ((delivery, {}) for delivery in deliveries), actor=actor)
    enqueue("catalogue.tmf620.tasks.deliver_events")
    return len(deliveries)


def forget_old_events() -> None:
    """Events are kept for KEEP_EVENTS_DAYS, with their deliveries."""
    before = timezone.now() - timedelta(days=KEEP_EVENTS_DAYS)
    HubEvent.objects.filter(occurred_at__lt=before).delete()
