"""What people and programs can do about prices, from top to bottom."""

from datetime import datetime
from functools import partial
from typing import Any

from django import forms
from django.contrib.auth.models import User
from django.http import HttpRequest
from django.utils import timezone
from unfold.enums import ActionVariant
from unfold.forms import BaseDialogForm
from unfold.widgets import (
    UnfoldAdminDateWidget,
    UnfoldAdminDecimalFieldWidget,
    UnfoldAdminRadioSelectWidget,
    UnfoldAdminTextareaWidget,
)

from circletel.core.actions import Action, reason_form
from pricing import deciding, package_since, services
from pricing.models import (
    UNDELIVERED,
    NoticeStage,
    PriceChange,
    PriceChangeStatus,
    PriceMove,
    PriceNotice,
    Subscription,
)
from pricing.notices import stages
from pricing.notices import tracking as notices

# --- price changes


class AmendForm(BaseDialogForm):
    new_price = forms.DecimalField(
        label="New price a month",
        max_digits=10,
        decimal_places=2,
        widget=UnfoldAdminDecimalFieldWidget,
        help_text="In rand, VAT included.",
    )
    effective_date = forms.DateField(label="Effective date", widget=UnfoldAdminDateWidget)
    reason = forms.CharField(label="Reason", widget=UnfoldAdminTextareaWidget)


def _amend(change_id: Any, *, actor: User, **wish: Any) -> PriceChange:
    return services.amend_price_change(change_id, services.Wish(**wish), actor=actor)


def _may_amend(person: User, _change_id: Any) -> bool:
    return person.has_perms(("pricing.draft_pricechange", "pricing.cancel_pricechange"))


PUBLISH = Action(
    name="publish",
    model=PriceChange,
    service=services.publish_price_change,
    permission="pricing.publish_pricechange",
    offered=lambda change: change.status == PriceChangeStatus.DRAFT,
    audit_name="publish price change",
    title="Publish this price change?",
    description=(
        "New customers pay the new price at once: storefront, Zoho CRM and Zoho Billing get it within seconds."
        " Existing customers pay it from the effective date."
    ),
    icon="publish",
    variant=ActionVariant.PRIMARY,
    bulk_label="Publish selected price changes",
    done="{} is published.",
    bulk_done="published",
)
AMEND = Action(
    name="amend",
    model=PriceChange,
    service=_amend,
    permission=_may_amend,
    offered=lambda change: change.status == PriceChangeStatus.PUBLISHED,
    audit_name="amend price change",
    title="Cancel it for another price or date?",
    description=(
        "It is cancelled now, and a new draft takes its place. To a lower or later price the notice that was"
        " given still counts; otherwise it begins anew."
    ),
    form=AmendForm,
    icon="edit_calendar",
    done="{} is drafted in its place.",
)
CANCEL = Action(
    name="cancel",
    label="Cancel this change",
    model=PriceChange,
    service=services.cancel_price_change,
    permission="pricing.cancel_pricechange",
    offered=lambda change: change.status == PriceChangeStatus.PUBLISHED,
    audit_name="cancel price change",
    title="Cancel this price change?",
    description=(
        "New customers get the old price again. Whoever signed up at the new price meanwhile keeps it until"
        " the next change takes effect."
    ),
    submit="Cancel the price change",
    form=reason_form(help_text="For the audit trail and your colleagues."),
    icon="undo",
    variant=ActionVariant.DANGER,
    done="{} is cancelled.",
)

# --- price moves: what a person decides about them


class DecisionForm(BaseDialogForm):
    deed = forms.ChoiceField(
        label="What is decided", choices=deciding.Deed.choices, widget=UnfoldAdminRadioSelectWidget
    )
    reason = forms.CharField(label="Why", widget=UnfoldAdminTextareaWidget)


def _decided(number: int) -> str:
    return f"{number} price move{'s' if number != 1 else ''} decided."


def _decision(name: str, deed: deciding.Deed, **words: Any) -> Action:
    return Action(
        name=name,
        model=PriceMove,
        service=partial(deciding.decide, deed=deed),
        permission="pricing.decide_pricemove",
        takes_many=True,
        audit_name="decide about price move",
        form=reason_form(label="Why", help_text="For the audit trail and your colleagues."),
        done=_decided,
        **{"offered": partial(deciding.fits, deed), **words},
    )


def _is_left(move: PriceMove) -> bool:
    return deciding.fits(deciding.Deed.NEVER_MOVE, move) and not move.to_undo


def _was_billed_wrong(move: PriceMove) -> bool:
    return deciding.fits(deciding.Deed.SETTLE, move) and move.verdict in ("under", "over")


MOVE_ANYWAY = _decision(
    "anyway",
    deciding.Deed.MOVE_ANYWAY,
    label="Move anyway",
    title="Move it anyway?",
    description=(
        "From the price Zoho was last seen at, to the new price, on its next renewal. Should it pay yet another"
        " price by then, it is a conflict again."
    ),
    icon="arrow_forward",
    variant=ActionVariant.PRIMARY,
)
NEVER_MOVE = _decision(
    "never",
    deciding.Deed.NEVER_MOVE,
    label="Never move",
    offered=_is_left,
    title="Leave it at its price?",
    description="This price change never moves it. What is scheduled in Zoho is dropped there.",
    icon="block",
)
TRY_AGAIN = _decision(
    "again",
    deciding.Deed.TRY_AGAIN,
    label="Try again",
    title="Try it again?",
    description="At once, from the price at publication.",
    icon="refresh",
)
KEEP = _decision(
    "keep",
    deciding.Deed.KEEP,
    label="Keep the price",
    title="Let them pay what they signed up at?",
    description="Until the next price change takes effect.",
    submit="Keep",
    icon="check",
)
CREDIT = _decision(
    "credit",
    deciding.Deed.CREDIT,
    title="Back to the old price?",
    description=(
        "It is moved back on its next renewal. Finance writes the credit note in Zoho Billing; its amount stands"
        " on this page."
    ),
    icon="undo",
)
SETTLE = _decision(
    "settle",
    deciding.Deed.SETTLE,
    offered=_was_billed_wrong,
    title="Was it put right another way?",
    description="Say how: credited, billed later, waived. The case is closed.",
    submit="Settled",
    icon="handshake",
)
DECIDE = Action(
    name="decide",
    model=PriceMove,
    service=deciding.decide,
    permission="pricing.decide_pricemove",
    takes_many=True,
    audit_name="decide about price move",
    title="Decide about price moves",
    description="One decision and one reason hold for all of them; nothing is done when it does not fit one.",
    form=DecisionForm,
    on_page=False,
    bulk_label="Decide about selected moves",
    done=_decided,
)
MOVE = (MOVE_ANYWAY, NEVER_MOVE, TRY_AGAIN, KEEP, CREDIT, SETTLE, DECIDE)

# --- subscriptions


class SinceForm(BaseDialogForm):
    since = forms.ChoiceField(label="On this package since", widget=UnfoldAdminRadioSelectWidget)
    reason = forms.CharField(
        label="How you know",
        help_text="For the audit trail and your colleagues.",
        widget=UnfoldAdminTextareaWidget,
    )

    def __init__(self, request: HttpRequest, object_id: Any = None, *args: Any, **kwargs: Any) -> None:
        super().__init__(request, object_id, *args, **kwargs)
        found = Subscription.objects.filter(pk=object_id).first() if object_id else None
        possible = package_since.readings_of(found, timezone.now()) if found else []
        self.fields["since"].choices = [
            (one.since.isoformat(), package_since.in_words(one)) for one in possible
        ]

    def clean_since(self) -> datetime:
        return datetime.fromisoformat(self.cleaned_data["since"])


def _is_open_since(subscription: Subscription) -> bool:
    return len(package_since.readings_of(subscription, timezone.now())) > 1


DECIDE_SINCE = Action(
    name="since",
    label="Decide since when",
    model=Subscription,
    service=package_since.decide_since,
    permission=package_since.RIGHT,
    offered=_is_open_since,
    audit_name="decide since when on package",
    title="Since when is it on this package?",
    description=(
        "It makes a difference to what the customer pays. It holds until they go to another package; held price"
        " moves go on from there."
    ),
    form=SinceForm,
    icon="event_available",
    variant=ActionVariant.PRIMARY,
    submit="Decide",
    done="{} is decided.",
)

# --- notices, and their stages


def _was_not_delivered(notice: PriceNotice) -> bool:
    return notice.state in UNDELIVERED


_HOW_OR_WHY = reason_form(label="How, or why", help_text="")

SETTLE_NOTICE = Action(
    name="settle",
    model=PriceNotice,
    service=notices.settle,
    permission=notices.RIGHT,
    offered=_was_not_delivered,
    audit_name="settle notice",
    title="The customer was told another way?",
    description="From then on the notice counts as given, and the price move does not wait for it.",
    form=_HOW_OR_WHY,
    icon="check",
    variant=ActionVariant.PRIMARY,
    done="Settled.",
)
SEND_NOTICE_AGAIN = Action(
    name="send_again",
    model=PriceNotice,
    service=notices.send_again,
    permission=notices.RIGHT,
    offered=_was_not_delivered,
    audit_name="send notice again",
    title="Send it again?",
    description="To the address that Zoho has now, as far as subscriptions were pulled.",
    form=_HOW_OR_WHY,
    icon="forward_to_inbox",
    bulk_label="Send selected notices again",
    bulk_fields={"reason": "Selected in the list."},
    done="It is sent within a minute.",
    bulk_done="are sent within a minute",
)
NOTICE = (SETTLE_NOTICE, SEND_NOTICE_AGAIN)

SEND_TEST = Action(
    name="test",
    label="Send a test to myself",
    model=NoticeStage,
    service=stages.send_test,
    permission=stages.RIGHT,
    title="Send a test to yourself?",
    description=(
        "As it was last saved, filled in for a customer of the latest price change. No customer gets it."
    ),
    submit="Send",
    icon="outgoing_mail",
    done="A test is on its way to {}.",
)
