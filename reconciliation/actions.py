"""What people and programs can do about differences with Zoho, from top to bottom."""

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from functools import partial
from typing import Any

from django import forms
from django.contrib.auth.models import User
from django.utils import timezone
from unfold.enums import ActionVariant
from unfold.forms import BaseDialogForm
from unfold.widgets import (
    UnfoldAdminDateWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
)

from circletel.core.actions import Action
from reconciliation import planning, repair, services, whose
from reconciliation.models import (
    Deed,
    Finding,
    FindingState,
    ReconciliationReport,
    Repair,
    RepairState,
    Scope,
)

# --- findings: each deed is planned first, and written to Zoho when the plan is applied


def _fits(deed: Deed, finding: Finding) -> bool:
    return deed in planning.deeds_for(finding)


def _planned(name: str, deed: Deed, *, bulk_label: str, title: str, **more: Any) -> Action:
    return Action(
        name=name,
        model=Finding,
        service=partial(planning.plan, deed=deed),
        permission="reconciliation.repair_finding",
        offered=partial(_fits, deed),
        takes_many=True,
        title=title,
        description=(
            "First you see what would be written and how many calls it costs. Nothing is written yet."
        ),
        submit="Show the plan",
        bulk_label=bulk_label,
        **more,
    )


PUSH = _planned(
    "push",
    Deed.PUSH,
    label="Push ours",
    bulk_label="Push ours for selected findings",
    title="Write ours to Zoho?",
    icon="upload",
    variant=ActionVariant.PRIMARY,
)
ADOPT = _planned(
    "adopt",
    Deed.ADOPT,
    label="Adopt theirs",
    bulk_label="Adopt theirs for selected findings, as drafts",
    title="Take over what Zoho says, as a draft?",
    icon="download",
)
LINK = _planned(
    "link",
    Deed.LINK,
    bulk_label="Link selected findings to the records with our keys",
    title="Link to the record that has our key?",
    icon="link",
)
DEACTIVATE = _planned(
    "deactivate",
    Deed.DEACTIVATE,
    label="Deactivate in Zoho",
    bulk_label="Deactivate selected records in Zoho",
    title="Switch this record off in Zoho?",
    icon="toggle_off",
)


class IgnoreForm(BaseDialogForm):
    reason = forms.CharField(label="Why it may stay as it is", widget=UnfoldAdminTextareaWidget)
    until = forms.DateField(
        label="Until",
        widget=UnfoldAdminDateWidget,
        initial=lambda: timezone.localdate() + timedelta(days=30),
        help_text="From that day on it is reported again; at once when Zoho says something else.",
    )


def _ignore(keys: list[Any], *, actor: User, reason: str, until: date) -> tuple[int, date]:
    begins = timezone.make_aware(datetime.combine(until, time.min))
    return services.ignore(keys, actor=actor, reason=reason, until=begins), until


def _ignored(outcome: tuple[int, date]) -> str:
    number, until = outcome
    return f"{number} finding{'s' if number != 1 else ''} ignored until {until:%-d %b %Y}."


IGNORE = Action(
    name="ignore",
    model=Finding,
    service=_ignore,
    permission="reconciliation.repair_finding",
    offered=lambda finding: finding.state != FindingState.RESOLVED,
    takes_many=True,
    title="Ignore this finding?",
    description="It is left out of counts and messages until the day you choose.",
    form=IgnoreForm,
    icon="notifications_off",
    bulk_label="Ignore selected findings …",
    done=_ignored,
)


WHO = Action(
    name="who",
    label="Who did it?",
    model=Finding,
    service=whose.look_up,
    permission="reconciliation.repair_finding",
    offered=whose.can_be_asked,
    title="Ask Zoho CRM who did it?",
    description=(
        "Its history of the record is read, which is one call. Until then you see who touched the record last."
    ),
    submit="Ask",
    icon="person_search",
    done="It was {.changed_by}.",
)
FINDING = (PUSH, ADOPT, LINK, DEACTIVATE, IGNORE, WHO)

# --- repairs


APPLY = Action(
    name="apply",
    model=Repair,
    service=repair.request_apply,
    permission="reconciliation.repair_finding",
    offered=lambda planned: planned.state == RepairState.PLANNED,
    title="Apply this repair?",
    description="Zoho is looked at once more. When anything moved since the plan was made, nothing is written.",
    icon="build",
    variant=ActionVariant.PRIMARY,
    done="A worker applies it.",
)

# --- comparisons


class RunForm(BaseDialogForm):
    scope = forms.ChoiceField(label="Read", choices=Scope.choices, widget=UnfoldAdminSelectWidget)
    only = forms.CharField(
        label="Only these SKUs",
        required=False,
        widget=UnfoldAdminTextInputWidget,
        help_text="Separated by blanks. Empty means the whole catalogue.",
    )

    def clean_only(self) -> list[str]:
        return self.cleaned_data["only"].split()


def _run(*, actor: User, scope: str, only: Sequence[str]) -> ReconciliationReport:
    return services.request_run(Scope(scope), actor=actor, only=only)


RUN_NOW = Action(
    name="run_now",
    label="Compare now",
    model=ReconciliationReport,
    service=_run,
    permission="reconciliation.run_reconciliation",
    title="Compare the catalogue with Zoho now?",
    description=(
        "Reads Zoho's lists and writes nothing there. It takes one API call for 200 records of Billing and 2,000"
        " of CRM."
    ),
    submit="Compare",
    form=RunForm,
    icon="compare_arrows",
    variant=ActionVariant.PRIMARY,
)
