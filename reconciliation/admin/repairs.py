"""Repairs: the plan, a button to apply it, and what became of it."""

from django.contrib import admin
from django.utils.html import format_html_join
from django.utils.safestring import SafeString
from unfold.decorators import display

from circletel.core.admin.actions import ActionsAdmin
from circletel.core.admin.base import ReadOnlyAdmin, badge, section
from circletel.core.admin.jobs import INLINES
from circletel.core.admin.long_lists import LongList
from reconciliation.actions import APPLY
from reconciliation.admin.shared import BADGES, STYLE, OfJob, plural
from reconciliation.models import Repair
from reconciliation.repair import FIX


class RepairOfJob(OfJob):
    model = Repair


INLINES[FIX.name] = (RepairOfJob,)


@admin.register(Repair)
class RepairAdmin(LongList, ActionsAdmin, ReadOnlyAdmin):
    """What was going to be written, by whom, and whether it was."""

    empty_words = "Choose findings and what to do about them: the plan stands here before it is carried out."
    list_display = ("shown_deed", "shown_state", "requested_by", "requested_at", "applied_at")
    list_filter = ("state", "deed", "requested_at")
    list_select_related = ("requested_by",)
    object_actions = (APPLY,)
    fieldsets = (
        section(None, ("deed", "shown_state"), ("requested_by", "requested_at"), ("calls", "applied_at")),
        section("What will be written", "shown_steps", "outcome"),
    )

    class Media:
        css = STYLE

    @display(description="Repair", header=True)
    def shown_deed(self, repair: Repair) -> tuple[str, str]:
        return repair.get_deed_display(), plural(len(repair.steps), "step")

    shown_state = badge("state", colours=BADGES)

    @display(description="Steps")
    def shown_steps(self, repair: Repair) -> SafeString:
        return format_html_join(
            "", '<div class="rec-step" dir="auto">{}</div>', ((step,) for step in repair.steps)
        )
