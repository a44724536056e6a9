"""Findings: what differs, side by side, and what can be done about it; and repairs: what was planned and became of it."""

import json
from collections.abc import Iterable
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from unfold.decorators import display

from circletel.core.admin.actions import ActionsAdmin
from circletel.core.admin.base import ReadOnlyAdmin, badge, link, section
from circletel.core.admin.jobs import INLINES
from circletel.core.admin.long_lists import LongList
from circletel.core.amounts import rand
from reconciliation.actions import APPLY, FINDING
from reconciliation.admin.reports import STYLE, OfJob
from reconciliation.findings import said
from reconciliation.models import Finding, FindingState, Repair
from reconciliation.repair import FIX

FINDING_BADGES = {"New": "danger", "Still open": "warning", "Resolved": "success", "Ignored": "default"}
REPAIR_BADGES = {"Planned": "info", "Applied": "success", "Refused": "danger"}


class OpenFilter(admin.SimpleListFilter):
    """Open findings unless something else is asked for."""

    title, parameter_name = "state", "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, str]]:
        return [("all", "All"), *((value, str(words)) for value, words in FindingState.choices)]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Finding]) -> QuerySet[Finding]:
        if self.value() == "all":
            return queryset
        if self.value() in FindingState.values:
            return queryset.filter(state=self.value())
        return queryset.filter(state__in=(FindingState.NEW, FindingState.STILL))


@admin.register(Finding)
class FindingAdmin(LongList, ActionsAdmin, ReadOnlyAdmin):
    """What differs now, the newest first."""

    empty_words = "Nothing differs, as far as the last comparison saw. Under Comparisons you start another."
    list_display = (
        "shown_record",
        "shown_type",
        "listed_ours",
        "listed_theirs",
        "stake",
        "who",
        "shown_state",
    )
    list_filter = (OpenFilter, "system", "type", "kind", "field", "changed_by")
    search_fields = ("key", "remote_id", "remote_name", "package__name", "package__sku")
    list_select_related = ("package",)
    object_actions = FINDING
    fieldsets = (
        section(
            None,
            ("kind", "key"),
            ("shown_type", "field"),
            ("shown_ours", "shown_theirs"),
            ("stake", "shown_state"),
        ),
        section("In Zoho", ("remote_id", "remote_name"), ("changed_by", "since")),
        section(
            "How long",
            ("first_seen_at", "last_seen_at"),
            ("times_seen", "resolved_at"),
            "shown_package",
            "repairs_",
        ),
        section("Ignored", "ignore_reason", ("ignored_until", "ignored_by")),
    )

    class Media:
        css = STYLE

    @display(description="Record", ordering="key", header=True)
    def shown_record(self, finding: Finding) -> tuple[str, str]:
        return finding.key, f"{finding.get_kind_display()}{f' · {finding.field}' if finding.field else ''}"

    @display(description="What", ordering="type")
    def shown_type(self, finding: Finding) -> str:
        return finding.get_type_display()

    @display(description="Ours")
    def listed_ours(self, finding: Finding) -> SafeString | str:
        return line(finding.ours) if finding.field else "—"

    @display(description="Zoho's")
    def listed_theirs(self, finding: Finding) -> SafeString | str:
        return line(finding.theirs) if finding.field else finding.remote_name or "—"

    @display(description="At stake", ordering="at_stake")
    def stake(self, finding: Finding) -> str:
        return "—" if finding.at_stake is None else f"{rand(finding.at_stake)} a month"

    @display(description="Ours")
    def shown_ours(self, finding: Finding) -> SafeString | str:
        return value(finding.ours) if finding.field else "—"

    @display(description="Zoho's")
    def shown_theirs(self, finding: Finding) -> SafeString | str:
        return value(finding.theirs) if finding.field else finding.remote_name or "—"

    @display(description="Changed by", ordering="since", header=True)
    def who(self, finding: Finding) -> tuple[str, str]:
        since = f"{timezone.localtime(finding.since):%-d %b %Y, %H:%M}" if finding.since else ""
        return finding.changed_by or "—", since

    shown_state = badge("state", colours=FINDING_BADGES)

    shown_package = link("package")

    @display(description="Repairs")
    def repairs_(self, finding: Finding) -> str:
        return (
            "; ".join(
                f"{each.get_deed_display()}, {each.get_state_display().lower()}"
                for each in finding.repairs.all()
            )
            or "—"
        )


def value(stands: Any) -> SafeString:
    """A value of ours or of Zoho's in full, line ends and all."""
    if stands is None or stands == "":
        return format_html('<span class="rec-none">{}</span>', "nothing")
    text = json.dumps(stands, ensure_ascii=False) if isinstance(stands, dict | list | bool) else str(stands)
    return format_html('<span class="rec-value" dir="auto">{}</span>', text)


def line(stands: Any) -> SafeString:
    """The same in a list: one line, cut where it is long."""
    kind = "rec-none" if stands is None or stands == "" else "rec-value"
    return format_html('<span class="{}" dir="auto">{}</span>', kind, said(stands, 48))


# --- repairs


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
        number = len(repair.steps)
        return repair.get_deed_display(), f"{number} step{'s' if number != 1 else ''}"

    shown_state = badge("state", colours=REPAIR_BADGES)

    @display(description="Steps")
    def shown_steps(self, repair: Repair) -> SafeString:
        return format_html_join(
            "", '<div class="rec-step" dir="auto">{}</div>', ((step,) for step in repair.steps)
        )
