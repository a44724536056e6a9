"""How findings are told: a value in a sentence, and a report as a file."""

import json
from collections.abc import Iterable, Iterator
from typing import Any

from django.http import StreamingHttpResponse
from django.utils import timezone

from circletel.core.spreadsheet import csv_lines, download
from reconciliation.models import ReconciliationReport

LONGEST = 80
COLUMNS = (
    *("system", "kind", "type", "key", "field", "ours", "theirs", "since", "changed_by", "at_stake", "state"),
    *("first_seen", "times_seen", "sku", "package", "remote_id", "remote_name"),
)


def said(value: Any, longest: int = LONGEST) -> str:
    """A value of ours or of Zoho's in one line, cut where it is long; an empty one is “nothing”."""
    if value is None or value == "":
        return "nothing"
    plain = isinstance(value, str | int | float) and not isinstance(value, bool)
    text = str(value) if plain else json.dumps(value, ensure_ascii=False)
    line = " ".join(text.split())
    return line if len(line) <= longest else f"{line[: longest - 1]}…"


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
