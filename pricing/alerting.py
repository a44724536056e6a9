"""What pricing finds worth telling operators: price changes that their invoices do not prove."""

from datetime import datetime

from django.urls import reverse

from pricing import proof
from pricing.notice import civil_day
from zoho_sync.operating.models import AlertRule, Trigger
from zoho_sync.operating.watch import Found, Sight, look_also


def register() -> None:
    look_also(Trigger.BILLING_UNPROVEN, unproven_changes)


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
