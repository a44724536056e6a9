"""The smoke test in the admin: a button for operators, and the result of each run."""

from django.contrib import admin
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe
from unfold.decorators import display

from circletel.core.admin.actions import ActionsAdmin
from circletel.core.admin.base import ReadOnlyAdmin, badge
from zoho_sync.actions import RUN_SMOKE_TEST
from zoho_sync.models import SmokeTest

# A run takes seconds; the page looks again until it is over.
UNDER_WAY = (SmokeTest.Status.WAITING, SmokeTest.Status.RUNNING)


@admin.register(SmokeTest)
class SmokeTestAdmin(ActionsAdmin, ReadOnlyAdmin):
    """Each run of the Billing smoke test, step by step."""

    list_display = ("created_at", "package", "shown_status", "shown_failure", "requested_by")
    list_filter = ("status", "created_at")
    list_select_related = ("package", "requested_by")
    list_per_page = 50
    list_actions = (RUN_SMOKE_TEST,)
    fields = (
        ("package", "shown_status"),
        ("requested_by", "keep"),
        ("created_at", "finished_at"),
        "shown_steps",
        "shown_made",
    )

    shown_status = badge(
        "status",
        "Result",
        colours={"Passed": "success", "Failed": "danger", "Running": "info", "Waiting": "info"},
    )

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
