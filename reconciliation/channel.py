"""The notification channel by which Zoho CRM sends hints: opened, renewed each day, and ended when nobody wants it."""

import secrets
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.urls import reverse
from django.utils import timezone

from reconciliation.hints import token_of
from reconciliation.models import HintChannel
from zoho_sync.connection.http import ZohoHttp
from zoho_sync.crm.client import CrmClient
from zoho_sync.models import System

# Zoho allows a week, and an hour to whoever asks for more. A day less leaves room for clocks that differ.
LASTS = timedelta(days=6)


class NotPossible(RuntimeError):
    """The settings do not say enough; the words are fit for an operator."""


def keep_channel(*, sleep: Callable[[float], None] = time.sleep) -> str:
    """Have a channel that lasts for days where hints are wanted, and none where they are not. One or two calls.

    Says what it did. Raises NotPossible, and ZohoErrors.
    """
    channel = HintChannel.objects.first()
    if not settings.RECONCILIATION_HINTS and channel is None:
        return "hints are off"
    http = ZohoHttp(System.CRM, sleep=sleep)
    try:
        client = CrmClient(http)
        return _kept(client, channel) if settings.RECONCILIATION_HINTS else _ended(client, channel)
    finally:
        http.close()


def _kept(client: CrmClient, channel: HintChannel | None) -> str:
    if not settings.CIRCLETEL_BASE_URL:
        raise NotPossible("Set CIRCLETEL_BASE_URL: Zoho has to know where to send its hints.")
    now = timezone.now()
    address = settings.CIRCLETEL_BASE_URL.rstrip("/") + reverse("zoho-crm-hints")
    if channel is None:
        # Written down first: a hint may come before the answer does.
        channel = HintChannel(channel_id=str(10**14 + secrets.randbelow(9 * 10**14)), renewed_at=now)
        is_there = False
    else:
        is_there = True
    channel.notify_url, channel.expires_at = address, now + LASTS
    channel.renewed_at = now
    channel.save()
    wish = _wish(channel)
    if is_there and client.watch_on(wish):
        return f"renewed until {_day(channel.expires_at)}"
    client.watch(wish)
    return f"opened until {_day(channel.expires_at)}"


def _ended(client: CrmClient, channel: HintChannel | None) -> str:
    assert channel is not None  # the caller looked
    client.unwatch(channel.channel_id)
    channel.delete()
    return "ended: hints are off"


def _wish(channel: HintChannel) -> dict[str, Any]:
    return {
        "channel_id": channel.channel_id,
        "events": ["Products.all"],
        "channel_expiry": channel.expires_at.astimezone(timezone.get_default_timezone()).isoformat(
            timespec="seconds"
        ),
        "token": token_of(channel.channel_id),
        "notify_url": channel.notify_url,
        # On unless it is switched off: notes and attachments are no business of ours.
        "notify_on_related_action": False,
        "return_affected_field_values": False,
    }


def _day(at: datetime) -> str:
    return f"{timezone.localtime(at):%-d %b %Y, %H:%M}"
