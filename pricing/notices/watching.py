"""When somebody is told that notices do not arrive: the looks of the alert rule *Notices of price changes*."""

from datetime import datetime
from urllib.parse import urlencode

from django.db.models import Count
from django.urls import reverse
from django.utils import timezone

from pricing.models import UNDELIVERED, MailOutage, NoticeStage, PriceNotice
from pricing.notices.linter import complaints_about
from zoho_sync.operating.models import AlertRule, Trigger
from zoho_sync.operating.watch import LOOKS, Found, Sight


def look(rule: AlertRule, _now: datetime) -> Sight:
    """One cause for the provider, one for each change with notices that need a person, one for each refused template."""
    return Sight([*_outages(), *_undelivered(rule.threshold), *_templates()])


def _outages() -> list[Found]:
    page = reverse("admin:pricing_pricenotice_changelist")
    return [
        Found(
            "outage",
            "The mail provider takes no notices of price changes",
            f"{outage.words}. Since {timezone.localtime(outage.began_at):%-d %b %Y %H:%M}; none is lost, they are tried"
            " again by themselves. Price moves wait for them.",
            f"{page}?{urlencode({'state__exact': 'owed'})}",
        )
        for outage in MailOutage.objects.filter(ended_at=None)
    ]


def _undelivered(threshold: int) -> list[Found]:
    page = reverse("admin:pricing_pricenotice_changelist")
    rows = (
        PriceNotice.objects.filter(state__in=UNDELIVERED)
        .order_by()
        .values("change", "change__package__name")
        .annotate(number=Count("pk"))
    )
    return [
        Found(
            f"undelivered:{row['change']}",
            f"{row['number']} notices of a price change need a person: {row['change__package__name']}",
            "They bounced, could not be sent, or Zoho has no address. These customers keep the old price until"
            " somebody decides.",
            f"{page}?{urlencode({'change__id__exact': row['change'], 'undelivered': 'yes'})}",
        )
        for row in rows
        if row["number"] > threshold
    ]


def _templates() -> list[Found]:
    return [
        Found(
            f"template:{stage.pk}",
            f"The notice “{stage}” is not sent",
            " ".join(map(str, complaints)),
            reverse("admin:pricing_noticestage_change", args=[stage.pk]),
        )
        for stage in NoticeStage.objects.filter(active=True)
        if (complaints := complaints_about(stage))
    ]


LOOKS[Trigger.PRICE_NOTICES] = look
