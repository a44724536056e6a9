"""What becomes of a notice that was sent: what the mail provider tells of it, and what a person decides."""

from datetime import datetime
from typing import Any
from uuid import UUID

from anymail.signals import EventType, tracking
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db import transaction
from django.dispatch import receiver
from django.utils import timezone

from circletel.core import audit
from circletel.core.enqueue import enqueue
from circletel.core.errors import NotReady, WrongStatus
from circletel.core.rights import ensure_may
from pricing.models import (
    UNDELIVERED,
    NoticeEvent,
    NoticeEventKind,
    NoticeState,
    Occasion,
    PriceChangeStatus,
    PriceNotice,
)
from pricing.notices.sending import record

RIGHT = "pricing.settle_pricenotice"

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
    at, words, round = event.timestamp or timezone.now(), event.description or "", _round_of(event, notice)
    told = {"provider_id": provider_id, "provider_event_id": event_id[:200], "detail": words}
    record(notice, kind, at, round=round, **told)
    # News of an earlier sending is history and nothing else.
    if round == notice.round and notice.state in OPEN_TO_EVENTS:
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


# --- what a person decides, in one transaction with its line in the audit trail


@transaction.atomic
def settle(notice_id: UUID, *, actor: User, reason: str) -> PriceNotice:
    """The customer was told another way, say by telephone. From then on the notice counts as given.

    Raises NotAllowed, NotReady without a reason, WrongStatus for one that arrived or still waits.
    """
    notice = _undelivered(notice_id, actor, reason)
    before, notice.state = notice.state, NoticeState.SETTLED
    notice.why = reason.strip()
    notice.save(update_fields=["state", "why", "changed_at"])
    record(notice, NoticeEventKind.SETTLED, timezone.now(), detail=notice.why)
    _audit("settle notice", notice, before, actor, notice.why)
    return notice


@transaction.atomic
def send_again(notice_id: UUID, *, actor: User, reason: str) -> PriceNotice:
    """To the address that Zoho has now. The correction itself is made in Zoho and comes with the next pull.

    One whose sending is in doubt goes out under its old number: a provider that took it then sends no second one.
    Raises NotAllowed, NotReady without a reason or an address, WrongStatus.
    """
    notice = _undelivered(notice_id, actor, reason)
    _ensure_alive(notice)
    email = notice.subscription.customer_email.strip()
    if "@" not in email.strip("@"):
        raise NotReady(
            f"address: Zoho has no e-mail address for {notice.subscription}; enter it there and pull subscriptions"
        )
    before, notice.state, notice.why = notice.state, NoticeState.OWED, ""
    if before != NoticeState.UNKNOWN:
        notice.round += 1
        notice.provider_id, notice.accepted_at, notice.delivered_at, notice.bounced_at = "", None, None, None
    notice.email, notice.sending_since, notice.next_attempt_at = email, None, None
    notice.save()
    record(notice, NoticeEventKind.SEND_AGAIN, timezone.now(), detail=reason.strip())
    _audit("send notice again", notice, before, actor, reason.strip())
    enqueue("pricing.tasks.send_price_notices")
    return notice


def _undelivered(notice_id: UUID, actor: User, reason: str) -> PriceNotice:
    """Raises PriceNotice.DoesNotExist."""
    ensure_may(actor, RIGHT, "decide about notices")
    notices = PriceNotice.objects.select_for_update(of=("self",))
    notice = notices.select_related("change__package", "stage", "subscription").get(pk=notice_id)
    if not reason.strip():
        raise NotReady("reason: say how the customer was told, or why it is sent again")
    if notice.state not in UNDELIVERED:
        raise WrongStatus(
            f"{notice}: there is nothing to decide, it is “{notice.get_state_display().lower()}”"
        )
    return notice


def _ensure_alive(notice: PriceNotice) -> None:
    withdrawn = notice.change.status == PriceChangeStatus.CANCELLED
    if withdrawn and notice.stage.occasion != Occasion.WITHDRAWN:
        raise WrongStatus(f"{notice}: the price change was withdrawn, so nobody is told of it any more")


def _audit(action: str, notice: PriceNotice, before: str, actor: User, detail: str) -> None:
    audit.record(action, notice, actor=actor, changes={"state": [before, str(notice.state)]}, detail=detail)
