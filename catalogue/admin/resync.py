"""Re-sync CRM and Re-sync Billing: for a product or a package, in the list, on the page and for a selection."""

from collections.abc import Iterable
from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from unfold.admin import ModelAdmin
from unfold.decorators import action
from unfold.forms import BaseDialogForm
from unfold.widgets import UnfoldAdminTextareaWidget, UnfoldBooleanSwitchWidget

from catalogue.models import ServicePackage
from circletel.core.admin.base import moved_to
from circletel.core.errors import Refused
from zoho_sync.models import System
from zoho_sync.operating.resync import resync_package

NOT_PUBLISHED = "Nothing to send: it was never published."


class ResyncForm(BaseDialogForm):
    force = forms.BooleanField(
        label="Send everything, also what is in step",
        required=False,
        widget=UnfoldBooleanSwitchWidget,
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
            self.add_error("reason", "Say why everything is to be sent although it is in step.")
        return values


def _dialog(system: System) -> dict[str, Any]:
    return {
        "title": f"Send to {system.label} again?",
        "description": "Only what differs is sent, ahead of all background work.",
        "form_class": ResyncForm,
        "form_submit_text": "Send again",
    }


class ResyncDeeds(ModelAdmin):
    """Subclasses say which packages an object stands for and where its page is."""

    resync_actions = (
        "resync_crm_selected",
        "resync_billing_selected",
        "force_crm_selected",
        "force_billing_selected",
    )
    resync_one = ("resync_crm_one", "resync_billing_one")

    def packages_behind(self, ids: Iterable[Any]) -> QuerySet[ServicePackage]:
        raise NotImplementedError

    def has_resync_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return request.user.has_perm("zoho_sync.resync_productintegration")

    @action(
        description="Re-sync CRM",
        permissions=["resync"],
        icon="sync",
        url_path="resync-crm",
        dialog=_dialog(System.CRM),
    )
    def resync_crm_one(self, request: HttpRequest, form: ResyncForm, object_id: Any) -> HttpResponse:
        return self._resync_one(request, form, object_id, System.CRM)

    @action(
        description="Re-sync Billing",
        permissions=["resync"],
        icon="sync",
        url_path="resync-billing",
        dialog=_dialog(System.BILLING),
    )
    def resync_billing_one(self, request: HttpRequest, form: ResyncForm, object_id: Any) -> HttpResponse:
        return self._resync_one(request, form, object_id, System.BILLING)

    @action(description="Re-sync CRM: what differs", permissions=["resync"])
    def resync_crm_selected(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        self._resync(request, self.packages_behind(queryset.values("pk")), System.CRM)

    @action(description="Re-sync Billing: what differs", permissions=["resync"])
    def resync_billing_selected(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        self._resync(request, self.packages_behind(queryset.values("pk")), System.BILLING)

    @action(description="Re-sync CRM: everything, for a reason", permissions=["resync"])
    def force_crm_selected(self, request: HttpRequest, queryset: QuerySet[Any]) -> HttpResponse | None:
        return self._force_selected(request, queryset, System.CRM)

    @action(description="Re-sync Billing: everything, for a reason", permissions=["resync"])
    def force_billing_selected(self, request: HttpRequest, queryset: QuerySet[Any]) -> HttpResponse | None:
        return self._force_selected(request, queryset, System.BILLING)

    def _force_selected(
        self, request: HttpRequest, queryset: QuerySet[Any], system: System
    ) -> HttpResponse | None:
        """Asks for the reason on a page of its own; the list's address takes the answer."""
        packages = self.packages_behind(queryset.values("pk"))
        reason = request.POST.get("reason", "").strip()
        if reason:
            self._resync(request, packages, system, force=True, reason=reason)
            return None
        context = {
            **self.admin_site.each_context(request),
            "title": f"Send everything to {system.label} again?",
            "opts": self.opts,
            "number": packages.count(),
            "action": request.POST["action"],
            "select_across": request.POST.get("select_across", "0"),
            "selected": request.POST.getlist(ACTION_CHECKBOX_NAME),
            "reason_missing": "confirmed" in request.POST,
            "back": request.get_full_path(),
        }
        return render(request, "catalogue/resync_selected.html", context)

    def _resync_one(
        self, request: HttpRequest, form: ResyncForm, object_id: Any, system: System
    ) -> HttpResponse:
        packages = self.packages_behind([object_id])
        self._resync(request, packages, system, **form.cleaned_data)
        name = f"admin:{self.opts.app_label}_{self.opts.model_name}_change"
        return moved_to(request, reverse(name, args=[object_id]))

    def _resync(
        self,
        request: HttpRequest,
        packages: QuerySet[ServicePackage],
        system: System,
        *,
        force: bool = False,
        reason: str = "",
        **_: Any,
    ) -> None:
        number = 0
        ids = list(packages.order_by("name", "sku").values_list("pk", flat=True))
        try:
            for package_id in ids:
                wish = resync_package(
                    package_id,
                    system,
                    actor=request.user,  # type: ignore[arg-type]
                    force=force,
                    reason=reason,
                )
                number += len(wish.outcomes)
        except Refused as refusal:
            messages.error(request, str(refusal))
        if number:
            words = f"{number} record{'s' if number != 1 else ''} on the way to {system.label}."
            messages.success(request, words)
        else:
            messages.info(request, "Nothing to send: what you chose is in step." if ids else NOT_PUBLISHED)
