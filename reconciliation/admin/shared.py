"""What the pages of reconciliation share."""

import json
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.html import format_html
from django.utils.safestring import SafeString

STYLE = {"all": ("reconciliation/reconciliation.css",)}
BADGES = {
    "New": "danger",
    "Still open": "warning",
    "Resolved": "success",
    "Ignored": "default",
    "Running": "info",
    "Complete": "success",
    "Incomplete": "warning",
    "Stopped with an alarm": "danger",
    "Planned": "info",
    "Applied": "success",
    "Refused": "danger",
}


def go_to(request: HttpRequest, page: str) -> HttpResponse:
    """To `page`, also from a dialog: those are posted by htmx, which follows a header and not a redirect."""
    if request.headers.get("HX-Request"):
        return HttpResponse(headers={"HX-Redirect": page})
    return HttpResponseRedirect(page)


def value(said: Any) -> SafeString:
    """A value of ours or of Zoho's, line ends and all."""
    if said is None or said == "":
        return format_html('<span class="rec-none">{}</span>', "nothing")
    text = json.dumps(said, ensure_ascii=False) if isinstance(said, dict | list | bool) else str(said)
    return format_html('<span class="rec-value" dir="auto">{}</span>', text)


def plural(number: int, word: str) -> str:
    return f"{number} {word}{'s' if number != 1 else ''}"
