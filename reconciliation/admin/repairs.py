"""Repairs: the plan, a button to apply it, and what became of it."""

from typing import Any

from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.html import format_html_join
from django.utils.safestring import SafeString
from unfold.decorators import action, display
from unfold.enums import ActionVariant
from unfold.forms import BaseDialogForm

from circletel.core.admin.base import ReadOnlyAdmin, moved_to
from circletel.core.admin.long_lists import LongList
from circletel.core.errors import Refused
from reconciliation.admin.shared import BADGES, STYLE, plural
from reconciliation.models import Repair, RepairState
from reconciliation.repair import apply


@admin.register(Repair)
class RepairAdmin(LongList, ReadOnlyAdmin):
    """What was going to be written, by whom, and whether it was."""

    empty_words = "Choose findings and what to do about them: the plan stands here before it is carried out."
    list_display = ("shown_deed", "shown_state", "requested_by", "requested_at", "applied_at")
    list_filter = ("state", "deed", "requested_at")
    list_select_related = ("requested_by",)
    actions_detail = ("apply_one",)
    fieldsets = (
        (
            None,
            {"fields": (("deed", "shown_state"), ("requested_by", "requested_at"), ("calls", "applied_at"))},
        ),
        ("What will be written", {"fields": ("shown_steps", "outcome")}),
    )

    class Media:
        css = STYLE

    @display(description="Repair", header=True)
    def shown_deed(self, repair: Repair) -> tuple[str, str]:
        return repair.get_deed_display(), plural(len(repair.steps), "step")

    @display(description="State", ordering="state", label=BADGES)
    def shown_state(self, repair: Repair) -> str:
        return repair.get_state_display()

    @display(description="Steps")
    def shown_steps(self, repair: Repair) -> SafeString:
        return format_html_join(
            "", '<div class="rec-step" dir="auto">{}</div>', ((step,) for step in repair.steps)
        )

    def has_repair_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return request.user.has_perm("reconciliation.repair_finding")

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> Any:
        repair = self.get_object(request, object_id)
        if repair is None or repair.state != RepairState.PLANNED:
            return []
        return super().get_actions_detail(request, object_id)

    @action(
        description="Apply",
        permissions=["repair"],
        icon="build",
        url_path="apply",
        variant=ActionVariant.PRIMARY,
        dialog={
            "title": "Apply this repair?",
            "description": "Zoho is looked at once more. When anything moved since the plan was made, nothing is written.",
            "form_class": BaseDialogForm,
            "form_submit_text": "Apply",
        },
    )
    def apply_one(self, request: HttpRequest, form: BaseDialogForm, object_id: Any) -> HttpResponse:
        repair = get_object_or_404(Repair, pk=object_id)
        try:
            apply(repair, actor=request.user, sleep=_no_patience)  # type: ignore[arg-type]
        except Refused as refusal:
            messages.error(request, f"{str(refusal).rstrip('.')}.")
        else:
            messages.success(
                request, "Done. What is owed to Zoho goes out now; the next comparison closes the findings."
            )
        return moved_to(request, reverse("admin:reconciliation_repair_change", args=[repair.pk]))


def _no_patience(_seconds: float) -> None:
    """A person waits for the page: tries follow each other at once."""
