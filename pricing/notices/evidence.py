"""Who was told what and when of one change: in numbers by stage, and the proof as a file that streams."""

import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any
from uuid import UUID

from django.core.serializers.json import DjangoJSONEncoder
from django.db.models import Count, F, Max, Min, Q, QuerySet
from django.http import StreamingHttpResponse
from django.utils import timezone

from circletel.core.spreadsheet import csv_lines, download
from pricing.models import TOLD, UNDELIVERED, NoticeEvent, NoticeState, NoticeText, PriceChange, PriceNotice

COLUMNS = (
    "stage",
    "subscription",
    "customer",
    "email",
    "state",
    "why",
    "due_on",
    "sending",
    "text_sha256",
    "provider_id",
    "accepted_at",
    "delivered_at",
    "bounced_at",
    "subject",
)
CHUNK = 1000


def standing_of(change_id: UUID) -> QuerySet[PriceNotice, Any]:
    """One dict for each stage, in the order in which they are due: how many notices are needed, told, undelivered and
    waiting, and when the provider took the first and the last."""
    return (
        PriceNotice.objects.filter(change=change_id)
        .order_by()
        .values(code=F("stage"), name=F("stage__name"))
        .annotate(
            needed=Count("pk", filter=~Q(state=NoticeState.NOT_NEEDED)),
            told=Count("pk", filter=Q(state__in=TOLD)),
            undelivered=Count("pk", filter=Q(state__in=UNDELIVERED)),
            waiting=Count("pk", filter=Q(state=NoticeState.OWED)),
            first_accepted_at=Min("accepted_at"),
            last_accepted_at=Max("accepted_at"),
            due=Min("due_on"),
        )
        .order_by("due", "code")
    )


def rows_of(change_id: UUID) -> Iterator[dict[str, Any]]:
    """One dict for each notice, in COLUMNS. Times are UTC."""
    notices = (
        PriceNotice.objects.filter(change=change_id)
        .select_related("subscription")
        .defer("subscription__listed", "subscription__addons")
        .order_by("due_on", "stage", "pk")
    )
    for notice in notices.iterator(chunk_size=CHUNK):
        yield _row(notice)


def json_pieces(change: PriceChange, at: datetime) -> Iterator[str]:
    """One JSON object: the change, the notices, everything that happened to them, and each text once for its hash."""
    head = {
        "price_change": change.pk,
        "package": change.package.name,
        "sku": change.package.sku,
        "old_price": change.old_price,
        "new_price": change.new_price,
        "status": change.status,
        "published_at": change.published_at,
        "effective_date": change.effective_date,
        "exported_at": at,
    }
    yield _json(head)[:-1]
    notices = PriceNotice.objects.filter(change=change.pk).values("pk")
    events = NoticeEvent.objects.filter(notice__in=notices).order_by("at", "recorded_at")
    hashes = events.exclude(text_hash="").order_by().values("text_hash")
    claimed = PriceNotice.objects.filter(change=change.pk).exclude(text_hash="").values("text_hash")
    texts = NoticeText.objects.filter(text_hash__in=hashes.union(claimed)).order_by("text_hash")
    yield from _list("notices", rows_of(change.pk))
    named = {"sending": F("round"), "text_sha256": F("text_hash")}
    known = ("notice", "kind", "at", "recorded_at", "email", "provider_id", "detail")
    yield from _list("events", _stream(events.values(*known, **named)))
    yield from _list("texts", _stream(texts.values("subject", "body", sha256=F("text_hash"))))
    yield "}"


def csv_answer(change: PriceChange) -> StreamingHttpResponse:
    rows = ([_cell(row[name]) for name in COLUMNS] for row in rows_of(change.pk))
    return download(csv_lines(COLUMNS, rows), f"notices-{change.pk}.csv")


def json_answer(change: PriceChange) -> StreamingHttpResponse:
    return download(json_pieces(change, timezone.now()), f"notices-{change.pk}.json", "application/json")


def _row(notice: PriceNotice) -> dict[str, Any]:
    subscription = notice.subscription
    return {
        "id": notice.pk,
        "stage": notice.stage_id,
        "subscription": subscription.number or subscription.subscription_id,
        "customer": subscription.customer_name,
        "email": notice.email,
        "state": notice.state,
        "why": notice.why,
        "due_on": notice.due_on,
        "sending": notice.round,
        "text_sha256": notice.text_hash,
        "provider_id": notice.provider_id,
        "accepted_at": notice.accepted_at,
        "delivered_at": notice.delivered_at,
        "bounced_at": notice.bounced_at,
        "subject": notice.subject,
    }


def _stream(rows: QuerySet[Any]) -> Iterator[Any]:
    return rows.iterator(chunk_size=CHUNK)


def _list(name: str, items: Iterator[dict[str, Any]]) -> Iterator[str]:
    yield f', "{name}": ['
    separator = ""
    for item in items:
        yield separator + _json(item)
        separator = ",\n"
    yield "]"


def _json(value: Any) -> str:
    return json.dumps(value, cls=DjangoJSONEncoder, ensure_ascii=False)


def _cell(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else value
