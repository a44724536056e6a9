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
            "Reconciliation: compare the catalogue with Zoho CRM",
            "reconciliation.tasks.run_hourly_crm",
            Crontab("20", "*"),
            "CRM alone, one call for 2,000 records: what was changed there is seen within the hour.",
        ),
    ),
]
