"""The home page's look ahead: open price changes with days to go, and what the last comparison with Zoho found."""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.db.models import Count, F, QuerySet, Window
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode

from circletel.core.amounts import rand
from pricing.models import PriceChange, PriceChangeStatus
from reconciliation.models import Finding, FindingState, ReconciliationReport, ReportState, Scope

MOST_CHANGES = 8
TONES = {ReportState.ALARM: "trouble", ReportState.INCOMPLETE: "attention", ReportState.COMPLETE: "good"}


@dataclass(frozen=True)
class OpenChange:
    """A price change that is neither done nor given up. `when` says how far away its day is."""

    package: str
    move: str
    when: str
    tone: str
    url: str


@dataclass(frozen=True)
class Comparison:
    """The last comparison of the catalogue with Zoho. `tone` colours what `state` says already."""

    scope: str
    state: str
    tone: str
    at: datetime
    trouble: str
    url: str


def lists_for(may: Any) -> dict[str, QuerySet[Any, Any]]:
    """What this person may see of it, to be read in one round trip with the rest of the page."""
    found: dict[str, QuerySet[Any, Any]] = {}
    if may("pricing.view_pricechange"):
        found["changes"] = (
            PriceChange.objects.open()
            .annotate(number=Window(Count("pk")))
            # Those with a day first, the nearest before the others; then drafts.
            .order_by("-status", F("effective_date").asc(nulls_last=True), "created_at")
            .values(
                "id", "old_price", "new_price", "status", "effective_date", "problem", "number",
                name=F("package__name"),
            )[:MOST_CHANGES]
        )  # fmt: skip
    if may("reconciliation.view_reconciliationreport"):
        # Those of each hour would hide the one of the night.
        reports = ReconciliationReport.objects.exclude(scope=Scope.CRM, job__requested_by=None)
        found["comparison"] = reports.order_by("-started_at").values(
            "id", "scope", "state", "started_at", "finished_at", "trouble"
        )[:1]
    if may("reconciliation.view_finding"):
        found["findings"] = Finding.objects.open().order_by().values("state").annotate(number=Count("pk"))
    return found


def outlook(read: dict[str, list[dict[str, Any]]]) -> dict[str, Any]:
    """The parts of the page made of what `lists_for` read."""
    parts: dict[str, Any] = {}
    if "changes" in read:
        parts["changes"] = [_change(one) for one in read["changes"]]
        parts["changes_number"] = read["changes"][0]["number"] if read["changes"] else 0
        still_open = urlencode({"status__in": f"{PriceChangeStatus.DRAFT},{PriceChangeStatus.PUBLISHED}"})
        parts["changes_url"] = f"{reverse('admin:pricing_pricechange_changelist')}?{still_open}"
    if "comparison" in read:
        parts["comparison"] = next(map(_comparison, read["comparison"]), None)
        parts["comparisons_url"] = reverse("admin:reconciliation_reconciliationreport_changelist")
    if "findings" in read:
        numbers = {one["state"]: one["number"] for one in read["findings"]}
        parts["findings_number"] = sum(numbers.values())
        parts["findings_new"] = numbers.get(FindingState.NEW, 0)
        parts["findings_url"] = reverse("admin:reconciliation_finding_changelist")
    return parts


def _change(one: dict[str, Any]) -> OpenChange:
    when, tone = _when(one)
    old, new = (rand(Decimal(str(one[name]))) for name in ("old_price", "new_price"))
    url = reverse("admin:pricing_pricechange_change", args=[one["id"]])
    return OpenChange(one["name"], f"{old} → {new}", when, tone, url)


def _when(one: dict[str, Any]) -> tuple[str, str]:
    if one["problem"]:
        return f"held: {one['problem']}", "red"
    if one["status"] == PriceChangeStatus.DRAFT:
        return "draft, not published yet", ""
    days = (date.fromisoformat(one["effective_date"]) - timezone.localdate()).days
    if days < 0:
        return f"{-days} day{'s' if days != -1 else ''} overdue", "red"
    return (f"{days} day{'s' if days != 1 else ''} to go", "") if days else ("today", "")


def _comparison(one: dict[str, Any]) -> Comparison:
    state = ReportState(one["state"])
    return Comparison(
        scope=str(Scope(one["scope"]).label),
        state=str(state.label),
        tone=TONES.get(state, "news"),
        at=datetime.fromisoformat(one["finished_at"] or one["started_at"]),
        trouble=one["trouble"],
        url=reverse("admin:reconciliation_reconciliationreport_change", args=[one["id"]]),
    )
