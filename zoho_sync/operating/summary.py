"""The words of the weekly summary."""

from datetime import datetime, timedelta

from django.urls import reverse
from django.utils import timezone

from circletel.core.jobs.scheduled import schedule
from zoho_sync.models import System
from zoho_sync.operating import alerts, outbox, queue
from zoho_sync.operating.models import Alert, AlertRule, Trigger
from zoho_sync.standing import standing

MOST_CAUSES = 5


def weekly_summary(now: datetime | None = None) -> str:
    """One message a week: how things stand, what fails, what is open. A second run in a week tells nothing."""
    now = now or timezone.now()
    rule = AlertRule.objects.get(trigger=Trigger.WEEKLY_SUMMARY)
    if not rule.is_enabled:
        return "the rule is switched off"
    year, week, _ = timezone.localtime(now).isocalendar()
    told = outbox.tell(
        rule, f"weekly:{year}-W{week:02}", f"The week in Zoho, {year}-W{week:02}", text(now), now=now
    )
    return "written" if told else "told already this week"


def text(now: datetime | None = None) -> str:
    """Plain text: how each system stands, the largest causes, alerts of the week, jobs that want a look."""
    now = now or timezone.now()
    picture = standing()
    lines = [
        f"{system.label}: {picture.count('in_step', system)} in step, {picture.count('owed', system)} owed,"
        f" {picture.count('failed', system)} failed, {picture.count('dead', system)} need a person"
        for system in System
    ]
    lines += ["", "What fails:"]
    causes = [
        f"- {group.count} × {group.cause}: {group.advice.words}"
        for group in queue.groups(queue.in_trouble())[:MOST_CAUSES]
    ]
    lines += causes or ["- nothing"]
    week = Alert.objects.filter(opened_at__gte=now - timedelta(days=7)).count()
    lines += ["", f"Alerts this week: {week}, open now: {alerts.open_alerts().count()}"]
    lines += [f"Job to look at: {job.name} ({job.shown_state})" for job in schedule(now) if job.needs_a_look]
    lines += ["", f"Home page: {alerts.address(reverse('admin:index'))}"]
    return "\n".join(lines)
