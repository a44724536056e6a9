"""What people and programs can do about Zoho, from top to bottom."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from operator import itemgetter
from typing import Any

from django import forms
from django.contrib.auth.models import User
from django.db.models import Model, QuerySet
from unfold.forms import BaseDialogForm
from unfold.widgets import UnfoldAdminTextareaWidget, UnfoldAdminTextInputWidget, UnfoldBooleanSwitchWidget

from catalogue.models import Product, ServicePackage
from circletel.core.actions import Action, reason_form
from circletel.core.errors import Refused
from circletel.core.models import Job
from zoho_sync import field_security, services, smoke_test
from zoho_sync.connection.errors import ZohoError
from zoho_sync.models import FieldSecurityCheck, ProductIntegration, System
from zoho_sync.operating import alerts
from zoho_sync.operating.models import Alert, AlertRule, AlertState, Resync
from zoho_sync.operating.resync import packages_of_products, resync_packages, synced_packages

# --- re-sync, of a product or of a package

WHY_EVERYTHING = "Say why everything is to be sent although it is in step."


class ResyncForm(BaseDialogForm):
    force = forms.BooleanField(
        label="Send everything, also what is in step", required=False, widget=UnfoldBooleanSwitchWidget
    )
    reason = forms.CharField(
        label="Reason",
        required=False,
        widget=UnfoldAdminTextareaWidget,
        help_text="Needed when everything is sent. It stands in the audit trail.",
    )

    def clean(self) -> dict[str, Any]:
        values: dict[str, Any] = super().clean() or self.cleaned_data
        if values.get("force") and not values.get("reason", "").strip():
            self.add_error("reason", WHY_EVERYTHING)
        return values


EverythingForm = reason_form(error_messages={"required": WHY_EVERYTHING})


def _on_the_way(wishes: list[Resync]) -> str:
    number = sum(len(wish.outcomes) for wish in wishes)
    return f"{number} record{'s' if number != 1 else ''} on the way to {System(wishes[0].system).label}."


def _nothing_to_send(wishes: list[Resync]) -> str:
    if not wishes:
        return "Nothing to send: it was never published."
    return "" if any(wish.outcomes for wish in wishes) else "Nothing to send: what you chose is in step."


def _resync(model: type[Model], packages_of: Callable[..., QuerySet[ServicePackage]]) -> tuple[Action, ...]:
    """For each system: what differs, or all where the dialog says so; and for a selection all, with a reason."""
    found: list[Action] = []
    for system in System:
        name = system.label.removeprefix("Zoho ")

        def resync(keys: list[Any], *, system: System = system, **options: Any) -> list[Resync]:
            return resync_packages(packages_of(keys), system, **options)

        differing = Action(
            name=f"resync_{system}",
            audit_name=f"re-sync {system}",
            label=f"Re-sync {name}",
            model=model,
            service=resync,
            permission="zoho_sync.resync_productintegration",
            offered=lambda record: packages_of([record.pk]).exists(),
            takes_many=True,
            title=f"Send to {system.label} again?",
            description="Only what differs is sent, ahead of all background work.",
            submit="Send again",
            form=ResyncForm,
            icon="sync",
            in_row=True,
            bulk_label=f"Re-sync {name}: what differs",
            bulk_fields={},
            done=_on_the_way,
            nothing_done=_nothing_to_send,
        )
        everything = replace(
            differing,
            name=f"force_{system}",
            audit_name=f"force re-sync {system}",
            service=partial(resync, force=True),
            title=f"Send everything to {system.label} again?",
            description="Everything is sent, also what is in step, ahead of all background work.",
            form=EverythingForm,
            on_page=False,
            in_row=False,
            bulk_label=f"Re-sync {name}: everything, for a reason",
            bulk_fields=None,
        )
        found += [differing, everything]
    return tuple(found)


RESYNC_PRODUCT = _resync(Product, packages_of_products)
RESYNC_CRM, _, RESYNC_BILLING, _ = RESYNC_PRODUCT
RESYNC_PACKAGE = _resync(ServicePackage, synced_packages)

# --- records


def _send_again(keys: list[Any], *, actor: User) -> int:
    return services.resync(ProductIntegration.objects.filter(pk__in=keys), actor=actor)


SEND_AGAIN = Action(
    name="send_again",
    model=ProductIntegration,
    service=_send_again,
    permission="zoho_sync.resync_productintegration",
    takes_many=True,
    title="Send again?",
    description="It is tried at once, however often it failed before. What is in step stays as it is.",
    icon="sync",
    bulk_label="Send selected records again",
    done=lambda number: f"{number} record{'s' if number != 1 else ''} will be sent again at once.",
    nothing_done=lambda number: "" if number else "Nothing to send: what you chose is in step.",
)

# --- alerts


class SnoozeForm(BaseDialogForm):
    hours = forms.IntegerField(
        label="Hours",
        min_value=1,
        max_value=720,
        initial=4,
        widget=UnfoldAdminTextInputWidget(attrs={"type": "number"}),
    )


def _lasts(alert: Alert) -> bool:
    return alert.state != AlertState.RESOLVED


ACKNOWLEDGE = Action(
    name="acknowledge",
    model=Alert,
    service=alerts.acknowledge,
    permission="zoho_sync.answer_alert",
    offered=_lasts,
    title="Take care of it?",
    description="Nothing more is told until it is over.",
    icon="check",
    done="Acknowledged.",
)
SNOOZE = Action(
    name="snooze",
    model=Alert,
    service=alerts.snooze,
    permission="zoho_sync.answer_alert",
    offered=_lasts,
    title="Tell nothing for a while?",
    description="Afterwards it is told again, if it still lasts.",
    form=SnoozeForm,
    icon="snooze",
    done="Snoozed.",
)
TEST_RULE = Action(
    name="test",
    label="Send a test",
    model=AlertRule,
    service=alerts.send_test,
    permission="zoho_sync.change_alertrule",
    title="Send a test over this channel?",
    description="It goes out at once, also in quiet hours.",
    icon="send",
    done="On its way: see the alert messages.",
)

# --- field security in CRM

Looked = tuple[FieldSecurityCheck, list[str]]


def _check(*, actor: User) -> Looked:
    return _answered(lambda: (field_security.check(actor=actor), []))


def _lock(*, actor: User) -> Looked:
    return _answered(lambda: field_security.lock(actor=actor))


def _answered(look: Callable[[], Looked]) -> Looked:
    """An error of Zoho's is told like any refusal."""
    try:
        return look()
    except ZohoError as error:
        raise Refused(str(error)) from error


def _is_locked(looked: Looked) -> bool:
    return looked[0].result == FieldSecurityCheck.Result.LOCKED


def _is_open(looked: Looked) -> list[str]:
    found = [] if _is_locked(looked) else [f"{looked[0]}."]
    return found + [f"Not locked: {complaint}" for complaint in looked[1]]


CHECK_NOW = Action(
    name="check_now",
    model=FieldSecurityCheck,
    service=_check,
    permission="zoho_sync.check_field_security",
    title="Ask Zoho CRM now?",
    description="Reads the permissions of our fields for every profile: four calls. Nothing is changed.",
    submit="Ask",
    icon="policy",
    done=lambda looked: f"{looked[0]}." if _is_locked(looked) else "",
    warnings=_is_open,
    next_page=itemgetter(0),
)
LOCK_FIELDS = replace(
    CHECK_NOW,
    name="lock_fields",
    label="Lock the fields",
    audit_name="lock fields",
    service=_lock,
    permission="zoho_sync.lock_zoho_fields",
    title="Lock the fields?",
    description=(
        "Every field that a profile other than the integration's may edit is set to read only for that profile in"
        " Zoho CRM, and looked at again. The check above lists them."
    ),
    submit="Lock",
    icon="lock",
)

# --- the smoke test of Billing


class SmokeTestForm(BaseDialogForm):
    sku = forms.CharField(
        label="SKU",
        required=False,
        help_text="A package on sale. Left empty: any that is in step with Zoho Billing.",
        widget=UnfoldAdminTextInputWidget(),
    )


def _smoke_test(*, actor: User, sku: str) -> Job:
    return smoke_test.request(smoke_test.package_of_sku(sku) if sku else None, actor=actor)


RUN_SMOKE_TEST = Action(
    name="smoke_test",
    label="Run smoke test",
    model=ProductIntegration,
    service=_smoke_test,
    permission=smoke_test.PERMISSION,
    audit_name="smoke test",
    title="Run the smoke test?",
    description=(
        "Subscribes a test customer in Zoho Billing, checks and pays the invoice, and removes all of it. About"
        " sixteen calls. Production organisations are refused."
    ),
    submit="Run",
    form=SmokeTestForm,
    icon="labs",
    done="The smoke test begins; its steps appear in the log below.",
)
