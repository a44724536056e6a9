"""Editing the stages, trying their words on a real change, and a test mail to oneself."""

from dataclasses import dataclass
from typing import Any

from django.contrib.auth.models import User
from django.core.mail import EmailMultiAlternatives
from django.db import transaction
from django.utils import timezone

from catalogue.models import vat_rate_today
from circletel.core import audit
from circletel.core.errors import NotReady
from circletel.core.mail import words_of
from circletel.core.rights import ensure_may
from pricing.models import NoticeStage, Occasion, PriceChange, PriceMove, Subscription
from pricing.notices.texts import Text, Told, VatRates, complaints_about, text_for
from pricing.renewal_preview import Previewer

RIGHT = "pricing.edit_noticestage"
EDITABLE = ("name", "days", "required", "active", "subject", "body")


@transaction.atomic
def edit_stage(code: str, wish: dict[str, Any], *, actor: User) -> NoticeStage:
    """Rewrite a stage: any of EDITABLE. Raises NotAllowed, or NotReady with everything the linter says."""
    ensure_may(actor, RIGHT, "edit the notices of price changes")
    stage = NoticeStage.objects.select_for_update().get(pk=code)
    before = {name: getattr(stage, name) for name in EDITABLE}
    for name in EDITABLE:
        setattr(stage, name, wish.get(name, before[name]))
    if problems := problems_of(stage):
        raise NotReady(*problems)
    stage.save()
    changes = {
        name: [old, getattr(stage, name)] for name, old in before.items() if old != getattr(stage, name)
    }
    if changes:
        audit.record("edit notice", stage, actor=actor, changes=changes)
    return stage


def problems_of(stage: NoticeStage) -> list[str]:
    """Why `stage` cannot be kept as it is."""
    problems = complaints_about(stage)
    if stage.occasion == Occasion.BEFORE and stage.days == 0:
        problems.append("days: say how many days before the effective date")
    if stage.occasion in (Occasion.PUBLISHED, Occasion.WITHDRAWN) and stage.days:
        problems.append("days: this notice goes out at once, so it must be 0")
    return problems


@dataclass(frozen=True)
class Sample:
    """Whom a preview speaks to: somebody of a real change, or made up where there is none."""

    told: Told
    is_real: bool


def sample(change: PriceChange | None = None) -> Sample | None:
    """A customer of `change`, or of the latest change that moves anybody. None while there is no change at all."""
    moves = PriceMove.objects.select_related("change__package", "subscription").order_by(
        "-change__created_at", "pk"
    )
    if change is not None:
        moves = moves.filter(change=change)
    for move in moves.filter(subscription__gone_at=None).exclude(state="not_needed")[:1]:
        day = move.renewal_on or move.change.effective_date
        assert day is not None  # only published changes have moves
        previewer = Previewer.load()
        total = previewer.total_on(move.subscription, day, move.expected_price, timezone.now())
        told = Told(move.change, move.subscription, move.price_then, move.expected_price, day, total)
        return Sample(told, True)
    change = change or PriceChange.objects.select_related("package").exclude(effective_date=None).first()
    if change is None or change.effective_date is None:
        return None
    somebody = Subscription(customer_name="Thandi Example", number="SUB-00042", subscription_id="0")
    told = Told(change, somebody, change.old_price, change.new_price, change.effective_date, change.new_price)
    return Sample(told, False)


def preview(stage: NoticeStage, told: Told) -> Text:
    """The words as that customer would read them."""
    rate = VatRates().on(told.first_bill_on) if told.first_bill_on else vat_rate_today()
    return text_for(told, subject=stage.subject, body=stage.body, vat_rate=rate)


def send_test(code: str, *, actor: User) -> str:
    """The notice as it stands, to the actor's own address, marked as a test. Returns the address.

    Raises NotAllowed, or NotReady when there is no address, nothing to show it on, or the mail cannot be sent.
    """
    ensure_may(actor, RIGHT, "try the notices of price changes")
    stage = NoticeStage.objects.get(pk=code)
    found = sample()
    if not actor.email:
        raise NotReady("address: your account has no e-mail address; enter it under Users")
    if found is None:
        raise NotReady("price change: there is none yet with an effective date to fill the notice in with")
    text = preview(stage, found.told)
    message = EmailMultiAlternatives(f"Test: {text.subject}", text.body, to=[actor.email])
    message.attach_alternative(text.html, "text/html")
    try:
        message.send()
    except Exception as trouble:
        raise NotReady(f"mail: it could not be sent: {words_of(trouble)}") from None
    audit.record("test notice", stage, actor=actor)
    return actor.email
