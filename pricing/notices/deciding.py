"""What a person decides about notices that did not arrive. One transaction each, with its line in the audit trail."""

from uuid import UUID

from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from circletel.core import audit
from circletel.core.enqueue import enqueue
from circletel.core.errors import NotReady, WrongStatus
from circletel.core.rights import ensure_may
from pricing.models import UNDELIVERED, NoticeEventKind, NoticeState, PriceChangeStatus, PriceNotice
from pricing.models.notice import Occasion
from pricing.notices.sending import record

RIGHT = "pricing.settle_pricenotice"


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
