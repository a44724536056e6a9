"""Alerts: opened and resolved by what is found, answered by people; each change is one message in the outbox.

Beside them one message a week that says how things stand.
"""

import uuid
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import F
from django.urls import reverse
from django.utils import timezone
from django.utils.timesince import timesince

from circletel.core import audit
from circletel.core.errors import NotReady, WrongStatus
from circletel.core.jobs.scheduled import schedule
from circletel.core.rights import ensure_may, name_of
from zoho_sync.models import System
from zoho_sync.operating import outbox, queue
from zoho_sync.operating.models import Alert, AlertRule, AlertState, Trigger
from zoho_sync.operating.watch import Found, Sight, look
from zoho_sync.standing import standing

LONGEST_SNOOZE = timedelta(days=30)
# Of the weekly summary.
MOST_CAUSES = 5


def watch(now: datetime | None = None) -> str:
    """Look with every rule; open, keep and resolve alerts. Returns in words what changed."""
    now = now or timezone.now()
    opened = resolved = 0
    for rule in AlertRule.objects.exclude(trigger=Trigger.WEEKLY_SUMMARY):
        sight = look(rule, now) if rule.is_enabled else Sight([])
        if sight is not None:
            one, other = _follow(rule, sight, now)
            opened, resolved = opened + one, resolved + other
    return f"{opened} opened, {resolved} resolved"


@transaction.atomic
def _follow(rule: AlertRule, sight: Sight, now: datetime) -> tuple[int, int]:
    known = {
        alert.cause: alert
        for alert in rule.alerts.exclude(state=AlertState.RESOLVED).select_for_update(of=("self",))
    }
    firing = {found.cause: found for found in sight.firing}
    for cause, found in firing.items():
        if cause not in known:
            _open(rule, found, now)
    resolved = 0
    for cause, alert in known.items():
        if cause in firing or cause in sight.lasting:
            _keep(alert, firing.get(cause), now)
        else:
            _resolve(alert, now)
            resolved += 1
    return len(firing.keys() - known.keys()), resolved


def _open(rule: AlertRule, found: Found, now: datetime) -> None:
    alert = Alert.objects.create(
        rule=rule,
        cause=found.cause,
        title=found.title[:300],
        detail=found.detail,
        path=found.path[:500],
        opened_at=now,
        last_seen_at=now,
    )
    outbox.tell(rule, f"{alert.pk}:opened", alert.title, body_of(alert), now=now, alert=alert)


def _keep(alert: Alert, found: Found | None, now: datetime) -> None:
    alert.last_seen_at = now
    if found:
        alert.title, alert.detail = found.title[:300], found.detail
    if alert.state == AlertState.SNOOZED and alert.snoozed_until and alert.snoozed_until <= now:
        key = f"{alert.pk}:awake:{alert.snoozed_until:%Y%m%dT%H%M%S}"
        alert.state, alert.snoozed_until = AlertState.OPEN, None
        outbox.tell(alert.rule, key, f"Still there: {alert.title}", body_of(alert), now=now, alert=alert)
    elif alert.state == AlertState.OPEN and (days := (now - alert.opened_at).days):
        subject = f"Open for {days} day{'s' if days != 1 else ''}: {alert.title}"
        outbox.tell(alert.rule, f"{alert.pk}:open:{days}", subject, body_of(alert), now=now, alert=alert)
    alert.save()


def _resolve(alert: Alert, now: datetime) -> None:
    alert.state, alert.resolved_at, alert.snoozed_until = AlertState.RESOLVED, now, None
    alert.save()
    if alert.rule.is_enabled:
        lasted = timesince(alert.opened_at, now).replace("\xa0", " ")
        subject = f"Over after {lasted}: {alert.title}"
        outbox.tell(alert.rule, f"{alert.pk}:resolved", subject, body_of(alert), now=now, alert=alert)


def body_of(alert: Alert) -> str:
    """The words of a message, with the pages where it is mended and answered. A link changes nothing by itself."""
    answer = address(reverse("admin:zoho_sync_alert_change", args=[alert.pk]))
    return f"{alert.detail}\n\nLook: {address(alert.path)}\nAcknowledge or snooze: {answer}".lstrip()


def address(path: str) -> str:
    return f"{(settings.CIRCLETEL_BASE_URL or 'http://localhost:8000').rstrip('/')}{path}"


@transaction.atomic
def acknowledge(alert_id: Any, *, actor: User) -> Alert:
    """Somebody takes care: nothing more is told until it is over. Raises NotAllowed or WrongStatus."""
    alert = _to_answer(alert_id, actor)
    before, alert.state = alert.state, AlertState.ACKNOWLEDGED
    alert.acknowledged_by, alert.acknowledged_at, alert.snoozed_until = actor, timezone.now(), None
    alert.save()
    audit.record("acknowledge", alert, actor=actor, changes={"state": [before, alert.state]})
    return alert


@transaction.atomic
def snooze(alert_id: Any, *, actor: User, hours: int) -> Alert:
    """Nothing is told for `hours`; afterwards again, if it still lasts. Raises NotAllowed, NotReady or WrongStatus."""
    if not 0 < hours <= LONGEST_SNOOZE.total_seconds() / 3600:
        raise NotReady("hours: from 1 to 720")
    alert = _to_answer(alert_id, actor)
    before, alert.state = alert.state, AlertState.SNOOZED
    alert.snoozed_until = timezone.now() + timedelta(hours=hours)
    alert.save()
    audit.record("snooze", alert, actor=actor, changes={"state": [before, alert.state]}, detail=f"{hours} h")
    return alert


def _to_answer(alert_id: Any, actor: User) -> Alert:
    ensure_may(actor, "zoho_sync.answer_alert", "answer alerts")
    alert = Alert.objects.select_for_update().get(pk=alert_id)
    if alert.state == AlertState.RESOLVED:
        raise WrongStatus("This alert is over already.")
    return alert


@transaction.atomic
def send_test(rule_id: Any, *, actor: User) -> None:
    """A message over the rule's channel, at once also in quiet hours. Raises NotAllowed."""
    ensure_may(actor, "zoho_sync.change_alertrule", "change alert rules")
    rule = AlertRule.objects.get(pk=rule_id)
    body = f"{name_of(actor)} tries this channel. Messages of the rule “{rule}” go here."
    outbox.tell(rule, f"test:{uuid.uuid4()}", f"Test: {rule}", body, now=timezone.now(), is_quiet=False)
    audit.record("test alert", rule, actor=actor)


def open_alerts() -> Any:
    """What is not over, the newest first."""
    return Alert.objects.exclude(state=AlertState.RESOLVED).annotate(channel=F("rule__channel"))


def weekly_summary() -> str:
    """One message a week: how things stand, what fails, what is open. A second run in a week tells nothing."""
    now = timezone.now()
    rule = AlertRule.objects.get(trigger=Trigger.WEEKLY_SUMMARY)
    if not rule.is_enabled:
        return "the rule is switched off"
    year, week, _ = timezone.localtime(now).isocalendar()
    told = outbox.tell(
        rule, f"weekly:{year}-W{week:02}", f"The week in Zoho, {year}-W{week:02}", text_of_week(now), now=now
    )
    return "written" if told else "told already this week"


def text_of_week(now: datetime) -> str:
    """Plain text: how each system stands, the largest causes, alerts of the week, jobs that want a look."""
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
    lines += ["", f"Alerts this week: {week}, open now: {open_alerts().count()}"]
    lines += [f"Job to look at: {job.name} ({job.shown_state})" for job in schedule(now) if job.needs_a_look]
    lines += ["", f"Home page: {address(reverse('admin:index'))}"]
    return "\n".join(lines)
