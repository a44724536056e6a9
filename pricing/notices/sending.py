"""Sending what is owed, each notice at most once.

A notice is claimed (`sending_since`) and its words are kept before the provider is called. Whoever dies in between
leaves a claimed row behind that nobody takes up: it becomes *unknown*, and a person or an event of the provider decides.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog
from django.core.mail import get_connection
from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.utils import timezone

from catalogue.models import NoVatRate
from pricing.models import (
    MailOutage,
    MoveState,
    NoticeEvent,
    NoticeEventKind,
    NoticeStage,
    NoticeState,
    NoticeText,
    Occasion,
    PriceChangeStatus,
    PriceMove,
    PriceNotice,
)
from pricing.notice import civil_day
from pricing.notices.provider import Answer, Outcome, hand_over, nobody_reached
from pricing.notices.texts import Text, Told, VatRates, complaints_about, text_for
from pricing.renewal_preview import Previewer

log = structlog.get_logger(__name__)

# Shorter than Celery's patience with a task. What is left is taken up ten minutes later.
LONGEST_RUN = timedelta(minutes=8)
# As fast as the mail provider takes them; 0 for no limit.
NOTICES_PER_SECOND = 2.0
# After that a claimed row without an answer belongs to a worker that is gone.
LOST_AFTER = timedelta(minutes=15)
# So many in a row are the provider's fault or the template's, and not each customer's.
MOST_REFUSED, MOST_UNKNOWN = 10, 3
LONGEST_PAUSE = timedelta(hours=1)
TOO_LATE = "It could not be sent before {:%-d %b %Y}, the day it announces: tell the customer another way."
NOT_NEEDED = "It did not need to be told any more when its turn came."


@dataclass
class Sent:
    """What a run did."""

    accepted: int = 0
    refused: int = 0
    unknown: int = 0
    not_needed: int = 0
    stopped: str = ""
    """Why it ended before everything was sent; empty when it did not."""

    @property
    def number(self) -> int:
        return self.accepted + self.refused + self.unknown

    def __str__(self) -> str:
        parts = [f"{self.accepted} accepted", f"{self.refused} refused", f"{self.unknown} unknown"]
        return ", ".join(parts) + (f"; stopped: {self.stopped}" if self.stopped else "")


def due(now: datetime) -> QuerySet[PriceNotice]:
    """Owed by today, claimed by nobody, of a change and a stage that may be told."""
    waits = Q(next_attempt_at=None) | Q(next_attempt_at__lte=now)
    alive = Q(change__status__in=(PriceChangeStatus.PUBLISHED, PriceChangeStatus.EFFECTIVE))
    withdrawn = Q(change__status=PriceChangeStatus.CANCELLED, stage__occasion=Occasion.WITHDRAWN)
    return PriceNotice.objects.filter(
        waits,
        alive | withdrawn,
        state=NoticeState.OWED,
        due_on__lte=civil_day(now),
        sending_since=None,
        stage__active=True,
    )


def send_due(
    now: datetime | None = None,
    *,
    pause: Callable[[float], object] = time.sleep,
    limit: int | None = None,
    progress: Callable[[int, Sent], object] = lambda _number, _sent: None,
) -> Sent:
    """Send what is due, at the pace of NOTICES_PER_SECOND, until nothing is left or the provider takes nothing.

    `progress` hears after each notice how many were sent; what it raises ends the run.
    Any number of processes may do this at once: no notice is sent by two of them, nor twice by one that was killed.
    """
    begun, sent = now or timezone.now(), Sent()
    lose_the_lost(begun)
    sent.stopped = _why_not(begun)
    if sent.stopped:
        return sent
    stages = [stage.pk for stage in NoticeStage.objects.filter(active=True) if not complaints_about(stage)]
    previewer = Previewer.load()
    rates, in_a_row = VatRates(), {Outcome.REFUSED: 0, Outcome.UNKNOWN: 0}
    clock = time.monotonic()
    with get_connection() as provider:
        while limit is None or sent.number < limit:
            if time.monotonic() - clock > LONGEST_RUN.total_seconds():
                sent.stopped = "its time is over; the rest follows"
                break
            began = time.monotonic()
            claimed = _claim(now or timezone.now(), stages, rates, previewer)
            if claimed is None:
                break
            notice, text = claimed
            if text is None:
                sent.not_needed += 1
                continue
            answer = hand_over(notice, text, provider)
            _write_down(notice, answer, now or timezone.now())
            _count(sent, answer, in_a_row)
            progress(sent.number, sent)
            if sent.stopped:
                break
            _keep_pace(began, pause)
    return sent


def is_any_left(now: datetime) -> bool:
    """Something is due, or a worker that is gone left something behind."""
    return due(now).exists() or _lost(now).exists()


def _lost(now: datetime) -> QuerySet[PriceNotice]:
    return PriceNotice.objects.filter(state=NoticeState.OWED, sending_since__lte=now - LOST_AFTER)


def lose_the_lost(now: datetime) -> int:
    """Claimed long ago and never answered: nobody knows whether those were sent. Returns how many."""
    words = "The worker that sent it went away before the provider answered."
    return sum(_unknown(notice, words, now) for notice in _lost(now).iterator())


def _why_not(now: datetime) -> str:
    if words := nobody_reached():
        _outage(words, now)
        return words
    outage = MailOutage.objects.filter(ended_at=None, next_try_at__gt=now).first()
    return f"the provider took nothing ({outage.words}); tried again later" if outage else ""


@transaction.atomic
def _claim(
    now: datetime, stages: list[str], rates: VatRates, previewer: Previewer
) -> tuple[PriceNotice, Text | None] | None:
    """The next notice with its words, ours from now on. Words None: it turned out to need no telling."""
    notice = (
        due(now)
        .filter(stage__in=stages)
        .select_related("change__package", "stage", "subscription")
        .select_for_update(skip_locked=True, of=("self",))
        .order_by("due_on", "pk")
        .first()
    )
    if notice is None:
        return None
    told = told_in(notice, previewer, now)
    if told is None:
        return _set_aside(notice, NoticeState.NOT_NEEDED, NOT_NEEDED)
    if comes_too_late(notice, told, now):
        return _set_aside(notice, NoticeState.FAILED, TOO_LATE.format(told.first_bill_on))
    try:
        rate = rates.on(told.first_bill_on)
    except NoVatRate as trouble:
        return _set_aside(notice, NoticeState.FAILED, str(trouble))
    text = text_for(told, subject=notice.stage.subject, body=notice.stage.body, vat_rate=rate)
    NoticeText.objects.bulk_create([text.row()], ignore_conflicts=True)
    notice.sending_since, notice.attempts = now, notice.attempts + 1
    notice.subject, notice.text_hash = text.subject[:200], text.hash
    notice.save(update_fields=["sending_since", "attempts", "subject", "text_hash", "changed_at"])
    return notice, text


def _set_aside(notice: PriceNotice, state: NoticeState, why: str) -> tuple[PriceNotice, None]:
    notice.state, notice.why = state, why
    notice.save(update_fields=["state", "why", "changed_at"])
    return notice, None


def comes_too_late(notice: PriceNotice, told: Told, now: datetime) -> bool:
    """It would announce a rise from a day that is over."""
    announces = notice.stage.occasion in (Occasion.PUBLISHED, Occasion.BEFORE)
    return announces and told.new_price > told.old_price and told.first_bill_on < civil_day(now)


def told_in(notice: PriceNotice, previewer: Previewer, now: datetime) -> Told | None:
    """What `notice` says, as things stand. None when the customer's price does not move that way any more."""
    move = PriceMove.objects.filter(change=notice.change_id, subscription=notice.subscription_id).first()
    is_withdrawal = notice.stage.occasion == Occasion.WITHDRAWN
    if move is None or (move.state == MoveState.NOT_NEEDED and not is_withdrawal):
        return None
    if notice.stage.occasion == Occasion.RECEIPT and move.state != MoveState.CONFIRMED:
        return None
    day = move.renewal_on or notice.change.effective_date
    assert day is not None  # published changes have one
    # Who is told that nothing happens had been told the prices of the change.
    new_price = notice.change.new_price if is_withdrawal else move.expected_price
    total = None if is_withdrawal else previewer.total_on(notice.subscription, day, new_price, now)
    return Told(notice.change, notice.subscription, move.price_then, new_price, day, total)


def _write_down(notice: PriceNotice, answer: Answer, now: datetime) -> None:
    match answer.outcome:
        case Outcome.ACCEPTED:
            _accepted(notice, answer, now)
        case Outcome.REFUSED:
            _refused(notice, answer.words, now)
        case Outcome.UNKNOWN:
            _unknown(notice, answer.words, now)
        case Outcome.NOT_TAKEN:
            _give_back(notice)
            _outage(answer.words, now)


@transaction.atomic
def _accepted(notice: PriceNotice, answer: Answer, now: datetime) -> None:
    """Unless an event of the provider was faster and told more."""
    mine = PriceNotice.objects.filter(pk=notice.pk, round=notice.round)
    mine.filter(accepted_at=None).exclude(state=NoticeState.BOUNCED).update(
        state=NoticeState.ACCEPTED, accepted_at=now, why="", changed_at=now
    )
    mine.filter(provider_id="").update(provider_id=answer.provider_id)
    mine.update(sending_since=None, next_attempt_at=None)
    record(notice, NoticeEventKind.ACCEPTED, now, provider_id=answer.provider_id)
    MailOutage.objects.filter(ended_at=None).update(ended_at=now)


@transaction.atomic
def _refused(notice: PriceNotice, words: str, now: datetime) -> None:
    changed = {"state": NoticeState.FAILED, "why": words, "sending_since": None, "changed_at": now}
    if PriceNotice.objects.filter(pk=notice.pk, state=NoticeState.OWED).update(**changed):
        record(notice, NoticeEventKind.REFUSED, now, detail=words)


@transaction.atomic
def _unknown(notice: PriceNotice, words: str, now: datetime) -> int:
    changed = {"state": NoticeState.UNKNOWN, "why": words, "sending_since": None, "changed_at": now}
    number = PriceNotice.objects.filter(
        pk=notice.pk, state=NoticeState.OWED, sending_since__isnull=False
    ).update(**changed)
    if number:
        record(notice, NoticeEventKind.UNKNOWN, now, detail=words)
    return number


def _give_back(notice: PriceNotice) -> None:
    """Untouched: an outage is not the notice's fault."""
    PriceNotice.objects.filter(pk=notice.pk, state=NoticeState.OWED).update(
        sending_since=None, attempts=F("attempts") - 1
    )


def _outage(words: str, now: datetime) -> None:
    """Write the outage down, and when to try again: after 1, 2, 4, … minutes, at most an hour."""
    standing, is_new = MailOutage.objects.get_or_create(
        ended_at=None,
        defaults={"began_at": now, "next_try_at": now + timedelta(minutes=1), "words": words},
    )
    if not is_new and standing.next_try_at <= now:
        standing.tries += 1
        pause = min(timedelta(minutes=2 ** min(standing.tries - 1, 6)), LONGEST_PAUSE)
        standing.words, standing.next_try_at = words, now + pause
        standing.save()
    log.warning("mail_provider_takes_nothing", words=words, tries=standing.tries)


def record(notice: PriceNotice, kind: str, at: datetime, **more: Any) -> None:
    """One line of the notice's history."""
    values = {
        "round": notice.round,
        "email": notice.email,
        "text_hash": notice.text_hash,
        "provider_id": notice.provider_id,
    }
    NoticeEvent.objects.create(notice=notice, kind=kind, at=at, **values | more)


def _count(sent: Sent, answer: Answer, in_a_row: dict[Outcome, int]) -> None:
    if answer.outcome == Outcome.NOT_TAKEN:
        sent.stopped = answer.words
        return
    setattr(sent, answer.outcome.value, getattr(sent, answer.outcome.value) + 1)
    for outcome in in_a_row:
        in_a_row[outcome] = in_a_row[outcome] + 1 if outcome == answer.outcome else 0
    if in_a_row[Outcome.REFUSED] >= MOST_REFUSED or in_a_row[Outcome.UNKNOWN] >= MOST_UNKNOWN:
        sent.stopped = f"too many in a row went wrong, last: {answer.words}"


def _keep_pace(began: float, pause: Callable[[float], object]) -> None:
    if NOTICES_PER_SECOND > 0:
        pause(max(0.0, 1 / NOTICES_PER_SECOND - (time.monotonic() - began)))
