"""What the pages of reconciliation share."""

import json
from typing import Any

from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.decorators import display

from circletel.core.admin.base import ReadOnlyInline
from reconciliation.words import said

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


class OfJob(ReadOnlyInline):
    """Below a job's page: what the job is about, with the way there."""

    hide_title = True
    fields = readonly_fields = ("page", "state")

    @display(description="What")
    def page(self, record: Any) -> SafeString:
        name = f"admin:{self.opts.app_label}_{self.opts.model_name}_change"
        return format_html('<a class="home-link" href="{}">{}</a>', reverse(name, args=[record.pk]), record)


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


def plural(number: int, word: str) -> str:
    return f"{number} {word}{'s' if number != 1 else ''}"
