"""Price moves: how each subscription follows a price change, and what people decide where it cannot."""

from typing import Any
from uuid import UUID

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.decorators import action, display
from unfold.enums import ActionVariant
from unfold.forms import BaseDialogForm
from unfold.widgets import UnfoldAdminRadioSelectWidget, UnfoldAdminTextareaWidget

from circletel.core.admin.base import ReadOnlyAdmin, moved_to, rand
from circletel.core.admin.long_lists import LongList
from circletel.core.errors import Refused
from pricing import deciding
from pricing.admin.amounts import signed_rand
from pricing.joiners import cost_of_return
from pricing.models import Hold, MoveState, PriceMove
from pricing.planning import OPEN

BADGES = {
    "Planned": "info",
    "Scheduled in Zoho": "info",
    "To be taken back": "warning",
    "Confirmed": "success",
    "Conflict": "danger",
    "Held for a person": "warning",
    "Failed": "danger",
    "Failed, will be tried again": "warning",
    "Not needed": "default",
}
VERDICTS = {"Right": "success", "Under-billed": "danger", "Over-billed": "danger", "Not known yet": "default"}
SESSION_KEY = "price_move_selection"


class ReasonForm(BaseDialogForm):
    reason = forms.CharField(
        label="Why",
        widget=UnfoldAdminTextareaWidget,
        help_text="For the audit trail and your colleagues.",
    )


class DecisionForm(forms.Form):
    deed = forms.ChoiceField(
        label="What is decided",
        choices=deciding.Deed.choices,
        widget=UnfoldAdminRadioSelectWidget,
    )
    reason = forms.CharField(label="Why", widget=UnfoldAdminTextareaWidget)


def _dialog(title: str, description: str, submit: str) -> dict[str, Any]:
    return {
        "title": title,
        "description": description,
        "form_class": ReasonForm,
        "form_submit_text": submit,
    }


@admin.register(PriceMove)
class PriceMoveAdmin(LongList, ReadOnlyAdmin):
    """One subscription's part in one price change."""

    empty_words = (
        "Publish a price change: each subscription it concerns gets a move, from the old "
        "price to the new one."
    )
    list_display = ("who", "listed_price", "shown_state", "renewal_on", "shown_verdict", "change")
    list_filter = ("state", "hold", "cohort", "verdict", "is_return", "renewal_on")
    search_fields = (
        "subscription__customer_name",
        "subscription__number",
        "subscription__subscription_id",
        "change__package__sku",
    )
    list_select_related = ("subscription", "change__package")
    actions = ("decide_selected",)
    actions_detail = ("anyway_one", "never_one", "again_one", "keep_one", "credit_one", "settle_one")
    fieldsets = (
        (None, {"fields": ("subscription", "change", ("shown_price", "cohort"), "shown_state", "why", "shown_cost")}),
        ("In Zoho", {"fields": (("renewal_on", "lands_on"), ("scheduled_at", "confirmed_at"), "seen_price",
                                ("attempts", "next_attempt_at"))}),
        ("Proof", {"fields": (("shown_verdict", "shown_wrong"), ("invoice_id", "invoiced_on", "invoiced_price"),
                              "proved_at", ("settled_at", "settled_how"))}),
        ("Decided", {"fields": (("decided_by", "decided_at"), "accepted_price")}),
    )  # fmt: skip

    def lookup_allowed(self, lookup: str, value: Any, request: HttpRequest) -> bool:
        return lookup in ("change__id__exact", "change") or super().lookup_allowed(lookup, value, request)

    @display(description="Customer", ordering="subscription__customer_name", header=True)
    def who(self, move: PriceMove) -> tuple[str, str]:
        return move.subscription.customer_name or move.subscription.customer_id, move.subscription.number

    @display(description="Price a month", ordering="expected_price", header=True)
    def listed_price(self, move: PriceMove) -> tuple[str, str]:
        return rand(move.expected_price), f"from {rand(move.price_then)}, {move.get_cohort_display().lower()}"

    @display(description="Price a month")
    def shown_price(self, move: PriceMove) -> str:
        return f"{rand(move.price_then)} → {rand(move.expected_price)}"

    @display(description="State", ordering="state", label=BADGES)
    def shown_state(self, move: PriceMove) -> str:
        if move.to_undo:
            return "To be taken back"
        if move.state == MoveState.FAILED and move.next_attempt_at:
            return "Failed, will be tried again"
        return move.get_state_display()

    @display(description="First invoice", ordering="verdict", label=VERDICTS)
    def shown_verdict(self, move: PriceMove) -> str:
        return move.get_verdict_display()

    @display(description="Billed wrong a month")
    def shown_wrong(self, move: PriceMove) -> str:
        return signed_rand(move.billed_wrong) if move.billed_wrong else "—"

    @display(description="What a credit costs")
    def shown_cost(self, move: PriceMove) -> SafeString | str:
        if not move.is_return:
            return "—"
        cost = cost_of_return(move, timezone.localdate())
        return format_html(
            "{} a month: {} to credit for {} month(s) billed, {} of income over {} month(s) left",
            rand(cost.monthly), rand(cost.credit), cost.months_billed, rand(cost.income_lost), cost.months_left,
        )  # fmt: skip

    # --- deeds

    def has_decide_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return request.user.has_perm("pricing.decide_pricemove")

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> Any:
        move = self.get_object(request, object_id)
        offered = _offered(move) if move else set()
        found = super().get_actions_detail(request, object_id)
        return [one for one in found if one.method.original_function_name in offered]

    @action(
        description="Move anyway",
        permissions=["decide"],
        icon="arrow_forward",
        url_path="anyway",
        variant=ActionVariant.PRIMARY,
        dialog=_dialog(
            "Move it anyway?",
            (
                "From the price Zoho was last seen at, to the new price, on its next"
                " renewal. Should it pay yet another price by then, it is a conflict again."
            ),
            "Move anyway",
        ),
    )
    def anyway_one(self, request: HttpRequest, form: ReasonForm, object_id: Any) -> HttpResponse:
        return self._one(request, "move_anyway", form, object_id)

    @action(
        description="Never move",
        permissions=["decide"],
        icon="block",
        url_path="never",
        dialog=_dialog(
            "Leave it at its price?",
            "This price change never moves it. What is scheduled in Zoho is dropped there.",
            "Never move",
        ),
    )
    def never_one(self, request: HttpRequest, form: ReasonForm, object_id: Any) -> HttpResponse:
        return self._one(request, "never_move", form, object_id)

    @action(
        description="Try again",
        permissions=["decide"],
        icon="refresh",
        url_path="again",
        dialog=_dialog("Try it again?", "At once, from the price at publication.", "Try again"),
    )
    def again_one(self, request: HttpRequest, form: ReasonForm, object_id: Any) -> HttpResponse:
        return self._one(request, "try_again", form, object_id)

    @action(
        description="Keep the price",
        permissions=["decide"],
        icon="check",
        url_path="keep",
        dialog=_dialog(
            "Let them pay what they signed up at?",
            "Until the next price change takes effect.",
            "Keep",
        ),
    )
    def keep_one(self, request: HttpRequest, form: ReasonForm, object_id: Any) -> HttpResponse:
        return self._one(request, "keep", form, object_id)

    @action(
        description="Credit",
        permissions=["decide"],
        icon="undo",
        url_path="credit",
        dialog=_dialog(
            "Back to the old price?",
            (
                "It is moved back on its next renewal. Finance writes the credit"
                " note in Zoho Billing; its amount stands on this page."
            ),
            "Credit",
        ),
    )
    def credit_one(self, request: HttpRequest, form: ReasonForm, object_id: Any) -> HttpResponse:
        return self._one(request, "credit", form, object_id)

    @action(
        description="Settle",
        permissions=["decide"],
        icon="handshake",
        url_path="settle",
        dialog=_dialog(
            "Was it put right another way?",
            "Say how: credited, billed later, waived. The case is closed.",
            "Settled",
        ),
    )
    def settle_one(self, request: HttpRequest, form: ReasonForm, object_id: Any) -> HttpResponse:
        return self._one(request, "settle", form, object_id)

    def _one(self, request: HttpRequest, deed: str, form: ReasonForm, move_id: Any) -> HttpResponse:
        _decide(request, deed, [move_id], form.cleaned_data["reason"])
        return moved_to(request, reverse("admin:pricing_pricemove_change", args=[move_id]))

    @action(description="Decide about selected moves", permissions=["decide"])
    def decide_selected(self, request: HttpRequest, queryset: QuerySet[PriceMove]) -> HttpResponse:
        request.session[SESSION_KEY] = [str(pk) for pk in queryset.values_list("pk", flat=True)]
        return HttpResponseRedirect(reverse("admin:pricing_pricemove_decide"))

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.decide_view)
        return [path("decide/", view, name="pricing_pricemove_decide"), *super().get_urls()]

    def decide_view(self, request: HttpRequest) -> HttpResponse:
        """One decision and one reason for all that were selected."""
        if not self.has_decide_permission(request):
            raise PermissionDenied
        ids = [UUID(pk) for pk in request.session.get(SESSION_KEY, [])]
        form = DecisionForm(request.POST or None)
        asked = form.cleaned_data if request.method == "POST" and form.is_valid() else None
        if asked and _decide(request, asked["deed"], ids, asked["reason"]):
            del request.session[SESSION_KEY]
            return HttpResponseRedirect(reverse("admin:pricing_pricemove_changelist"))
        moves = PriceMove.objects.filter(pk__in=ids).select_related("subscription", "change__package")
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": "Decide about price moves",
            "form": form,
            "moves": moves[:100],
            "number": len(ids),
        }
        return TemplateResponse(request, "pricing/decide.html", context)


def _offered(move: PriceMove) -> set[str]:
    if move.hold == Hold.KEEP_OR_CREDIT:
        return {"keep_one", "credit_one"}
    offered = {"never_one"} if move.state in OPEN and not move.to_undo else set()
    if move.state in (MoveState.HELD, MoveState.CONFLICT):
        offered.add("anyway_one")
    if move.state in (MoveState.FAILED, MoveState.CONFLICT):
        offered.add("again_one")
    if move.state == MoveState.CONFIRMED and move.verdict in ("under", "over") and not move.settled_at:
        offered.add("settle_one")
    return offered


def _decide(request: HttpRequest, deed: str, ids: list[Any], reason: str) -> bool:
    """Do it and say so; False when it was refused."""
    try:
        number = deciding.decide(deed, ids, actor=request.user, reason=reason)  # type: ignore[arg-type]
    except Refused as refusal:
        for told in refusal.reasons:
            messages.error(request, told)
        return False
    messages.success(request, f"{number} price move{'s' if number != 1 else ''} decided.")
    return True
