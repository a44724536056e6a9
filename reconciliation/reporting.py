"""How findings are told: a report as a file, and e-mails once a week and when something is new."""

import json
from collections.abc import Iterable, Iterator, Sequence
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.http import StreamingHttpResponse
from django.template.loader import render_to_string
from django.utils import timezone

from circletel.core.spreadsheet import csv_lines, download
from reconciliation.findings import said, total_at_stake
from reconciliation.models import Finding, FindingState, FindingType, ReconciliationReport, ReportState
from reconciliation.planning import deeds_for

COLUMNS = (
    *("system", "kind", "type", "key", "field", "ours", "theirs", "since", "changed_by", "at_stake", "state"),
    *("first_seen", "times_seen", "sku", "package", "remote_id", "remote_name"),
)
WEEK = timedelta(days=7)
MOST_LINES = 50


def as_document(report: ReconciliationReport) -> dict[str, Any]:
    """The same JSON that `manage.py reconcile --json` writes."""
    return {
        "complete": report.is_complete,
        "counts": report.counts,
        "calls": report.calls,
        "findings": report.findings,
    }


def as_csv(findings: Iterable[dict[str, Any]]) -> Iterator[str]:
    """Line by line, with a header."""
    return csv_lines(COLUMNS, ([each.get(name) for name in COLUMNS] for each in findings))


def csv_answer(report: ReconciliationReport) -> StreamingHttpResponse:
    return download(as_csv(report.findings), f"{_name(report)}.csv")


def json_answer(report: ReconciliationReport) -> StreamingHttpResponse:
    text = json.dumps(as_document(report), ensure_ascii=False, indent=2)
    return download([text], f"{_name(report)}.json", "application/json")


def _name(report: ReconciliationReport) -> str:
    return f"reconciliation-{timezone.localtime(report.started_at):%Y-%m-%d-%H%M}"


# --- e-mails, as HTML and text


def send_weekly() -> int:
    """The week's report to the people in RECONCILIATION_REPORT_RECIPIENTS. Returns how many messages were sent."""
    at = timezone.now()
    of_the_week = ReconciliationReport.objects.filter(started_at__gt=at - WEEK, started_at__lte=at)
    reports = list(of_the_week.select_related("job"))
    open_findings = Finding.objects.open()
    new = open_findings.filter(first_seen_at__gt=at - WEEK)
    resolved = Finding.objects.filter(state=FindingState.RESOLVED, resolved_at__gt=at - WEEK)
    context = {
        "begin": timezone.localtime(at - WEEK),
        "end": timezone.localtime(at),
        "reports": reports,
        "incomplete": [
            each for each in reports if each.current_state in (ReportState.INCOMPLETE, ReportState.ALARM)
        ],
        "calls": sum(each.calls for each in reports),
        "new": _lines(new),
        "still": _lines(open_findings.filter(first_seen_at__lte=at - WEEK)),
        "resolved": _lines(resolved),
        "numbers": {
            "new": new.count(),
            "still": open_findings.count() - new.count(),
            "resolved": resolved.count(),
            "ignored": Finding.objects.filter(state=FindingState.IGNORED).count(),
            "at_stake": total_at_stake(open_findings),
            "person": sum(1 for each in open_findings.select_related("package") if _needs_person(each)),
        },
    }
    number = context["numbers"]["new"] + context["numbers"]["still"]  # type: ignore[index]
    verdict = (
        f"{number} open finding{'s' if number != 1 else ''}" if number else "Zoho agrees with the catalogue"
    )
    return _send(f"Zoho this week: {verdict}", "weekly", context)


def send_alert(report: ReconciliationReport) -> int:
    """Tell of what a run found for the first time, or that it stopped with an alarm. Nothing when it is neither."""
    new = Finding.objects.open().filter(first_report=report, state=FindingState.NEW)
    number = new.count()
    if report.state == ReportState.ALARM:
        subject = "Zoho: the nightly comparison stopped with an alarm"
    elif number:
        subject = f"Zoho: {number} new finding{'s' if number != 1 else ''}"
    else:
        return 0
    return _send(subject, "alert", {"report": report, "new": _lines(new), "number": number})


def _send(subject: str, template: str, context: dict[str, Any]) -> int:
    recipients = settings.RECONCILIATION_REPORT_RECIPIENTS
    if not recipients:
        return 0
    text = render_to_string(f"reconciliation/mail/{template}.txt", context)
    message = EmailMultiAlternatives(subject, text, to=recipients)
    message.attach_alternative(render_to_string(f"reconciliation/mail/{template}.html", context), "text/html")
    return message.send()


def _lines(findings: Any) -> Sequence[dict[str, Any]]:
    return [
        {
            "record": f"{each.get_kind_display()} {each.key}",
            "what": f"{each.field}: Zoho {said(each.theirs)}, ours {said(each.ours)}"
            if each.field
            else each.get_type_display(),
            "who": each.changed_by,
            "at_stake": each.at_stake,
            "since": timezone.localtime(each.since) if each.since else None,
        }
        for each in findings.order_by("kind", "key", "field")[:MOST_LINES]
    ]


def _needs_person(finding: Finding) -> bool:
    """More is asked than a click on “push ours”."""
    return finding.type in (
        FindingType.MISSING_HERE,
        FindingType.DUPLICATE,
        FindingType.WRONG_LINK,
        FindingType.BILLED_PRICE,
        FindingType.OWN_PRICE,
    ) or not deeds_for(finding)
