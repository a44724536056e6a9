"""Ignoring findings in the admin: one from its page, many from the list. Both ask for a reason and a day."""

from datetime import date, datetime, time, timedelta
from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.admin import helpers
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from unfold.admin import ModelAdmin
from unfold.decorators import action
from unfold.forms import BaseDialogForm
from unfold.widgets import UnfoldAdminDateWidget, UnfoldAdminTextareaWidget

from circletel.core.admin.base import moved_to
from circletel.core.errors import Refused
from reconciliation import services
from reconciliation.admin.shared import plural
from reconciliation.models import Finding

SHOWN = 20


class IgnoreForm(BaseDialogForm):
    reason = forms.CharField(label="Why it may stay as it is", widget=UnfoldAdminTextareaWidget)
    until = forms.DateField(
        label="Until",
        widget=UnfoldAdminDateWidget,
        initial=lambda: timezone.localdate() + timedelta(days=30),
        help_text="From that day on it is reported again; at once when Zoho says something else.",
    )


class IgnoreDeeds(ModelAdmin):
    """The two ways to ignore. What may be ignored, and by whom, says `services.ignore`."""

    @action(
        description="Ignore",
        permissions=["repair"],
        icon="notifications_off",
        url_path="ignore",
        dialog={
            "title": "Ignore this finding?",
            "description": "It is left out of counts and messages until the day you choose.",
            "form_class": IgnoreForm,
            "form_submit_text": "Ignore",
        },
    )
    def ignore_one(self, request: HttpRequest, form: IgnoreForm, object_id: Any) -> HttpResponse:
        self._ignore(request, Finding.objects.filter(pk=object_id), form)
        return moved_to(request, reverse("admin:reconciliation_finding_change", args=[object_id]))

    @action(description="Ignore selected findings …", permissions=["repair"])
    def ignore_selected(self, request: HttpRequest, queryset: QuerySet[Finding]) -> HttpResponse | None:
        """First a page that asks for the reason and the day, then the deed."""
        form = IgnoreForm(request, data=request.POST if "_form_submitted" in request.POST else None)
        if form.is_valid():
            self._ignore(request, queryset, form)
            return None
        chosen = queryset.unresolved()  # type: ignore[attr-defined]
        number = chosen.count()
        context = {
            **self.admin_site.each_context(request),
            "title": f"Ignore {plural(number, 'finding')}?",
            "form": form,
            "opts": self.opts,
            "findings": chosen[:SHOWN],
            "more": max(number - SHOWN, 0),
            "checkbox": helpers.ACTION_CHECKBOX_NAME,
            "ids": request.POST.getlist(helpers.ACTION_CHECKBOX_NAME),
            "across": request.POST.get("select_across", "0"),
        }
        return TemplateResponse(request, "admin/reconciliation/ignore.html", context)

    def _ignore(self, request: HttpRequest, findings: QuerySet[Finding], form: IgnoreForm) -> None:
        day: date = form.cleaned_data["until"]
        until = timezone.make_aware(datetime.combine(day, time.min))
        reason = form.cleaned_data["reason"]
        try:
            number = services.ignore(list(findings), actor=request.user, reason=reason, until=until)  # type: ignore[arg-type]
        except Refused as refusal:
            messages.error(request, f"{refusal}.")
        else:
            messages.success(request, f"{plural(number, 'finding')} ignored until {day:%-d %b %Y}.")
