"""The smoke test in the admin: a button for operators, and the result of each run."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe
from unfold.decorators import action, display
from unfold.forms import BaseDialogForm
from unfold.widgets import UnfoldAdminTextInputWidget

from circletel.core.admin.base import ReadOnlyAdmin, moved_to
from circletel.core.errors import Refused
from zoho_sync import smoke_test
from zoho_sync.models import SmokeTest

# A run takes seconds; the page looks again until it is over.
UNDER_WAY = (SmokeTest.Status.WAITING, SmokeTest.Status.RUNNING)


class SmokeTestForm(BaseDialogForm):
    sku = forms.CharField(
        label="SKU",
        required=False,
        help_text="A package on sale. Left empty: any that is in step with Zoho Billing.",
        widget=UnfoldAdminTextInputWidget(),
    )


RUN = {
    "title": "Run the smoke test?",
    "description": (
        "Subscribes a test customer in Zoho Billing, checks and pays the invoice, and removes all of it."
        " About sixteen calls. Production organisations are refused."
    ),
    "form_class": SmokeTestForm,
    "form_submit_text": "Run",
}


@admin.register(SmokeTest)
class SmokeTestAdmin(ReadOnlyAdmin):
    """Each run of the Billing smoke test, step by step."""

    list_display = ("created_at", "package", "shown_status", "shown_failure", "requested_by")
    list_filter = ("status", "created_at")
    list_select_related = ("package", "requested_by")
    list_per_page = 50
    actions_list = ("run_now",)
    fields = (
        ("package", "shown_status"),
        ("requested_by", "keep"),
        ("created_at", "finished_at"),
        "shown_steps",
        "shown_made",
    )

    @display(
        description="Result",
        ordering="status",
        label={"Passed": "success", "Failed": "danger", "Running": "info", "Waiting": "info"},
    )
    def shown_status(self, test: SmokeTest) -> str:
        return test.get_status_display()

    @display(description="First failure")
    def shown_failure(self, test: SmokeTest) -> str:
        failed = (step for step in test.steps if not step["passed"])
        return next((f"{step['name']}: {step['figures']}" for step in failed), "—")

    @display(description="Steps")
    def shown_steps(self, test: SmokeTest) -> SafeString:
        rows = (("✓" if step["passed"] else "✗", step["name"], step["figures"]) for step in test.steps)
        shown = format_html_join("", "<li>{} <b>{}</b> <span>{}</span></li>", rows)
        again = (
            mark_safe(' hx-get="" hx-trigger="every 2s" hx-select="#smoke-steps" hx-swap="outerHTML"')
            if test.status in UNDER_WAY
            else ""
        )
        return format_html(
            '<ol id="smoke-steps" class="break-words" aria-live="polite"{}>{}</ol>',
            again,
            shown or mark_safe("<li>Nothing yet: a worker takes it up.</li>"),
        )

    @display(description="Made in Zoho")
    def shown_made(self, test: SmokeTest) -> str:
        return ", ".join(f"{what} {id}" for what, id in test.made.items() if id) or "—"

    def has_run_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return request.user.has_perm(smoke_test.PERMISSION)

    @action(description="Run smoke test", permissions=["run"], icon="labs", url_path="run-now", dialog=RUN)
    def run_now(self, request: HttpRequest, form: SmokeTestForm) -> HttpResponse:
        page = reverse("admin:zoho_sync_smoketest_changelist")
        try:
            sku = form.cleaned_data["sku"]
            package = smoke_test.package_of_sku(sku) if sku else None
            test = smoke_test.request(package, actor=request.user)  # type: ignore[arg-type]
        except Refused as refusal:
            messages.error(request, str(refusal))
        else:
            page = reverse("admin:zoho_sync_smoketest_change", args=[test.pk])
            messages.success(request, "The smoke test begins; its steps appear below.")
        return moved_to(request, page)
