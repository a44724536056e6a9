"""What the mail provider tells afterwards: delivered, bounced. Receives anymail's `tracking` signal."""

from datetime import datetime
from typing import Any
from uuid import UUID

from anymail.signals import EventType, tracking
from django.core.exceptions import ValidationError
from django.db import transaction
from django.dispatch import receiver
from django.utils import timezone

from pricing.models import NoticeEvent, NoticeEventKind, NoticeState, PriceNotice

KINDS: dict[str, NoticeEventKind] = {
    EventType.QUEUED: NoticeEventKind.ACCEPTED,
    EventType.SENT: NoticeEventKind.ACCEPTED,
    EventType.DELIVERED: NoticeEventKind.DELIVERED,
    EventType.DEFERRED: NoticeEventKind.DEFERRED,
    EventType.BOUNCED: NoticeEventKind.BOUNCED,
    EventType.REJECTED: NoticeEventKind.BOUNCED,
    EventType.FAILED: NoticeEventKind.BOUNCED,
    EventType.COMPLAINED: NoticeEventKind.COMPLAINED,
}
# Whoever opens or clicks is nobody's business here.
ARRIVED = (NoticeEventKind.ACCEPTED, NoticeEventKind.DELIVERED)
# What an event of the provider may still change: a person's decision stands.
OPEN_TO_EVENTS = (
    NoticeState.OWED,
    NoticeState.UNKNOWN,
    NoticeState.FAILED,
    NoticeState.ACCEPTED,
    NoticeState.DELIVERED,
)


@receiver(tracking, dispatch_uid="pricing.notices.tracking")
def on_mail_event(event: Any, **_: Any) -> None:
    """Write an event to the notice it is of; mail that is no notice is let pass. A repeated event changes nothing."""
    kind = KINDS.get(event.event_type)
    if kind is not None:
        take_in(event, kind)


@transaction.atomic
def take_in(event: Any, kind: NoticeEventKind) -> None:
    notice = _notice_of(event)
    if notice is None:
        return
    provider_id, event_id = str(event.message_id or ""), str(event.event_id or "")
    if event_id and NoticeEvent.objects.filter(notice=notice, provider_event_id=event_id[:200]).exists():
        return
    at, words = event.timestamp or timezone.now(), event.description or ""
    NoticeEvent.objects.create(
        notice=notice,
        kind=kind,
        at=at,
        round=_round_of(event, notice),
        email=notice.email,
        text_hash=notice.text_hash,
        provider_id=provider_id,
        provider_event_id=event_id[:200],
        detail=words,
    )
    # News of an earlier sending is history and nothing else.
    if _round_of(event, notice) == notice.round and notice.state in OPEN_TO_EVENTS:
        _follow(notice, kind, at, provider_id, words)


def _follow(notice: PriceNotice, kind: NoticeEventKind, at: datetime, provider_id: str, words: str) -> None:
    if kind == NoticeEventKind.BOUNCED:
        notice.state, notice.bounced_at, notice.sending_since = NoticeState.BOUNCED, at, None
        notice.why = words or "The mail provider says that it did not arrive."
    elif kind in ARRIVED:
        # The provider speaks of it, so it has taken it: that answers for a call whose own answer was lost.
        notice.accepted_at = notice.accepted_at or at
        notice.sending_since, notice.why = None, ""
        if kind == NoticeEventKind.DELIVERED:
            notice.delivered_at = notice.delivered_at or at
        notice.state = NoticeState.DELIVERED if notice.delivered_at else NoticeState.ACCEPTED
    else:
        return
    notice.provider_id = notice.provider_id or provider_id
    notice.save()


def _notice_of(event: Any) -> PriceNotice | None:
    """By the id the provider gave it, else by what we gave it along. Locked."""
    notices = PriceNotice.objects.select_for_update(of=("self",))
    if event.message_id:
        found = notices.filter(provider_id=str(event.message_id)).first()
        if found is not None:
            return found
    named = (event.metadata or {}).get("notice")
    try:
        return notices.filter(pk=UUID(str(named))).first() if named else None
    except (ValueError, ValidationError):
        return None


def _round_of(event: Any, notice: PriceNotice) -> int:
    try:
        return int((event.metadata or {}).get("round", notice.round))
    except (TypeError, ValueError):
        return notice.round
