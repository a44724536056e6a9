"""API tokens: one makes one's own, sees the secret once, and takes them back."""

from datetime import datetime, time, timedelta
from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.auth.models import Permission, User
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from unfold.decorators import display
from unfold.enums import ActionVariant
from unfold.widgets import (
    UnfoldAdminCheckboxSelectMultipleWidget,
    UnfoldAdminDateWidget,
    UnfoldAdminTextInputWidget,
)

from circletel.core import tokens
from circletel.core.actions import Action
from circletel.core.admin.actions import ActionsAdmin
from circletel.core.admin.base import ReadOnlyAdmin
from circletel.core.errors import Refused
from circletel.core.models import ApiToken

DEFAULT_DAYS = 90


def _may_revoke(person: User, token_id: Any) -> bool:
    """One's own, and those of others for whoever watches over them."""
    if person.has_perm("core.revoke_apitoken"):
        return True
    return token_id is not None and ApiToken.objects.filter(pk=token_id, owner=person.pk).exists()


REVOKE = Action(
    name="revoke",
    model=ApiToken,
    service=tokens.revoke,
    permission=_may_revoke,
    title="Revoke this token?",
    description="What uses it is locked out at once, for good.",
    icon="block",
    variant=ActionVariant.DANGER,
    done="{} is revoked.",
)


class ApiTokenForm(forms.Form):
    """What the token is for, what it may do, and until when. Offers what its owner may do."""

    name = forms.CharField(
        max_length=80,
        widget=UnfoldAdminTextInputWidget,
        help_text="What uses it, for example “Price import”.",
    )
    expires_on = forms.DateField(
        label="Usable until",
        widget=UnfoldAdminDateWidget,
        help_text=f"The last day, in South Africa; at most {tokens.LONGEST_DAYS - 1} days from now.",
    )
    scopes = forms.MultipleChoiceField(
        label="What it may do",
        widget=UnfoldAdminCheckboxSelectMultipleWidget,
        help_text="Of what you may do yourself. What is taken from you is taken from the token too.",
    )

    def __init__(self, owner: User, data: Any = None) -> None:
        super().__init__(data)
        held = set(tokens.grantable(owner))
        known = Permission.objects.select_related("content_type").order_by("content_type__app_label", "name")
        self.fields["scopes"].choices = [  # type: ignore[attr-defined]
            (name, f"{one.name} ({name})")
            for one in known
            if (name := f"{one.content_type.app_label}.{one.codename}") in held
        ]
        self.fields["expires_on"].initial = timezone.localdate() + timedelta(days=DEFAULT_DAYS)

    def clean_expires_on(self) -> datetime:
        """The end of that day."""
        day = self.cleaned_data["expires_on"] + timedelta(days=1)
        at = datetime.combine(day, time(), timezone.get_default_timezone())
        if not timezone.now() < at <= timezone.now() + timedelta(days=tokens.LONGEST_DAYS):
            raise forms.ValidationError(f"Choose a day within the next {tokens.LONGEST_DAYS - 1} days.")
        return at


@admin.register(ApiToken)
class ApiTokenAdmin(ActionsAdmin, ReadOnlyAdmin):
    """One's own; those of all for whoever watches over them. A token is never edited: revoke it and make another."""

    empty_words = (
        "A program that uses our REST interface gets a token of its own: add one, and keep "
        "what is shown then."
    )
    list_display = ("name", "owner", "prefix", "shown_state", "expires_at", "last_used_at")
    list_filter = ("owner",)
    list_select_related = ("owner",)
    search_fields = ("name", "prefix", "owner__username")
    fields = (
        ("name", "shown_state"),
        ("owner", "prefix"),
        ("created_at", "expires_at"),
        ("last_used_at", "revoked_at"),
        "shown_scopes",
    )
    object_actions = (REVOKE,)

    def get_queryset(self, request: HttpRequest) -> QuerySet[ApiToken]:
        if not self.has_view_permission(request):
            raise PermissionDenied  # Django would say that there is no such token
        found = super().get_queryset(request)
        return found if request.user.has_perm("core.view_apitoken") else found.filter(owner=request.user)

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return any(request.user.has_perm(f"core.{deed}_apitoken") for deed in ("view", "add"))

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.has_perm("core.add_apitoken")

    @display(description="State", label={"Usable": "success", "Revoked": "danger"})
    def shown_state(self, token: ApiToken) -> str:
        return token.state

    @display(description="What it may do")
    def shown_scopes(self, token: ApiToken) -> str:
        return ", ".join(token.scopes)

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        """Asks what the token is for. The page that follows is the only one that ever shows the secret."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        actor: Any = request.user
        form = ApiTokenForm(actor, request.POST or None)
        if form.is_valid():
            asked = form.cleaned_data
            try:
                made = tokens.create(
                    name=asked["name"], scopes=asked["scopes"], expires_at=asked["expires_on"], actor=actor
                )
            except Refused as refusal:
                form.add_error(None, list(refusal.reasons))
            else:
                response = self.page(request, "catalogue/new_token.html", "Your new API token", made=made)
                response["Cache-Control"] = "no-store"  # browsers keep no copy of it
                return response
        return self.page(request, "core/api_token_form.html", "Add API token", form=form)
