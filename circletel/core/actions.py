"""Actions: what can be done with a record, each declared once for the admin, REST and the audit trail.

The apps declare theirs in `<app>/actions.py`. `perform` runs one, `circletel.core.admin.actions` shows them,
`circletel.core.rest.staff` offers them over REST.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from django import forms
from django.contrib.auth.models import User
from django.db.models import Model
from unfold.dataclasses import ActionDialog
from unfold.enums import ActionVariant
from unfold.forms import BaseDialogForm
from unfold.widgets import UnfoldAdminTextareaWidget

from circletel.core import audit
from circletel.core.errors import Refused

# A text with a place for what the service returned, or a function of that which gives one or several.
Message = str | Callable[[Any], str | list[str]]


def reason_form(**field: Any) -> type[BaseDialogForm]:
    """A dialog that asks for a reason; `field` says how, as for a form field."""
    options = {"label": "Reason", "help_text": "It stands in the audit trail.", **field}
    reason = forms.CharField(widget=UnfoldAdminTextareaWidget, **options)
    return type("ReasonForm", (BaseDialogForm,), {"reason": reason})


ReasonForm = reason_form()


def always(_record: Any) -> bool:
    return True


def no_warnings(_outcome: Any) -> tuple[str, ...]:
    return ()


@dataclass(frozen=True, kw_only=True)
class Action:
    """What can be done with a record of `model`, or with the model's list where `service` takes no key.

    `name` is that of its addresses, with dashes for underscores: `end_of_sale` is posted to `…/end-of-sale/`.
    """

    name: str
    model: type[Model]
    service: Callable[..., Any]
    """`service(key, actor=…, **fields of the form)`. Checks the permission, does it in a transaction, audits it."""
    permission: str | Callable[[User, Any], bool]
    """Who is offered it: "app.codename", or a function of the person and the key (None for a list)."""
    offered: Callable[[Any], bool] = always
    """Whether the record's page shows it. Whoever posts it all the same is refused by the service."""
    label: str = ""
    """On its button; the name by default."""
    takes_many: bool = False
    """The service takes a list of keys and does all of them or none."""
    audit_name: str = ""
    """The action of a refusal in the audit trail; the name by default."""

    # The dialog
    title: str
    description: str = ""
    submit: str = ""
    """The dialog's button; the label by default."""
    form: type[BaseDialogForm] = BaseDialogForm
    """Its cleaned data are the fields of the service."""
    icon: str | None = None
    variant: ActionVariant = ActionVariant.DEFAULT

    # Where the admin offers it
    on_page: bool = True
    in_row: bool = False
    bulk_label: str = ""
    """In the list, for the selected rows. Not shown there where it is empty."""
    bulk_fields: dict[str, Any] | None = None
    """Fields for a selection; None asks for them with the form, on a page of its own."""
    bulk_job: Callable[..., Model] | None = None
    """Plans a job for more than `MOST_AT_ONCE` records: `bulk_job(audit name, keys, actor=…)`."""

    # The messages afterwards
    done: Message = ""
    bulk_done: str = "done"
    """After the number of records that were done one by one."""
    nothing_done: Callable[[Any], str] | None = None
    """The message instead where the outcome is that there was nothing to do; empty otherwise."""
    warnings: Callable[[Any], Iterable[str]] = no_warnings
    next_page: Callable[[Any], Model | str] | None = None
    """The record whose page follows, or an address. By default the outcome, where that is a record."""

    def __post_init__(self) -> None:
        words = self.name.replace("_", " ")
        label = self.label or words.capitalize()
        for field, default in (("label", label), ("submit", label), ("audit_name", words)):
            object.__setattr__(self, field, getattr(self, field) or default)

    @property
    def path(self) -> str:
        return self.name.replace("_", "-")

    @property
    def dialog(self) -> ActionDialog:
        """As unfold takes it."""
        return {
            "title": self.title,
            "description": self.description,
            "form_class": self.form,
            "form_submit_text": self.submit,
        }

    def is_offered_to(self, person: User, key: Any = None) -> bool:
        if isinstance(self.permission, str):
            return person.has_perm(self.permission)
        return self.permission(person, key)

    def messages(self, outcome: Any) -> list[str]:
        text = self.done.format(outcome) if isinstance(self.done, str) else self.done(outcome)
        return text if isinstance(text, list) else [text] if text else []

    @property
    def has_fields(self) -> bool:
        """Whether its form asks for anything."""
        return self.form is not BaseDialogForm


def perform(action: Action, key: Any, *, actor: User, **fields: Any) -> Any:
    """What the action's service returns. `key` is that of one record, a list of keys, or None for a list's action.

    Raises Refused once it is in the audit trail, and what else the service raises.
    """
    first = next(iter(key), None) if isinstance(key, list) else key
    with refusal_recorded(action.audit_name, action.model, first, actor=actor):
        if key is None:
            return action.service(actor=actor, **fields)
        keys_or_key = [key] if action.takes_many and not isinstance(key, list) else key
        return action.service(keys_or_key, actor=actor, **fields)


@contextmanager
def refusal_recorded(name: str, model: type[Model], key: Any, *, actor: User) -> Iterator[None]:
    """Writes a refusal inside it into the audit trail, when the transaction of what was refused has been undone.

    Its target is the record, or the person where there is none.
    """
    try:
        yield
    except Refused as refusal:
        audit.record_refusal(
            name, model if key is not None else User, key or actor.pk, actor=actor, refusal=refusal
        )
        raise
