"""Beside the tables: the schedule of what runs by itself, and the rules of the alerts."""

from datetime import time
from typing import Any

from django.db import migrations

from circletel.core.migrations._schedule import EACH_MINUTE, Crontab, Scheduled, schedule

RULES = {
    # trigger: channel, more than, hours looked back, quiet hours
    "repeated_failure": ("email", 3, 24, (time(21, 0), time(6, 0))),
    "rate_limited": ("slack", 0, 1, (None, None)),
    "not_authorised": ("slack", 0, 1, (None, None)),
    "breaker_open": ("slack", 0, 1, (None, None)),
    "job_missed": ("slack", 0, 24, (None, None)),
    "dead_growing": ("slack", 10, 1, (None, None)),
    "weekly_summary": ("email", 0, 168, (None, None)),
    # More than three days after the first invoice at the new price.
    "billing_unproven": ("email", 3, 24, (None, None)),
    "price_notices": ("email", 0, 24, (None, None)),
}


def add_rules(apps: Any, _schema_editor: Any) -> None:
    AlertRule = apps.get_model("zoho_sync", "AlertRule")
    for trigger, (channel, threshold, hours, quiet) in RULES.items():
        values = {"channel": channel, "threshold": threshold, "window_hours": hours}
        values |= {"quiet_from": quiet[0], "quiet_to": quiet[1]}
        AlertRule.objects.get_or_create(trigger=trigger, defaults=values)


OPERATIONS: list[Any] = [
    migrations.RunPython(add_rules, migrations.RunPython.noop),
    schedule(
        Scheduled(
            "Sweep: send what is owed to Zoho",
            "zoho_sync.tasks.sweep",
            EACH_MINUTE,
            "Picks up what a nudge missed and what a lost worker still held.",
        ),
        Scheduled(
            "Field security: who may edit our fields in Zoho CRM",
            "zoho_sync.tasks.check_field_security",
            Crontab("30", "3"),
            "Alerts about fields that people have become able to edit.",
        ),
        Scheduled(
            "Alerts: look and tell",
            "zoho_sync.tasks.watch",
            EACH_MINUTE,
            "Finds what is worth telling, and sends the messages that wait.",
        ),
        Scheduled(
            "Weekly summary",
            "zoho_sync.tasks.weekly_summary",
            Crontab("0", "7", "1"),
            "By e-mail, Monday at 07:00.",
        ),
        Scheduled(
            "Log retention",
            "zoho_sync.tasks.retention",
            Crontab("45", "3"),
            "Deletes Zoho calls older than 90 days.",
        ),
        Scheduled(
            "Daily figures",
            "zoho_sync.tasks.count_figures",
            Crontab("*/15", "*"),
            "The trend on the home page.",
        ),
    ),
]
