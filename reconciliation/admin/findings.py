"""Findings: what differs, side by side, and what can be done about it."""

from collections.abc import Iterable
from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.decorators import action, display
from unfold.enums import ActionVariant
from unfold.forms import BaseDialogForm

from circletel.core.admin.base import ReadOnlyAdmin, moved_to, rand
from circletel.core.admin.long_lists import LongList
from circletel.core.errors import Refused
from reconciliation.admin.ignoring import IgnoreDeeds
from reconciliation.admin.shared import BADGES, STYLE, line, plural, value
from reconciliation.models import Deed, Finding, FindingState
from reconciliation.planning import deeds_for, plan
from reconciliation.whose import can_be_asked, look_up

DEEDS = {
    "push_one": Deed.PUSH,
    "adopt_one": Deed.ADOPT,
    "link_one": Deed.LINK,
    "deactivate_one": Deed.DEACTIVATE,
}


def _dialog(title: str) -> dict[str, Any]:
    return {
        "title": title,
        "description": "First you see what would be written and how many calls it costs. Nothing is written yet.",
        "form_class": BaseDialogForm,
        "form_submit_text": "Show the plan",
    }


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
class FindingAdmin(LongList, IgnoreDeeds, ReadOnlyAdmin):
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
    actions = ("push_selected", "adopt_selected", "link_selected", "deactivate_selected", "ignore_selected")
    actions_detail = ("push_one", "adopt_one", "link_one", "deactivate_one", "ignore_one", "who_one")
    fieldsets = (
        (
            None,
            {
                "fields": (
                    ("kind", "key"),
                    ("shown_type", "field"),
                    ("shown_ours", "shown_theirs"),
                    ("stake", "shown_state"),
                )
            },
        ),
        ("In Zoho", {"fields": (("remote_id", "remote_name"), ("changed_by", "since"))}),
        (
            "How long",
            {
                "fields": (
                    ("first_seen_at", "last_seen_at"),
                    ("times_seen", "resolved_at"),
                    "shown_package",
                    "repairs_",
                )
            },
        ),
        ("Ignored", {"fields": ("ignore_reason", ("ignored_until", "ignored_by"))}),
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

    @display(description="State", ordering="state", label=BADGES)
    def shown_state(self, finding: Finding) -> str:
        return finding.get_state_display()

    @display(description="Package")
    def shown_package(self, finding: Finding) -> SafeString | str:
        if finding.package is None:
            return "—"
        url = reverse("admin:catalogue_servicepackage_change", args=[finding.package_id])
        return format_html('<a href="{}">{}</a>', url, finding.package)

    @display(description="Repairs")
    def repairs_(self, finding: Finding) -> str:
        return (
            "; ".join(
                f"{each.get_deed_display()}, {each.get_state_display().lower()}"
                for each in finding.repairs.all()
            )
            or "—"
        )

    # --- deeds

    def has_repair_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return request.user.has_perm("reconciliation.repair_finding")

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> Any:
        """Only what fits this finding."""
        finding = self.get_object(request, object_id)
        fitting = set(deeds_for(finding)) if finding else set()
        offered = {name for name, deed in DEEDS.items() if deed in fitting}
        if finding and finding.state != FindingState.RESOLVED:
            offered.add("ignore_one")
        if finding and can_be_asked(finding):
            offered.add("who_one")
        return [
            one
            for one in super().get_actions_detail(request, object_id)
            if one.method.original_function_name in offered
        ]

    @action(
        description="Push ours",
        permissions=["repair"],
        icon="upload",
        url_path="push",
        variant=ActionVariant.PRIMARY,
        dialog=_dialog("Write ours to Zoho?"),
    )
    def push_one(self, request: HttpRequest, form: BaseDialogForm, object_id: Any) -> HttpResponse:
        return self._plan_one(request, object_id, Deed.PUSH)

    @action(
        description="Adopt theirs",
        permissions=["repair"],
        icon="download",
        url_path="adopt",
        dialog=_dialog("Take over what Zoho says, as a draft?"),
    )
    def adopt_one(self, request: HttpRequest, form: BaseDialogForm, object_id: Any) -> HttpResponse:
        return self._plan_one(request, object_id, Deed.ADOPT)

    @action(
        description="Link",
        permissions=["repair"],
        icon="link",
        url_path="link",
        dialog=_dialog("Link to the record that has our key?"),
    )
    def link_one(self, request: HttpRequest, form: BaseDialogForm, object_id: Any) -> HttpResponse:
        return self._plan_one(request, object_id, Deed.LINK)

    @action(
        description="Deactivate in Zoho",
        permissions=["repair"],
        icon="toggle_off",
        url_path="deactivate",
        dialog=_dialog("Switch this record off in Zoho?"),
    )
    def deactivate_one(self, request: HttpRequest, form: BaseDialogForm, object_id: Any) -> HttpResponse:
        return self._plan_one(request, object_id, Deed.DEACTIVATE)

    @action(
        description="Who did it?",
        permissions=["repair"],
        icon="person_search",
        url_path="who",
        dialog={
            "title": "Ask Zoho CRM who did it?",
            "description": "Its history of the record is read, which is one call. Until then you see who touched the record last.",
            "form_class": BaseDialogForm,
            "form_submit_text": "Ask",
        },
    )
    def who_one(self, request: HttpRequest, form: BaseDialogForm, object_id: Any) -> HttpResponse:
        page = reverse("admin:reconciliation_finding_change", args=[object_id])
        try:
            found = look_up(Finding.objects.get(pk=object_id), actor=request.user)  # type: ignore[arg-type]
        except Refused as refusal:
            messages.error(request, f"{refusal}.")
        else:
            messages.success(request, f"It was {found.changed_by}.")
        return moved_to(request, page)

    @action(description="Push ours for selected findings", permissions=["repair"])
    def push_selected(self, request: HttpRequest, queryset: QuerySet[Finding]) -> HttpResponse | None:
        return self._plan_selected(request, queryset, Deed.PUSH)

    @action(description="Adopt theirs for selected findings, as drafts", permissions=["repair"])
    def adopt_selected(self, request: HttpRequest, queryset: QuerySet[Finding]) -> HttpResponse | None:
        return self._plan_selected(request, queryset, Deed.ADOPT)

    @action(description="Link selected findings to the records with our keys", permissions=["repair"])
    def link_selected(self, request: HttpRequest, queryset: QuerySet[Finding]) -> HttpResponse | None:
        return self._plan_selected(request, queryset, Deed.LINK)

    @action(description="Deactivate selected records in Zoho", permissions=["repair"])
    def deactivate_selected(self, request: HttpRequest, queryset: QuerySet[Finding]) -> HttpResponse | None:
        return self._plan_selected(request, queryset, Deed.DEACTIVATE)

    def _plan_one(self, request: HttpRequest, object_id: Any, deed: Deed) -> HttpResponse:
        page = reverse("admin:reconciliation_finding_change", args=[object_id])
        return moved_to(request, self._planned(request, Finding.objects.filter(pk=object_id), deed) or page)

    def _plan_selected(
        self, request: HttpRequest, queryset: QuerySet[Finding], deed: Deed
    ) -> HttpResponse | None:
        page = self._planned(request, queryset, deed)
        return HttpResponseRedirect(page) if page else None

    def _planned(self, request: HttpRequest, findings: QuerySet[Finding], deed: Deed) -> str | None:
        """The page of the plan, or None when it was refused, which is said."""
        try:
            repair = plan(findings, deed, actor=request.user)  # type: ignore[arg-type]
        except Refused as refusal:
            for reason in refusal.reasons[:20]:
                messages.error(request, f"{reason}.")
            if len(refusal.reasons) > 20:
                messages.error(request, f"… and {plural(len(refusal.reasons) - 20, 'more reason')}.")
            return None
        return reverse("admin:reconciliation_repair_change", args=[repair.pk])
