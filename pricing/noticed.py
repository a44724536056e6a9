"""Was the customer told? Without an accepted notice a rise is not carried out. Reads what the notices wrote down."""

from datetime import date, datetime, timedelta
from uuid import UUID

from django.utils import timezone

from pricing.models import (
    TOLD,
    UNDELIVERED,
    Cohort,
    NoticeStage,
    NoticeState,
    Occasion,
    PriceChange,
    PriceMove,
    PriceNotice,
)
from pricing.notice import asks_no_more_than, civil_day

TIME_TO_SEND = timedelta(days=2)


def notice_hold(move: PriceMove, today: date | None = None) -> str:
    """Why `move` waits for its customer to be told, as a sentence; empty when nothing is missing. Four queries at most."""
    today = today or civil_day(timezone.now())
    for stage in _stages_due(move, today):
        notice = _notice(move.change, stage, move.subscription_id)
        if notice is None:
            return f"The notice “{stage}” was not sent to this customer."
        if notice.state not in (*TOLD, NoticeState.NOT_NEEDED):
            return f"The notice “{stage}” {_what_became_of(notice)}."
    return ""


def is_on_its_way(move: PriceMove, now: datetime) -> bool:
    """The change is so young that its notices are still being sent, and none to this customer is lost."""
    assert move.change.published_at is not None  # only published changes have moves
    if now - move.change.published_at > TIME_TO_SEND:
        return False
    mine = PriceNotice.objects.filter(
        change=move.change, subscription=move.subscription_id, state__in=UNDELIVERED
    )
    return not mine.exists()


def lost_notices(change: PriceChange, today: date) -> dict[UUID, str]:
    """Subscriptions whose required notice cannot arrive any more unless a person acts, with the reason. One query."""
    if change.is_decrease:
        return {}
    lost = PriceNotice.objects.filter(
        change=change, stage__required=True, stage__active=True, due_on__lte=today, state__in=UNDELIVERED
    ).select_related("stage")
    return {
        notice.subscription_id: f"The notice “{notice.stage}” {_what_became_of(notice)}."
        for notice in lost.order_by("due_on")
    }


def _stages_due(move: PriceMove, today: date) -> list[NoticeStage]:
    """The stages whose notice must have been accepted by now. A lower price asks for none."""
    if move.change.is_decrease:
        return []
    stages = NoticeStage.objects.filter(
        active=True, required=True, occasion__in=(Occasion.PUBLISHED, Occasion.BEFORE)
    )
    return [stage for stage in stages if _is_due(stage, move, today)]


def _is_due(stage: NoticeStage, move: PriceMove, today: date) -> bool:
    if stage.occasion == Occasion.PUBLISHED:
        return True
    change = move.change
    assert change.effective_date is not None  # published changes have one
    assert change.published_at is not None
    # As it is owed: a fixed term counts from its own first bill at the new price.
    begins_on = change.effective_date
    if move.cohort == Cohort.FIXED_TERM and move.renewal_on is not None:
        begins_on = move.renewal_on
    due_on = begins_on - timedelta(days=stage.days)
    # The day itself is for sending it; and a stage that lay before publication never comes.
    return civil_day(change.published_at) <= due_on < today


def _notice(change: PriceChange, stage: NoticeStage, subscription_id: UUID) -> PriceNotice | None:
    """Its own, or that of the change it amends to no more than was announced."""
    found = PriceNotice.objects.filter(change=change, stage=stage, subscription=subscription_id).first()
    if found is None and change.amends is not None and asks_no_more_than(change, change.amends):
        return _notice(change.amends, stage, subscription_id)
    return found


def _what_became_of(notice: PriceNotice) -> str:
    words = {
        NoticeState.OWED: "has not been accepted by the mail provider yet",
        NoticeState.BOUNCED: "came back",
        NoticeState.FAILED: "could not be sent",
        NoticeState.UNKNOWN: "may or may not have been sent",
        NoticeState.NO_ADDRESS: "could not be sent: the customer has no e-mail address",
    }
    said = words[NoticeState(notice.state)]
    return f"{said} ({notice.why.rstrip('.')})" if notice.why else said
