"""What pricing finds worth telling operators: changes that their invoices do not prove, notices that do not arrive."""

from datetime import datetime
from urllib.parse import urlencode

from django.db.models import Count
from django.urls import reverse
from django.utils import timezone

from pricing import proof
from pricing.models import UNDELIVERED, MailOutage, NoticeStage, PriceNotice
from pricing.notice import civil_day
from pricing.notices.texts import complaints_about
from zoho_sync.operating.models import AlertRule, Trigger
from zoho_sync.operating.watch import Found, Sight, look_also


def register() -> None:
    look_also(Trigger.BILLING_UNPROVEN, unproven_changes)
    look_also(Trigger.PRICE_NOTICES, undelivered_notices)


def unproven_changes(rule: AlertRule, now: datetime) -> Sight:
    """Changes with a case that is open more than `rule.threshold` days after its first renewal at the new price."""
    found = []
    for change in proof.unproven(civil_day(now), rule.threshold):
        number = change.late_cases  # type: ignore[attr-defined]
        some = f"{number} subscription{'s' if number != 1 else ''}"
        title = f"Not proven {rule.threshold} days after the renewal: {some} of {change}"
        detail = (
            "Their first invoice does not say the new price, was not found, or the move waits for a person."
        )
        path = reverse("admin:pricing_pricechange_proof", args=[change.pk])
        found.append(Found(str(change.pk), title, detail, path))
    return Sight(found)


def undelivered_notices(rule: AlertRule, _now: datetime) -> Sight:
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
            " ".join(complaints),
            reverse("admin:pricing_noticestage_change", args=[stage.pk]),
        )
        for stage in NoticeStage.objects.filter(active=True)
        if (complaints := complaints_about(stage))
    ]
