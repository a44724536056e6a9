"""Actions in the admin: in the rows of a list, above it, for a selection, and on a record's page."""

from collections.abc import Callable, Sequence
from functools import partial
from types import MethodType
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin import helpers
from django.contrib.admin.utils import unquote
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from unfold.decorators import action as unfold_action
from unfold.forms import BaseDialogForm

from circletel.core.actions import Action, perform
from circletel.core.admin.base import ExtraPages, OwnTrail, moved_to
from circletel.core.errors import Refused

# What a person waits for. A larger selection becomes a job, where the action can be one.
MOST_AT_ONCE = 20
MOST_SHOWN = 20


class ActionsAdmin(OwnTrail, ExtraPages):
    """A page with the actions of its model.

    Each is a dialog that is posted: `object_actions` for a record, `list_actions` above the list. `object_actions`
    may name methods for unfold too, such as links, to put them in order.
    """

    object_actions: tuple[Action | str, ...] = ()
    list_actions: tuple[Action, ...] = ()
    actions: Any = ()
    actions_detail: Any = ()
    actions_row: Any = ()
    actions_list: Any = ()

    def __init__(self, model: type[Model], admin_site: admin.AdminSite) -> None:
        own = [one for one in self.object_actions if isinstance(one, Action)]
        for one, name in [
            *((one, f"{one.name}_one") for one in own),
            *((one, one.name) for one in self.list_actions),
        ]:
            setattr(self, name, MethodType(_dialog(one, name), self))
            setattr(self, f"has_{name}_permission", partial(_is_offered, one))
        shown = [one for one in self.object_actions if isinstance(one, str) or one.on_page]
        names = [one if isinstance(one, str) else f"{one.name}_one" for one in shown]
        self.actions_detail = (*self.actions_detail, *names)
        self.actions_row = (*self.actions_row, *(f"{one.name}_one" for one in own if one.in_row))
        self.actions_list = (*self.actions_list, *(one.name for one in self.list_actions))
        self.actions = (*self.actions, *(_for_selection(one) for one in own if one.bulk_label))
        super().__init__(model, admin_site)

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        """Those for a selection that this person may do."""
        actor: Any = request.user
        return {
            name: found
            for name, found in super().get_actions(request).items()
            if (one := getattr(found[0], "action", None)) is None or one.is_offered_to(actor)
        }

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list[Any]:
        """Those that fit the record."""
        record = self.get_object(request, object_id)
        return [
            shown
            for shown in super().get_actions_detail(request, object_id)
            if record is not None and self.is_offered(shown.method, record)
        ]

    def is_offered(self, method: Any, record: Any) -> bool:
        one = getattr(method, "action", None)
        return one is None or one.offered(record)

    def after_action(self, request: HttpRequest, one: Action, outcome: Any) -> None:
        """Called after an action on one record or on the list. For subclasses."""

    # --- one record, or the list as a whole

    def perform_one(
        self, request: HttpRequest, one: Action, form: BaseDialogForm, object_id: Any
    ) -> HttpResponse:
        key = None
        if object_id is not None:
            record = self.get_object(request, unquote(object_id))
            if record is None:
                messages.error(request, f"This {self.opts.verbose_name} does not exist any more.")
                return moved_to(request, self._list())
            key = record.pk
        try:
            outcome = perform(one, key, actor=request.user, **_fields(form))  # type: ignore[arg-type]
        except Refused as refusal:
            _show_refusal(request, refusal.reasons)
            return moved_to(request, self._list() if key is None else self._page(self.opts, key))
        _show_outcome(request, one, outcome)
        self.after_action(request, one, outcome)
        return moved_to(
            request,
            self._page_after(one, outcome) or (self._list() if key is None else self._page(self.opts, key)),
        )

    # --- a selection

    def perform_on_selection(
        self, request: HttpRequest, one: Action, records: QuerySet[Any]
    ) -> HttpResponse | None:
        form = None
        if one.has_fields and one.bulk_fields is None:
            form = one.form(request, data=request.POST if "_form_submitted" in request.POST else None)
            if not form.is_valid():
                return self._form_page(request, one, records, form)
        fields = _fields(form) if form else one.bulk_fields or {}
        keys = list(records.values_list("pk", flat=True))
        if one.bulk_job is not None and len(keys) > MOST_AT_ONCE:
            return self._planned(request, one, keys)
        if not one.takes_many:
            self._one_by_one(request, one, keys, fields)
            return None
        try:
            outcome = perform(one, keys, actor=request.user, **fields)  # type: ignore[arg-type]
        except Refused as refusal:
            if form is None:
                _show_refusal(request, refusal.reasons)
                return None
            form.add_error(None, list(refusal.reasons[:MOST_SHOWN]))
            return self._form_page(request, one, records, form)
        _show_outcome(request, one, outcome)
        page = self._page_after(one, outcome)
        return HttpResponseRedirect(page) if page else None

    def _form_page(
        self, request: HttpRequest, one: Action, records: QuerySet[Any], form: BaseDialogForm
    ) -> HttpResponse:
        """The page with the action's form, which comes back to the list's address."""
        number = records.count()
        return self.page(
            request,
            "core/action_on_selection.html",
            one.bulk_label.removesuffix(" …"),
            action=one,
            form=form,
            number=number,
            chosen=records[:MOST_SHOWN],
            more=max(number - MOST_SHOWN, 0),
            checkbox=helpers.ACTION_CHECKBOX_NAME,
            selected=request.POST.getlist(helpers.ACTION_CHECKBOX_NAME),
            across=request.POST.get("select_across", "0"),
            action_name=request.POST["action"],
            back=request.get_full_path(),
        )

    def _planned(self, request: HttpRequest, one: Action, keys: list[Any]) -> HttpResponse | None:
        assert one.bulk_job is not None
        try:
            job = one.bulk_job(one.audit_name, keys, actor=request.user)
        except Refused as refusal:
            _show_refusal(request, refusal.reasons)
            return None
        messages.info(request, "This is a plan: nothing is done before you start it.")
        return HttpResponseRedirect(self._page(job._meta, job.pk))

    def _one_by_one(self, request: HttpRequest, one: Action, keys: list[Any], fields: dict[str, Any]) -> None:
        """Each by itself: one that is refused never stops the others."""
        number, warnings, reasons = 0, list[str](), list[str]()
        for key in keys:
            try:
                outcome = perform(one, key, actor=request.user, **fields)  # type: ignore[arg-type]
            except Refused as refusal:
                reasons += refusal.reasons
            else:
                number += 1
                warnings += one.warnings(outcome)
        if number:
            messages.success(request, f"{number} {one.bulk_done}.")
        _show(request, messages.WARNING, warnings)
        _show_refusal(request, reasons)

    # --- the page that follows

    def _page_after(self, one: Action, outcome: Any) -> str | None:
        """None where it is the page of before."""
        if one.next_page is not None:
            outcome = one.next_page(outcome)
            if isinstance(outcome, str):
                return outcome
        if isinstance(outcome, Model) and self.admin_site.is_registered(type(outcome)):
            return self._page(outcome._meta, outcome.pk)
        return None

    def _page(self, opts: Any, key: Any) -> str:
        return reverse(f"admin:{opts.app_label}_{opts.model_name}_change", args=[key])

    def _list(self) -> str:
        return reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_changelist")


def _is_offered(one: Action, request: HttpRequest, object_id: Any = None) -> bool:
    return one.is_offered_to(request.user, object_id)  # type: ignore[arg-type]


def _dialog(one: Action, name: str) -> Callable[..., Any]:
    """The method that unfold shows as a button and as the dialog behind it."""

    def method(
        self: ActionsAdmin, request: HttpRequest, form: BaseDialogForm, object_id: Any = None
    ) -> HttpResponse:
        return self.perform_one(request, one, form, object_id)

    method.__name__ = name
    decorated: Any = unfold_action(
        description=one.label,
        permissions=[name],
        url_path=one.path,
        icon=one.icon,
        variant=one.variant,
        dialog=one.dialog,
    )(method)
    decorated.action = one
    return decorated


def _for_selection(one: Action) -> Callable[..., Any]:
    def method(self: ActionsAdmin, request: HttpRequest, records: QuerySet[Any]) -> HttpResponse | None:
        return self.perform_on_selection(request, one, records)

    method.__name__ = f"{one.name}_selected"
    decorated: Any = admin.action(description=one.bulk_label)(method)
    decorated.action = one
    return decorated


def _fields(form: BaseDialogForm) -> dict[str, Any]:
    return {name: value for name, value in form.cleaned_data.items() if name != "_form_submitted"}


def _show_outcome(request: HttpRequest, one: Action, outcome: Any) -> None:
    if one.nothing_done is not None and (text := one.nothing_done(outcome)):
        messages.info(request, text)
        return
    done = one.messages(outcome)
    _show(request, messages.SUCCESS, done)
    _show(request, messages.WARNING, [each for each in one.warnings(outcome) if f"{each}." not in done])


def _show_refusal(request: HttpRequest, reasons: Sequence[str]) -> None:
    _show(request, messages.ERROR, reasons, "; the audit trail has them all")


def _show(request: HttpRequest, level: int, texts: Sequence[str], where: str = "") -> None:
    for text in texts[:MOST_SHOWN]:
        messages.add_message(request, level, text)
    if len(texts) > MOST_SHOWN:
        messages.add_message(request, level, f"… and {len(texts) - MOST_SHOWN} more{where}.")
