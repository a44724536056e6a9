"""The outbox: a message is a row before it is sent, so a restart loses none; its key keeps it from being told twice."""

from datetime import datetime, timedelta
from typing import Any

import structlog
from django.conf import settings
from django.core.mail import EmailMessage
from django.db import transaction
from django.utils import timezone

from circletel.core.enqueue import enqueue
from circletel.core.mail import words_of
from zoho_sync.connection.webhook import WebhookFailed, post_text
from zoho_sync.operating.models import Alert, AlertDelivery, AlertRule, Channel, DeliveryState

log = structlog.get_logger(__name__)

# A sender that dies leaves the message with this lease; then it is taken up again.
LEASE = timedelta(minutes=5)
LONGEST_PAUSE = timedelta(hours=1)


class NotSent(Exception):
    """Why the channel did not take a message; holds no secret."""


def tell(
    rule: AlertRule,
    key: str,
    subject: str,
    body: str,
    *,
    now: datetime,
    alert: Alert | None = None,
    is_quiet: bool = True,
) -> bool:
    """Put a message into the outbox, unless `key` was told before. Returns whether it is new.

    It waits for the end of the rule's quiet hours, unless `is_quiet` is False.
    """
    _message, is_new = AlertDelivery.objects.get_or_create(
        key=key,
        defaults={
            "alert": alert,
            "channel": rule.channel,
            "recipients": rule.recipients.split() or list(settings.ALERT_EMAILS),
            "subject": " ".join(subject.split())[:300],
            "body": body,
            "next_try_at": after_quiet_hours(rule, now) if is_quiet else now,
        },
    )
    if is_new:
        enqueue("zoho_sync.tasks.send_messages")
    return is_new


def after_quiet_hours(rule: AlertRule, now: datetime) -> datetime:
    """`now`, or the end of the rule's quiet hours when it lies inside them. They may span midnight."""
    if rule.quiet_from is None or rule.quiet_to is None or rule.quiet_from == rule.quiet_to:
        return now
    local = timezone.localtime(now)
    start, end, time = rule.quiet_from, rule.quiet_to, local.time()
    spans_midnight = start > end
    is_quiet = time >= start or time < end if spans_midnight else start <= time < end
    if not is_quiet:
        return now
    day = local.date() + timedelta(days=1 if spans_midnight and time >= start else 0)
    return datetime.combine(day, end, local.tzinfo)


def send_due() -> str:
    """Send what is due, each message by itself: one that fails never stops the others. Says how many."""
    sent = failed = 0
    began = timezone.now()
    while message := _taken(began):
        try:
            _send(message)
        except Exception as trouble:
            failed += 1
            _report_failure(message, trouble)
        else:
            sent += 1
            AlertDelivery.objects.filter(pk=message.pk).update(
                state=DeliveryState.SENT, sent_at=timezone.now(), next_try_at=None, last_error=""
            )
    return f"{sent} sent, {failed} failed"


@transaction.atomic
def _taken(began: datetime) -> AlertDelivery | None:
    """The next due message, held by us until the lease ends. One that failed in this round waits for the next."""
    message = (
        AlertDelivery.objects.select_for_update(skip_locked=True)
        .exclude(state=DeliveryState.SENT)
        .filter(next_try_at__lte=began)
        .order_by("next_try_at", "created_at")
        .first()
    )
    if message is None:
        return None
    message.state = DeliveryState.SENDING
    message.attempts += 1
    message.next_try_at = timezone.now() + LEASE
    message.save(update_fields=["state", "attempts", "next_try_at"])
    return message


def _send(message: AlertDelivery) -> None:
    if message.channel == Channel.SLACK:
        if not settings.SLACK_WEBHOOK_URL:
            raise NotSent("SLACK_WEBHOOK_URL is not set.")
        post_text(settings.SLACK_WEBHOOK_URL, f"*{message.subject}*\n{message.body}")
        return
    if not message.recipients:
        raise NotSent("There is nobody to tell: set ALERT_EMAILS, or recipients on the rule.")
    # The same id each time: a mail system that saw the first copy can tell that the second is one.
    EmailMessage(
        message.subject,
        message.body,
        to=message.recipients,
        headers={"Message-ID": f"<{message.pk}@alerts.circletel>"},
    ).send()


def _report_failure(message: AlertDelivery, trouble: Exception) -> None:
    words = str(trouble) if isinstance(trouble, NotSent | WebhookFailed) else words_of(trouble)
    pause = min(timedelta(minutes=2 ** min(message.attempts - 1, 6)), LONGEST_PAUSE)
    AlertDelivery.objects.filter(pk=message.pk).update(
        state=DeliveryState.FAILED, next_try_at=timezone.now() + pause, last_error=words[:500]
    )
    log.warning("alert_not_sent", channel=message.channel, attempts=message.attempts, error=words)


def failing_channels() -> Any:
    """The channels with messages that could not be sent yet: {channel, last_error}."""
    return AlertDelivery.objects.filter(state=DeliveryState.FAILED).order_by("channel")
