"""Beside the tables: the schedule."""

from typing import Any

from circletel.core.migrations._schedule import Crontab, Scheduled, schedule

OPERATIONS: list[Any] = [
    schedule(
        Scheduled(
            "Reconciliation: compare the catalogue with Zoho",
            "reconciliation.tasks.run_nightly",
            Crontab("0", "3"),
            "After the price job. Writes a report and its findings.",
        ),
        Scheduled(
            "Reconciliation: weekly report",
            "reconciliation.tasks.send_weekly_report",
            Crontab("0", "7", "1"),
            "To the people in RECONCILIATION_REPORT_RECIPIENTS.",
        ),
        Scheduled(
            "Reconciliation: the channel for hints from Zoho CRM is renewed",
            "reconciliation.tasks.keep_hint_channel",
            Crontab("10", "4"),
            "Opens, renews or ends it, as RECONCILIATION_HINTS says. Off by default: then it does nothing.",
        ),
        Scheduled(
            "Reconciliation: what Zoho CRM hinted at is looked at",
            "reconciliation.tasks.read_hints",
            Crontab("*", "*"),
            "Does nothing while no hint waits.",
        ),
    ),
]
